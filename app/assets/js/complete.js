// Whether a form has every answer that the pressed button asks for: nobody is asked to confirm what
// would be sent back at once. The server judges all of it again.
import { controlsOf, labelOf, readField, showErrors } from './fields.js';

// A bound such as >=2002: numbers as numbers, months and days as far as the limit is written.
function within(answer, wanted) {
  const [, sign, limit] = /^([<>]=)(-?\d[\d.-]*)$/.exec(wanted) ?? [];
  if (!sign || !/^-?\d[\d.-]*$/.test(answer)) return false;
  const plain = /^-?\d+(\.\d+)?$/, isNumber = plain.test(answer) && plain.test(limit);
  const here = isNumber ? Number(answer) : answer.slice(0, limit.length), there = isNumber ? Number(limit) : limit.slice(0, answer.length);
  return sign === '>=' ? here >= there : here <= there;
}

function answers(form, name, button) {
  if (button?.name === name) return [button.value];
  const box = form.querySelector(`input[type=checkbox][name="${CSS.escape(name)}"]`);
  return box && form.querySelectorAll(`[name="${CSS.escape(name)}"]`).length === 1 ? [String(box.checked)] : readField(form, name);
}

// isDue(place, form, button) -> whether the field in this place needs an answer beside the others.
export function isDue(place, form, button) {
  if ('required' in place.dataset) return true;
  const conditions = JSON.parse(place.dataset.requiredWhen ?? '[]');
  return conditions.length > 0 && conditions.every(
    ([name, wanted]) => answers(form, name, button).some((answer) => wanted.includes(answer) || wanted.some((each) => within(answer, each))));
}

// isEmpty(place, form) -> whether nothing was answered there.
export function isEmpty(place, form) {
  const values = readField(form, place.dataset.field);
  if ('rows' in place.dataset) return JSON.parse(values[0] || '[]').every((row) => Object.values(row).every((value) => !String(value).trim()));
  return values.every((value) => !value.trim());
}

function verb(place) {
  if (place.querySelector('[data-uploader]')) return '请上传';
  const controls = controlsOf(place);
  if (controls.filter((each) => each.type === 'checkbox').length === 1) return '请勾选';
  return controls.some((each) => each.matches('select, [type=radio], [type=checkbox]')) ? '请选择' : '请填写';
}

// What is wrong with what was typed, in the words of this platform: a browser speaks its own language.
export function wrongWords(control) {
  const { validity, min, max, step, type, maxLength } = control;
  if (!control.willValidate || validity.valid || (validity.valueMissing && !validity.badInput)) return '';
  if (type === 'number' && min && max) return `应为 ${min}–${max} 的${step === '1' ? '整数' : '数字'}`;
  if (validity.patternMismatch) return control.title || '格式不正确';
  const [below, above] = type === 'number' ? ['小于', '大于'] : ['早于', '晚于'];
  if (validity.rangeUnderflow) return `不能${below} ${min}`;
  if (validity.rangeOverflow) return `不能${above} ${max}`;
  if (validity.tooLong) return `不能超过 ${maxLength} 个字`;
  return `不是有效的${{ number: '数字', date: '日期', month: '年月' }[type] ?? '内容'}`;
}

function fault(place, form, button) {
  const wrong = controlsOf(place).map(wrongWords).find(Boolean);
  if (wrong) return wrong;
  return isDue(place, form, button) && isEmpty(place, form) ? `${verb(place)}${labelOf(form, place.dataset.field)}` : '';
}

// Fields that a page drew by hand state what they need as attributes; the browser says what is wrong.
function isPlainlyValid(form, button) {
  if (button?.formNoValidate) return true;
  const wrong = [...form.elements].find((control) => control.willValidate && !control.closest('[data-field]') && !control.validity.valid);
  wrong?.reportValidity();
  return !wrong;
}

// isComplete(form, button) -> bool: says at every field what is wrong, and leads to the first.
export function isComplete(form, button) {
  const faulty = [];
  for (const place of form.querySelectorAll('[data-field]')) {
    if (place.closest('[data-row]') || place.closest('[hidden]')) continue;
    const text = fault(place, form, button);
    showErrors(form, place.dataset.field, text ? [text] : []);
    if (text) faulty.push(place);
  }
  if (!faulty.length) return isPlainlyValid(form, button);
  const first = controlsOf(faulty[0])[0] ?? faulty[0];
  const control = first.tomselect?.control_input ?? first;
  control.scrollIntoView({ block: 'center' });
  control.focus({ preventScroll: true });
  return false;
}
