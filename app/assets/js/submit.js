// What happens between pressing a button and sending the form: questions, waiting, and no second send.
import { isComplete } from './complete.js';
import { ask } from './dialog.js';
import { on } from './dom.js';
import { labelOf } from './fields.js';
import { rejoin } from './http.js';
import { toast } from './toast.js';

const gates = [];
const cleared = new WeakSet();

// addGate({needed(form, button) -> bool, pass(form, button) -> Promise<bool>}): must agree before a form leaves.
export function addGate(gate) { gates.push(gate); }

// data-confirm-quote="opinion": the text of that field stands in the question, since it may have been kept from before.
function quoteOf(form, button) {
  const name = button?.dataset.confirmQuote, text = name && form.elements.namedItem(name)?.value?.trim();
  return text ? `${labelOf(form, name)}：${text}` : '';
}

// {n} in data-confirm: how many of the list are ticked (bulk.js), as the page says above it.
const question = (form, button) => (button?.dataset.confirm ?? form.dataset.confirm)
  ?.replace('{n}', form.querySelector('[data-count]')?.textContent ?? '');

addGate({
  needed: (form, button) => Boolean(question(form, button)),
  pass: async (form, button) => isComplete(form, button) && ask(question(form, button), {
    label: button?.textContent.trim() || '确定', danger: Boolean(button?.className.includes('danger')),
    quote: quoteOf(form, button),
  }),
});

// What came after the session had ended: sent again under the session that was opened in another tab.
addGate({
  needed: (form) => 'sendAgain' in form.dataset,
  pass: async (form) => {
    const fault = await rejoin(form.dataset.owner);
    if (fault) toast(fault, 'danger');
    return !fault;
  },
});

async function pass(form, button, open) {
  for (const gate of open) if (!await gate.pass(form, button)) return;
  await new Promise((resolve) => { setTimeout(resolve); });   // a form still firing its submit event ignores another
  cleared.add(form);
  form.requestSubmit(button?.isConnected ? button : undefined);
  cleared.delete(form);
}

function sendOnce(event, form, button) {
  if (form.dataset.sending !== undefined) { event.preventDefault(); return; }
  form.dataset.sending = '';
  if (!button) return;
  if (button.name) {
    // A disabled button is left out of the data: this input speaks for it.
    const stand = Object.assign(document.createElement('input'), { type: 'hidden', name: button.name, value: button.value });
    stand.dataset.standIn = '';
    form.append(stand);
  }
  button.disabled = true;
  button.classList.add('is-sending');
  wakeAfterFile(form);
}

// Everything in a form that stays on the page can be pressed again.
function wake(form) {
  delete form.dataset.sending;
  for (const stand of form.querySelectorAll('[data-stand-in]')) stand.remove();
  for (const button of document.querySelectorAll('.is-sending')) {
    if (button.form !== form) continue;
    button.disabled = false;
    button.classList.remove('is-sending');
  }
}

// An answer that is a file leaves the page standing; a short cookie says that it came (app/core/http.py).
function wakeAfterFile(form) {
  const mark = `file_sent=${form.elements.namedItem('request_key')?.value}`;
  const timer = setInterval(() => {
    if (form.dataset.sending !== undefined && !document.cookie.split('; ').includes(mark)) return;
    clearInterval(timer);
    document.cookie = 'file_sent=; Max-Age=0; Path=/; SameSite=Strict';
    wake(form);
  }, 300);
}

document.addEventListener('submit', (event) => {
  const form = event.target, button = event.submitter;
  if (!cleared.has(form)) {
    const open = gates.filter((gate) => gate.needed(form, button));
    if (open.length) {
      event.preventDefault();
      event.stopImmediatePropagation();
      pass(form, button, open);
      return;
    }
  }
  const repeatable = form.method !== 'post' || 'repeat' in form.dataset || form.target === '_blank' || form.matches('[hx-get],[hx-post]');
  if (!repeatable) sendOnce(event, form, button);
}, true);

on('click', 'a[data-confirm]', async (event, link) => {
  event.preventDefault();
  if (await ask(link.dataset.confirm, { danger: link.className.includes('danger') })) location.assign(link.href);
});

// Back from the browser's page cache: everything can be pressed again.
window.addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  document.querySelectorAll('form[data-sending]').forEach(wake);
});

// The server's own words, in Chinese and with links to the fields, replace the browser's bubbles.
for (const form of document.querySelectorAll('form[method="post"]')) form.noValidate = true;
