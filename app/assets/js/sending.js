// How a file gets to the server: a small one in one request, a larger one in parts (tus), which a broken
// connection or a reload does not lose.
import { Upload, defaultOptions } from 'tus-js-client';
import { csrfToken, post, upload } from './http.js';

const PART = 1048576;               // as app/core/parts.py takes them
const PAUSES = [500, 1500, 4000];   // before it is tried again by itself; then people are asked
// Too many files are being checked: the server says so, is asked again, and has kept the parts.
const TURNS = [4, 8, 15, 30, 30, 30, 30].map((seconds) => seconds * 1000);
const KEPT = 48 * 3600000;          // how long the server keeps parts
const memory = defaultOptions.urlStorage;

const mine = (url) => `zhiping|${document.body.dataset.owner ?? ''}|${url}|`;
const finger = (url, file) => `${mine(url)}${file.name}|${file.size}|${file.lastModified}`;

async function forget(url, file) {
  for (const kept of await memory.findUploadsByFingerprint(finger(url, file))) await memory.removeUpload(kept.urlStorageKey);
}

const giveUp = (place) => fetch(place, {
  method: 'DELETE', credentials: 'same-origin', headers: { 'X-CSRFToken': csrfToken(), Accept: 'application/json' },
}).catch(() => {});

// unfinished(url) -> [{name, forget()}]: what this person began here in the last two days and never finished.
export async function unfinished(url) {
  const found = [];
  for (const kept of await memory.findAllUploads()) {
    if (!kept.urlStorageKey.startsWith('tus::zhiping|')) continue;
    if (Date.now() - Date.parse(kept.creationTime) > KEPT) { await memory.removeUpload(kept.urlStorageKey); continue; }
    if (!kept.urlStorageKey.startsWith(`tus::${mine(url)}`)) continue;
    found.push({
      name: kept.metadata.filename, size: kept.size,
      forget: () => { memory.removeUpload(kept.urlStorageKey); giveUp(kept.uploadUrl); },
    });
  }
  return found;
}

function told(error) {
  const answer = error.originalResponse;
  let body = {};
  try { body = JSON.parse(answer?.getBody() ?? ''); } catch { /* a proxy's page, or nothing */ }
  return { status: answer?.getStatus() ?? 0, body, isQueued: Boolean(answer?.getHeader('Retry-After')) };
}

// The place takes the whole; what it refuses is not kept for another try.
async function finish(url, place, file) {
  const data = new FormData();
  data.append('upload', place.split('/').pop());
  const answer = await post(url, data);
  const isOver = answer.status >= 200 && answer.status < 300;
  if (isOver || [404, 409, 413, 422].includes(answer.status)) await forget(url, file);
  if (!isOver && answer.status >= 400 && answer.status < 500 && answer.status !== 401) giveUp(place);
  return answer;
}

function sendParts(url, file, { onProgress, onPause, signal }) {
  return new Promise((resolve) => {
    const way = new Upload(file, {
      endpoint: url, chunkSize: PART, retryDelays: PAUSES, metadata: { filename: file.name },
      headers: { Accept: 'application/json' },
      fingerprint: async () => finger(url, file),
      onBeforeRequest: (request) => request.setHeader('X-CSRFToken', csrfToken()),
      onProgress: (sent, all) => onProgress(sent / all),
      onShouldRetry: (error) => {
        const { status } = told(error);
        const again = !status || status >= 500 || status === 409;
        if (again) onPause();
        return again;
      },
      onError: async (error) => {
        const answer = told(error);
        if ([413, 422].includes(answer.status)) { await forget(url, file); if (way.url) giveUp(way.url); }
        resolve(answer);
      },
      onSuccess: async () => resolve(await finish(url, way.url, file)),
    });
    signal.addEventListener('abort', async () => {
      await way.abort(true).catch(() => {});
      resolve({ status: 0, body: {} });
    });
    way.findPreviousUploads().then(([before]) => {
      if (signal.aborted) return;
      if (before) way.resumeFromPreviousUpload(before);
      way.start();
    });
  });
}

const pause = (span, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, span);
  signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); });
});

// send(url, file, {onProgress(fraction), onPause(), onQueue(turn), signal}) -> {status, body} of the place that keeps the file.
export async function send(url, file, shows) {
  const once = () => (file.size <= PART ? upload(url, file, file.name, shows.onProgress, shows.signal) : sendParts(url, file, shows));
  let answer = await once();
  for (const [turn, span] of TURNS.entries()) {
    if (!answer.isQueued || shows.signal.aborted) break;
    shows.onQueue(turn + 1);
    await pause(span, shows.signal);
    if (!shows.signal.aborted) answer = await once();
  }
  return answer;
}
