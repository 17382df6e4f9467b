// The proof of work that a form asks for after many failures (安全验证): an ALTCHA challenge, solved without anybody's help.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js';
import { enhancing } from './dom.js';
import { addGate } from './submit.js';

const SLICE = 25;   // milliseconds between pauses, so that the page goes on answering
const proofs = new WeakMap();

function derive(salt, nonce, counter, cost) {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, counter);
  let hash = concatBytes(salt, nonce, number);
  for (let round = 0; round < cost; round += 1) hash = sha256(hash);
  return hash;
}

async function solve({ parameters, signature }) {
  const salt = hexToBytes(parameters.salt), nonce = hexToBytes(parameters.nonce);
  let pause = performance.now() + SLICE;
  for (let counter = 0; ; counter += 1) {
    const key = bytesToHex(derive(salt, nonce, counter, parameters.cost));
    if (key.startsWith(parameters.keyPrefix)) {
      return btoa(JSON.stringify({ challenge: { parameters, signature }, solution: { counter, derivedKey: key } }));
    }
    if (performance.now() > pause) {
      await new Promise((resolve) => { setTimeout(resolve); });
      pause = performance.now() + SLICE;
    }
  }
}

enhancing('[data-proof]', (box) => {
  const said = box.querySelector('[data-proof-state]');
  said.textContent = '正在进行安全验证，请稍候…';
  proofs.set(box.closest('form'), solve(JSON.parse(box.dataset.proof)).then((proof) => {
    box.querySelector('input[name=proof]').value = proof;
    box.classList.add('is-done');
    said.textContent = '安全验证已完成，可以继续。';
  }));
});

addGate({ needed: (form) => proofs.has(form), pass: async (form) => { await proofs.get(form); return true; } });
