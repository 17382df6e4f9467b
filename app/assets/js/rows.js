// Fields made of like rows: 添加一行 and 删除, names edu-0-school, edu-1-school, …
import { enhance, enhancing, fieldChanged, on } from './dom.js';

const rowsOf = (field) => [...field.querySelectorAll(':scope > [data-rows-list] > [data-row]')];

function refresh(field) {
  const rows = rowsOf(field), { min, max } = field.dataset;
  rows.forEach((row, index) => {
    row.setAttribute('aria-label', `第 ${index + 1} 行`);
    row.querySelector('.rows-number').textContent = index + 1;
    row.querySelector('[data-row-remove]').hidden = rows.length <= Number(min);
  });
  field.querySelector('[data-row-add]').disabled = Boolean(max) && rows.length >= Number(max);
  field.classList.toggle('is-empty', !rows.length);
}

export function addRow(field) {
  const name = field.dataset.rows;
  const used = [...field.querySelectorAll(`[name^="${name}-"]`)].map((input) => Number(input.name.slice(name.length + 1).split('-')[0]));
  const html = field.querySelector('template').innerHTML.replaceAll('__row__', Math.max(-1, ...used) + 1);
  const list = field.querySelector('[data-rows-list]');
  list.insertAdjacentHTML('beforeend', html);
  refresh(field);
  enhance(field);
  return list.lastElementChild;
}

// readRows(field) -> [{school: "…"}]: what autosave sends for the whole field.
export function readRows(field) {
  return rowsOf(field).map((row) => {
    const values = {};
    for (const input of row.querySelectorAll('[name]')) {
      if (/^(radio|checkbox)$/.test(input.type) && !input.checked) continue;
      values[input.name.slice(field.dataset.rows.length + 1).replace(/^\d+-/, '')] = input.value;
    }
    return values;
  });
}

// writeRows(field, rows): the other way, after a restore.
export function writeRows(field, rows) {
  for (const row of rowsOf(field)) row.remove();
  for (const values of rows) {
    const row = addRow(field);
    for (const input of row.querySelectorAll('[name]')) {
      const value = values[input.name.replace(/^.*?-\d+-/, '')] ?? '';
      if (/^(radio|checkbox)$/.test(input.type)) input.checked = input.value === value;
      else if (input.tomselect) input.tomselect.setValue(value, true);
      else input.value = value;
    }
  }
  refresh(field);
}

on('click', '[data-row-add]', (_event, button) => {
  const row = addRow(button.closest('[data-rows]'));
  row.querySelector('input:not([type=hidden]), select, textarea')?.focus();
});

on('click', '[data-row-remove]', (_event, button) => {
  const field = button.closest('[data-rows]');
  button.closest('[data-row]').remove();
  refresh(field);
  field.querySelector('[data-row-add]').focus();
  fieldChanged(field, field.dataset.rows);
});

enhancing('[data-rows]', refresh);
