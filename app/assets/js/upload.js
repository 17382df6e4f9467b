// <input type="file" data-upload="url" data-name="proof">: files are sent at once, each with its progress; the form
// carries their ids. A row of a file can be replaced in its place, and renamed where data-renames says so.
import { addGate } from './submit.js';
import { ask } from './dialog.js';
import { enhancing, fieldChanged, fileSize, icon, make, on } from './dom.js';
import { isSignedOut, reason, rejoin } from './http.js';
import { send, unfinished } from './sending.js';

const AT_ONCE = 3;
const MOST_PICTURE = 31457280;   // pictures are compressed by the server, see app/core/uploads.py
const running = new Map();       // form -> number of uploads under way
const waiting = [], stalled = new Set();
const entering = new WeakMap();  // list -> number of new files that are being sent into it
let busy = 0;

const isImage = (name) => /\.(jpe?g|png|webp)$/i.test(name);
const shownBy = (name) => (isImage(name) ? 'image' : /\.pdf$/i.test(name) && 'pdf');
const listOf = (input) => input.closest('[data-uploader]').querySelector('[data-files]');
const sameAs = (file) => `${file.name}|${file.size}|${file.lastModified}`;

function hold(form, step) {
  running.set(form, (running.get(form) ?? 0) + step);
  if (!running.get(form)) form?.dispatchEvent(new Event('uploads:done'));
}

function next() {
  for (const job of [...waiting]) {
    if (busy >= AT_ONCE) return;
    if (job.mustWait()) continue;
    waiting.splice(waiting.indexOf(job), 1);
    busy += 1;
    job.run().finally(() => { busy -= 1; next(); });
  }
}

const textButton = (act, text, name, tone = '') => make('button', { type: 'button', class: `btn btn-link btn-sm ${tone}`, [`data-file-${act}`]: '' }, text,
  make('span', { class: 'visually-hidden', 'data-file-called': '' }, name));

function buttons(input, name) {
  const own = 'renames' in input.dataset ? [['up', '上移'], ['down', '下移'], ['rename', '重命名']] : [];
  return make('span', { class: 'file-acts' }, ...own.map(([act, text]) => textButton(act, text, name)),
    input.multiple ? textButton('replace', '替换', name) : null,
    textButton('remove', '移除', name, 'link-danger'));
}

// The row of a stored file, as the server renders it.
function storedRow(input, file) {
  return make('li', { class: 'file-row', 'data-file': '' },
    make('input', { type: 'hidden', name: input.dataset.name, value: file.id }),
    icon(isImage(file.name) ? 'file-image' : 'file-earmark-text'),
    make('span', { class: 'file-name' }, make('a', { href: file.url ?? `/files/${file.id}`, target: '_blank', rel: 'noopener', 'data-preview': shownBy(file.name) }, file.name)),
    make('span', { class: 'file-size' }, fileSize(file.size ?? 0)),
    buttons(input, file.name));
}

// addStored(input, {id, name, size}): a file that another page has uploaded here.
export function addStored(input, file) {
  if (!input.multiple) listOf(input).replaceChildren();
  listOf(input).append(storedRow(input, file));
}

function refusedRow(row, file, text, again) {
  row.classList.add('is-refused');
  row.replaceChildren(icon('exclamation-circle'), make('span', { class: 'file-name' }, file.name),
    make('span', { class: 'upload-error', role: 'alert' }, text));
  const acts = make('span', { class: 'file-acts' });
  if (again) {
    const retry = textButton('again', '重试', file.name);
    retry.addEventListener('click', again);
    acts.append(retry);
  }
  acts.append(textButton('remove', again ? '取消' : '移除', file.name, 'link-danger'));
  row.append(acts);
  row.scrollIntoView({ block: 'center' });   // never behind the bar at the foot
}

function wrongKind(input, file) {
  const endings = (input.accept ?? '').split(',').map((end) => end.trim().toLowerCase()).filter((end) => end.startsWith('.'));
  if (!endings.length || endings.some((end) => file.name.toLowerCase().endsWith(end))) return '';
  if (/\.hei[cf]$/i.test(file.name) && endings.includes('.jpg')) return 'HEIC 照片请先在看图软件中另存为 JPG，再上传';
  return `只接受 ${endings.join('、').replaceAll('.', '').toUpperCase()} 文件`;
}

// room(input, list) -> how many more files a place takes: what was refused, or may yet be, uses none of it.
function room(input, list) {
  return Number(input.dataset.maxCount || Infinity) - list.querySelectorAll('[data-file] > input[type=hidden]').length;
}

const overfull = (input) => `最多 ${input.dataset.maxCount} 个文件`;

function objection(input, file, list, isNew) {
  const { maxBytes } = input.dataset;
  const most = maxBytes && (isImage(file.name) ? Math.max(Number(maxBytes), MOST_PICTURE) : Number(maxBytes));
  if (most && file.size > most) return `文件 ${fileSize(file.size)}，超过 ${fileSize(most)} 的上限`;
  const kind = wrongKind(input, file);
  if (kind || !list) return kind;
  const others = [...list.querySelectorAll('[data-file]:not(.is-refused)')];
  if (others.some((row) => row.dataset.same === sameAs(file))) return '已经选择过这个文件';
  return isNew && room(input, list) <= 0 ? overfull(input) : '';
}

function progressRow(row, file) {
  const bar = make('progress', { max: 100, value: 0, 'aria-label': `${file.name} 上传进度` });
  const state = make('span', { class: 'upload-state', role: 'status' });
  const stop = new AbortController();
  const cancel = textButton('cancel', '取消', file.name);
  cancel.addEventListener('click', () => stop.abort());
  row.classList.remove('is-refused');
  row.replaceChildren(icon('arrow-up-circle'), make('span', { class: 'file-name' }, file.name), bar, state, make('span', { class: 'file-acts' }, cancel));
  let best = 0;      // a part that is tried again brings nothing new at first
  return {
    signal: stop.signal,
    onProgress: (part) => {
      if (part <= best) return;
      best = part;
      bar.value = Math.round(part * 100);
      state.textContent = part < 1 ? '' : '正在检查…';
    },
    onPause: () => { state.textContent = '网络中断，正在重试…'; },
    onQueue: (turn) => { state.textContent = `服务器正忙，排队等待后自动重试（第 ${turn} 次）…`; },
  };
}

function landed(input, list, row, file, facts, former) {
  if (!input.multiple) for (const other of [...list.children]) if (other !== row) other.remove();
  const stored = storedRow(input, { name: file.name, size: file.size, ...facts });
  stored.dataset.same = sameAs(file);
  row.replaceWith(stored);
  list.dataset.landed = '';
  if (former?.isConnected) former.replaceWith(stored);
}

async function sendRow(input, list, row, file, former) {
  const shows = progressRow(row, file);
  const id = former?.querySelector('input[type=hidden]')?.value;
  // A place that keeps its files itself is told whose place the new one takes.
  const url = input.dataset.upload + (id && 'renames' in input.dataset ? `?replaces=${id}` : '');
  const answer = await send(url, file, shows);
  const signedOut = isSignedOut(answer.status);
  const again = async () => { if (signedOut) await rejoin(); queue(input, list, row, file, former); };
  if (shows.signal.aborted) row.remove();
  else if (answer.status >= 200 && answer.status < 300 && answer.body.id !== undefined) landed(input, list, row, file, answer.body, former);
  else {
    const canTry = answer.status === 0 || signedOut || answer.status >= 500;
    refusedRow(row, file, reason(answer, '上传失败，请重试'), canTry && again);
    if (answer.status === 0) stalled.add({ row, again });
  }
}

function queue(input, list, row, file, former) {
  row.classList.remove('is-refused');
  row.dataset.same = sameAs(file);
  row.replaceChildren(icon('hourglass'), make('span', { class: 'file-name' }, file.name), make('span', { class: 'upload-state' }, '等待上传'));
  const form = input.form;
  hold(form, 1);
  list.dataset.coming = Number(list.dataset.coming ?? 0) + 1;
  const isNew = input.multiple && !former;
  const run = async () => {
    if (isNew && room(input, list) <= 0) refusedRow(row, file, overfull(input));
    else {
      const enter = (step) => entering.set(list, (entering.get(list) ?? 0) + step);
      if (isNew) enter(1);
      await sendRow(input, list, row, file, former);
      if (isNew) enter(-1);
    }
    list.dataset.coming -= 1;
    // Once for all that came together: a page that tells what it shows must not leave out what is on its way.
    if (list.dataset.coming === '0' && 'landed' in list.dataset) { delete list.dataset.landed; fieldChanged(list, input.dataset.name); }
    hold(form, -1);
  };
  // Where those before it would fill the place, it waits to see whether one of them is refused.
  waiting.push({ run, mustWait: () => isNew && entering.get(list) > 0 && entering.get(list) >= room(input, list) });
  next();
}

function take(input, file, former = null) {
  const list = listOf(input);
  const text = objection(input, file, list, !former && input.multiple);
  const row = make('li', { class: 'file-row', 'data-file': '' });
  if (former) former.after(row); else list.append(row);
  if (text) refusedRow(row, file, text); else queue(input, list, row, file, former);
}

on('change', 'input[data-upload]', (_event, input) => {
  const files = [...input.files];
  input.value = '';           // the same file can be chosen again
  for (const file of files) {
    for (const hint of listOf(input).querySelectorAll('[data-unfinished]')) if (hint.dataset.unfinished === `${file.name}|${file.size}`) hint.remove();
    take(input, file);
  }
});

on('click', '[data-file-replace]', (_event, button) => {
  const input = button.closest('[data-uploader]').querySelector('input[data-upload]');
  const chooser = make('input', { type: 'file', accept: input.accept });
  chooser.addEventListener('change', () => take(input, chooser.files[0], button.closest('[data-file]')));
  chooser.click();
});

// A connection that is there again: what had stopped goes on by itself.
addEventListener('online', () => {
  for (const each of stalled) { stalled.delete(each); if (each.row.isConnected && each.row.classList.contains('is-refused')) each.again(); }
});

// What a reload or a closed page has interrupted: the same file, chosen again, goes on from there.
enhancing('input[data-upload]', async (input) => {
  for (const left of await unfinished(input.dataset.upload)) {
    const drop = textButton('drop', '取消', left.name, 'link-danger');
    const row = make('li', { class: 'file-row', 'data-unfinished': `${left.name}|${left.size}` }, icon('pause-circle'), make('span', { class: 'file-name' }, left.name),
      make('span', { class: 'upload-state' }, '上次没有传完，请再次选择这个文件，从中断处继续'), make('span', { class: 'file-acts' }, drop));
    drop.addEventListener('click', () => { left.forget(); row.remove(); input.focus(); });
    listOf(input).append(row);
  }
});

// <input type="file" data-send>: the form goes with the files as soon as they are chosen.
on('change', 'input[data-send]', (_event, input) => {
  const refused = [...input.files].map((file) => [file.name, objection(input, file)]).find(([, text]) => text);
  input.closest('.uploader').querySelector('[data-send-error]').textContent = refused ? refused.join('：') : '';
  if (refused) input.value = '';
  else if (input.files.length) input.form.requestSubmit();
});

on('click', '[data-file-remove]', async (_event, button) => {
  const row = button.closest('[data-file]');
  const name = row.querySelector('input[type=hidden]')?.name;
  // What was refused is nowhere yet; what the server has is gone once it is taken out.
  const question = `移除“${row.querySelector('.file-name').textContent.trim()}”后须重新上传才能恢复。确定移除吗？`;
  if (name && !(await ask(question, { label: '移除', danger: true }) && row.isConnected)) return;
  const uploader = row.closest('[data-uploader]');
  row.remove();
  uploader?.querySelector('.upload-input')?.focus();
  if (name && uploader) fieldChanged(uploader, name);
});

addEventListener('beforeunload', (event) => { if (busy) event.preventDefault(); });

// A form waits for its uploads.
addGate({
  needed: (form) => Boolean(running.get(form)),
  pass: (form) => new Promise((resolve) => { form.addEventListener('uploads:done', () => resolve(true), { once: true }); }),
});
