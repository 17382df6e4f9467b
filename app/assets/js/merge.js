// <form data-autosave data-merge="url">: where another page has saved since, its changes are taken over field by field.
// What both have changed stays as it was typed here, with the other text beside it, until somebody chooses.
import { offer } from './drafts.js';
import { labelOf, orderFiles, place, plain, readField, rowOf, writeField } from './fields.js';
import { read } from './http.js';
import { toast } from './toast.js';
import { addStored } from './upload.js';

const sameOrder = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// What both pages have stands as the other page has put it, unless this one has moved it too.
function takeOrder(saver, name, before, here, there) {
  const both = (ids) => ids.filter((id) => before.includes(id) && here.includes(id) && there.includes(id));
  if (!sameOrder(both(here), both(before)) || sameOrder(both(there), both(before))) return false;
  orderFiles(saver.form, name, there);
  return true;
}

// Files: what the other page has added comes, what it has taken out goes; the rest is as it is here.
function takeFiles(saver, name, files) {
  const before = saver.base(name).map(Number), here = readField(saver.form, name).map(Number);
  const there = files.map((file) => file.id), input = place(saver.form, name)?.querySelector('input[data-upload]');
  const gone = before.filter((id) => id && !there.includes(id)), come = files.filter((file) => !before.includes(file.id) && !here.includes(file.id));
  for (const id of gone) rowOf(saver.form, name, id)?.remove();
  for (const file of come) addStored(input, file);
  const isMoved = takeOrder(saver, name, before, here, there);
  if (!gone.length && !come.length && !isMoved) return false;
  saver.stored.set(name, JSON.stringify(there.length ? there.map(String) : ['']));
  if (saver.waiting.has(name)) saver.waiting.set(name, readField(saver.form, name));
  return true;
}

// dispute(saver, name, theirs): both values stand beside the field until somebody chooses.
export function dispute(saver, name, theirs) {
  saver.waiting.delete(name);
  saver.disputed.add(name);
  const settle = (values) => {
    saver.disputed.delete(name);
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
  if (saver.disputed.has(name)) return false;
  if (saver.known(name).some((values) => plain(form, name, values) === text)) {
    saver.stored.set(name, JSON.stringify(theirs));
    return false;
  }
  const isSame = text === plain(form, name, readField(form, name));
  if (!isSame && (saver.waiting.has(name) || place(form, name)?.querySelector('.is-invalid'))) {
    dispute(saver, name, theirs);
    return false;
  }
  if (isSame) saver.waiting.delete(name); else writeField(form, name, theirs);
  saver.stored.set(name, JSON.stringify(readField(form, name)));
  return !isSame;
}

// merge(saver) -> the status of the answer; 200 when the page is up to date now, and what it waits to save can be sent.
export async function merge(saver) {
  const { form } = saver;
  const { status, body } = await read(form.dataset.merge);
  if (status !== 200 || !body.values) return status === 200 ? 500 : status;
  if (String(body.row_version) === saver.version()) return status;
  const taken = Object.entries(body.values).filter(([name, values]) => takeField(saver, name, values)).map(([name]) => name);
  taken.push(...Object.entries(body.files ?? {}).filter(([name, files]) => takeFiles(saver, name, files)).map(([name]) => name));
  saver.setVersion(body.row_version);
  saver.keep();
  if (taken.length) {
    form.dispatchEvent(new CustomEvent('merged'));
    toast(`已合入另一页面的修改：${taken.map((name) => labelOf(form, name)).join('、')}`, 'info');
  }
  saver.showRest();
  return status;
}
