// What was typed on an older page and never saved: shown beside its field, to be used or thrown away.
import { labelOf, place } from './fields.js';
import { make } from './dom.js';

const optionText = (control, value) => [...(control.options ?? [])].find((each) => each.value === value)?.text.trim();

const choiceText = (form, name, value) => {
  const control = [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)].find((each) => each.value === value);
  return control?.labels?.[0]?.textContent.trim() ?? value;
};

function rowsText(text) {
  const rows = JSON.parse(text || '[]');
  return rows.map((row) => Object.values(row).filter(Boolean).join('，')).join('；');
}

// draftText(form, name, values) -> the values as people read them.
function draftText(form, name, values) {
  if (form.querySelector(`[data-rows="${CSS.escape(name)}"]`)) return rowsText(values[0]);
  const control = form.querySelector(`[name="${CSS.escape(name)}"]`);
  if (/^(radio|checkbox)$/.test(control?.type)) return values.filter(Boolean).map((value) => choiceText(form, name, value)).join('、');
  return values.map((value) => optionText(control, value) ?? value).join('、');
}

// Files and pictures were stored when they were chosen: a list of their numbers says nothing.
export const canOffer = (form, name) => {
  const box = place(form, name);
  return Boolean(box) && !box.querySelector('[data-uploader], [data-cropper]');
};

const TYPED = { said: '本页此前输入', use: '使用', drop: '放弃', what: '此前输入的' };

// offer(form, name, values, {use, drop}, words): 本页此前输入：… with 使用 and 放弃, beside the field.
export function offer(form, name, values, { use, drop }, words = TYPED) {
  const label = labelOf(form, name), text = draftText(form, name, values) || '（空）';
  const button = (word, act) => {
    const made = make('button', { type: 'button', class: 'btn btn-link btn-sm p-0 ms-2' }, word,
      make('span', { class: 'visually-hidden' }, `${words.what}${label}`));
    made.addEventListener('click', () => {
      notice.remove();
      act();
      place(form, name)?.querySelector('input:not([type=hidden]), select, textarea')?.focus();
    });
    return made;
  };
  const notice = make('div', { class: 'form-text text-body', role: 'group', 'aria-label': `${label}：${words.said}的内容`, 'data-draft': name },
    `${words.said}：${text}`, button(words.use, use), button(words.drop, drop));
  place(form, name).append(notice);
}
