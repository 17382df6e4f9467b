// <input type="file" data-upload="url" data-name="proof">: files are sent at once; the form carries their ids.
import { addGate } from './submit.js';
import { fieldChanged, fileSize, icon, make, on } from './dom.js';
import { reason, upload } from './http.js';

const running = new Map();   // form -> number of uploads under way
const isImage = (name) => /\.(jpe?g|png|webp)$/i.test(name);

function hold(form, step) {
  running.set(form, (running.get(form) ?? 0) + step);
  if (!running.get(form)) form?.dispatchEvent(new Event('uploads:done'));
}

function removeButton(name) {
  return make('button', { type: 'button', class: 'btn btn-link btn-sm link-danger', 'data-file-remove': '' }, '移除', make('span', { class: 'visually-hidden' }, name));
}

// The row of a stored file, as the server renders it.
function storedRow(input, file) {
  return make('li', { class: 'file-row', 'data-file': '' },
    make('input', { type: 'hidden', name: input.dataset.name, value: file.id }),
    icon(isImage(file.name) ? 'file-image' : 'file-earmark-text'),
    make('span', { class: 'file-name' }, make('a', { href: file.url ?? `/files/${file.id}`, target: '_blank', rel: 'noopener', 'data-preview': isImage(file.name) }, file.name)),
    make('span', { class: 'file-size' }, fileSize(file.size ?? 0)),
    removeButton(file.name));
}

function refusedRow(row, file, text, again) {
  row.classList.add('is-refused');
  row.replaceChildren(icon('exclamation-circle'), make('span', { class: 'file-name' }, file.name),
    make('span', { class: 'upload-error', role: 'alert' }, text));
  if (again) {
    const retry = make('button', { type: 'button', class: 'btn btn-link btn-sm' }, '重试');
    retry.addEventListener('click', again);
    row.append(retry);
  }
  row.append(removeButton(file.name));
  row.scrollIntoView({ block: 'center' });   // never behind the bar at the foot
}

function objection(input, list, file) {
  const { maxBytes, maxCount } = input.dataset;
  if (maxBytes && file.size > Number(maxBytes)) return `文件 ${fileSize(file.size)}，超过 ${fileSize(Number(maxBytes))} 的上限`;
  if (input.accept && !input.accept.split(',').some((end) => !end.trim().startsWith('.') || file.name.toLowerCase().endsWith(end.trim().toLowerCase()))) return `只接受 ${input.accept.replaceAll('.', '').replaceAll(',', '、').toUpperCase()} 文件`;
  if (maxCount && list.querySelectorAll('input[type=hidden]').length >= Number(maxCount)) return `最多 ${maxCount} 个文件`;
  return '';
}

async function send(input, list, row, file) {
  const bar = make('progress', { max: 100, value: 0, 'aria-label': `${file.name} 上传进度` });
  row.classList.remove('is-refused');
  row.replaceChildren(icon('arrow-up-circle'), make('span', { class: 'file-name' }, file.name), bar);
  const form = input.form;
  hold(form, 1);
  const answer = await upload(input.dataset.upload, file, file.name, (part) => { bar.value = Math.round(part * 100); });
  if (answer.status >= 200 && answer.status < 300 && answer.body.id !== undefined) {
    if (!input.multiple) for (const other of [...list.children]) if (other !== row) other.remove();
    row.replaceWith(storedRow(input, { name: file.name, size: file.size, ...answer.body }));
    fieldChanged(list, input.dataset.name);
  } else {
    refusedRow(row, file, reason(answer, '上传失败，请重试'), answer.status === 0 || answer.status >= 500 ? () => send(input, list, row, file) : null);
  }
  hold(form, -1);
}

on('change', 'input[data-upload]', async (_event, input) => {
  const list = input.closest('[data-uploader]').querySelector('[data-files]');
  const files = [...input.files];
  input.value = '';           // the same file can be chosen again
  for (const file of files) {
    const row = make('li', { class: 'file-row', 'data-file': '' });
    list.append(row);
    const text = objection(input, list, file);
    if (text) refusedRow(row, file, text);
    else await send(input, list, row, file);
  }
});

// <input type="file" data-send>: the form goes with the files as soon as they are chosen.
on('change', 'input[data-send]', (_event, input) => {
  const refused = [...input.files].map((file) => [file.name, objection(input, null, file)]).find(([, text]) => text);
  input.closest('.uploader').querySelector('[data-send-error]').textContent = refused ? refused.join('：') : '';
  if (refused) input.value = '';
  else if (input.files.length) input.form.requestSubmit();
});

on('click', '[data-file-remove]', (_event, button) => {
  const row = button.closest('[data-file]');
  const name = row.querySelector('input[type=hidden]')?.name;
  const uploader = row.closest('[data-uploader]');
  row.remove();
  uploader?.querySelector('.upload-input')?.focus();
  if (name && uploader) fieldChanged(uploader, name);
});

// A form waits for its uploads.
addGate({
  needed: (form) => Boolean(running.get(form)),
  pass: (form) => new Promise((resolve) => { form.addEventListener('uploads:done', () => resolve(true), { once: true }); }),
});
