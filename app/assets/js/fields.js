// Reading, filling and marking form fields by name.
import { readRows, writeRows } from './rows.js';

const quoted = (name) => CSS.escape(name);
// place(form, name) -> the element around a field.
export const place = (form, name) => form.querySelector(`[data-field="${quoted(name)}"]`) ?? form.elements.namedItem(name)?.parentElement;

// controlsOf(box) -> what is typed or chosen of a field; what only helps with it (data-beside) is none of it.
export const controlsOf = (box) => [...box.querySelectorAll('input:not([type=hidden]), select, textarea')].filter((each) => !each.closest('[data-beside]'));

// unitOf(element) -> the name autosave knows a control by: its own, or that of the rows it stands in.
export function unitOf(element) {
  return element.closest('[data-rows]')?.dataset.rows ?? element.name;
}

// readField(form, name) -> [values]; rows are one JSON text.
export function readField(form, name) {
  const rows = form.querySelector(`[data-rows="${quoted(name)}"]`);
  if (rows) return [JSON.stringify(readRows(rows))];
  const values = new FormData(form).getAll(name).filter((value) => typeof value === 'string');
  return values.length ? values : [''];
}

// rowOf(form, name, id) -> the row of a stored file; orderFiles puts those of these ids in their order.
export const rowOf = (form, name, id) => place(form, name)?.querySelector(`input[type=hidden][value="${quoted(id)}"]`)?.closest('[data-file]');

export function orderFiles(form, name, ids) {
  for (const id of ids) { const row = rowOf(form, name, id); row?.parentElement.append(row); }
}

export const hasFiles = (form, name) => Boolean(place(form, name)?.querySelector('[data-uploader]'));

// Of files no more can be written than which of those that are there stay, and in what order.
export function writeField(form, name, values) {
  const rows = form.querySelector(`[data-rows="${quoted(name)}"]`);
  if (rows) { writeRows(rows, JSON.parse(values[0] || '[]')); return; }
  if (hasFiles(form, name)) {
    for (const id of readField(form, name)) if (id && !values.includes(id)) rowOf(form, name, id)?.remove();
    orderFiles(form, name, values.filter(Boolean));
    return;
  }
  for (const control of form.querySelectorAll(`[name="${quoted(name)}"]`)) {
    if (/^(radio|checkbox)$/.test(control.type)) control.checked = values.includes(control.value);
    else if (control.tomselect) control.tomselect.setValue(values[0], true);
    else control.value = values[0];
  }
}

// plain(form, name, values) -> what they say as one text: empty rows and the order of their columns make no difference.
export function plain(form, name, values) {
  if (!form.querySelector(`[data-rows="${quoted(name)}"]`)) return JSON.stringify(values.filter(Boolean));
  const rows = JSON.parse(values[0] || '[]').map((row) => Object.entries(row).filter(([, value]) => String(value).trim()).sort());
  return JSON.stringify(rows.filter((row) => row.length));
}

// namesOf(form) -> every name autosave knows: those of its controls, and of fields that are empty lists so far.
export function namesOf(form) {
  const boxes = [...form.querySelectorAll('[data-field]')].filter((box) => !box.closest('[data-row]'));
  return new Set([...boxes.map((box) => box.dataset.field), ...[...form.elements].map(unitOf)].filter(Boolean));
}

// showErrors(form, name, ["…"]): at the field and for screen readers; an empty list clears.
export function showErrors(form, name, texts) {
  const box = place(form, name);
  if (!box) return;
  const line = box.querySelector(':scope > [data-error]') ?? [...box.querySelectorAll('[data-error]')].at(-1);
  if (line) { line.textContent = texts.join('；'); line.classList.toggle('d-block', texts.length > 0); }
  if (box.matches('[data-rows]')) return;      // its cells are not all to blame
  for (const control of controlsOf(box)) {
    control.classList.toggle('is-invalid', texts.length > 0);
    if (texts.length) control.setAttribute('aria-invalid', 'true');
    else control.removeAttribute('aria-invalid');
  }
}

export function labelOf(form, name) {
  const label = place(form, name)?.querySelector('label, legend, .form-label')?.cloneNode(true);
  label?.querySelectorAll('.required-mark, .required-when, .visually-hidden').forEach((part) => part.remove());
  return label?.textContent.trim() ?? name;
}
