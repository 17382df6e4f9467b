// <form data-autosave data-merge="url">: where another page has saved since, its changes are taken over field by field.
// What both have changed stays as it was typed here, with the other text beside it, until somebody chooses.
import { offer } from './drafts.js';
import { labelOf, place, readField, writeField } from './fields.js';
import { read } from './http.js';
import { toast } from './toast.js';
import { addStored } from './upload.js';

const shown = new WeakMap();    // form -> name -> what the page showed when it came, as text

const namesOf = (form) => new Set([...form.querySelectorAll('[data-field]')].filter((box) => !box.closest('[data-row]')).map((box) => box.dataset.field));

// Rows that say nothing, and the order of their columns, make no difference.
function plain(form, name, values) {
  if (!form.querySelector(`[data-rows="${CSS.escape(name)}"]`)) return JSON.stringify(values.filter(Boolean));
  const rows = JSON.parse(values[0] || '[]').map((row) => Object.entries(row).filter(([, value]) => String(value).trim()).sort());
  return JSON.stringify(rows.filter((row) => row.length));
}

export function remember(form) {
  shown.set(form, new Map([...namesOf(form)].map((name) => [name, readField(form, name)])));
}

function baseOf(saver, name) {
  const saved = saver.stored.get(name);
  return saved ? JSON.parse(saved) : shown.get(saver.form)?.get(name) ?? [''];
}

const sameOrder = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// What both pages have stands as the other page has put it, unless this one has moved it too.
function takeOrder(saver, name, before, here, there) {
  const both = (ids) => ids.filter((id) => before.includes(id) && here.includes(id) && there.includes(id));
  if (!sameOrder(both(here), both(before)) || sameOrder(both(there), both(before))) return false;
  const rowOf = (id) => place(saver.form, name).querySelector(`input[type=hidden][value="${id}"]`)?.closest('[data-file]');
  for (const id of there) { const row = rowOf(id); row?.parentElement.append(row); }
  return true;
}

// Files: what the other page has added comes, what it has taken out goes; the rest is as it is here.
function takeFiles(saver, name, files) {
  const before = baseOf(saver, name).map(Number), here = readField(saver.form, name).map(Number);
  const there = files.map((file) => file.id), input = place(saver.form, name)?.querySelector('input[data-upload]');
  const gone = before.filter((id) => id && !there.includes(id)), come = files.filter((file) => !before.includes(file.id) && !here.includes(file.id));
  for (const id of gone) place(saver.form, name).querySelector(`input[type=hidden][value="${id}"]`)?.closest('[data-file]').remove();
  for (const file of come) addStored(input, file);
  const isMoved = takeOrder(saver, name, before, here, there);
  if (!gone.length && !come.length && !isMoved) return false;
  saver.stored.set(name, JSON.stringify(there.length ? there.map(String) : ['']));
  if (saver.waiting.has(name)) saver.waiting.set(name, readField(saver.form, name));
  return true;
}

function dispute(saver, name, theirs) {
  saver.older.set(name, { version: saver.version(), values: readField(saver.form, name) });
  saver.waiting.delete(name);
  saver.disputed.add(name);
  const settle = (values) => {
    saver.disputed.delete(name);
    saver.older.delete(name);
    saver.stored.set(name, JSON.stringify(theirs));
    if (values) writeField(saver.form, name, values);
    saver.keep();
    if (values) saver.showRest(); else saver.changed(name);
  };
  offer(saver.form, name, theirs, { use: () => settle(theirs), drop: () => settle(null) },
    { said: '另一页面已保存为', use: '采用', drop: '保留本页', what: '另一页面的' });
}

function takeField(saver, name, theirs) {
  const { form } = saver, text = plain(form, name, theirs);
  if (text === plain(form, name, baseOf(saver, name)) || saver.disputed.has(name)) return false;
  const isSame = text === plain(form, name, readField(form, name));
  if (!isSame && (saver.waiting.has(name) || place(form, name)?.querySelector('.is-invalid'))) {
    dispute(saver, name, theirs);
    return false;
  }
  if (isSame) saver.waiting.delete(name); else writeField(form, name, theirs);
  saver.stored.set(name, JSON.stringify(readField(form, name)));
  return !isSame;
}

// merge(saver) -> whether the page is up to date now; what it still waits to save can be sent.
export async function merge(saver) {
  const { form } = saver;
  const answer = await read(form.dataset.merge);
  if (answer.status !== 200 || !answer.body.values) return false;
  const taken = Object.entries(answer.body.values).filter(([name, values]) => takeField(saver, name, values)).map(([name]) => name);
  taken.push(...Object.entries(answer.body.files).filter(([name, files]) => takeFiles(saver, name, files)).map(([name]) => name));
  saver.setVersion(answer.body.row_version);
  saver.keep();
  if (taken.length) {
    form.dispatchEvent(new CustomEvent('merged'));
    toast(`已合入另一页面的修改：${taken.map((name) => labelOf(form, name)).join('、')}`, 'info');
  }
  saver.showRest();
  return true;
}
