// 上移, 下移: the order of the stored files of a place is that of its rows; the field is saved as any other.
import { announce, fieldChanged, on } from './dom.js';

const stored = (list) => [...list.querySelectorAll('[data-file]')].filter((row) => row.querySelector('input[type=hidden]'));

on('click', '[data-file-up], [data-file-down]', (_event, button) => {
  const row = button.closest('[data-file]'), isUp = 'fileUp' in button.dataset, rows = stored(row.parentElement);
  const place = rows.indexOf(row) + (isUp ? -1 : 1), other = rows[place];
  if (!other) return;
  if (isUp) other.before(row); else other.after(row);
  // At an end its button is gone; the row keeps the focus all the same.
  button.focus();
  if (document.activeElement !== button) row.querySelector(isUp ? '[data-file-down]' : '[data-file-up]').focus();
  announce(`${row.querySelector('.file-name').textContent.trim()}，现为第 ${place + 1} 个，共 ${rows.length} 个`);
  fieldChanged(row, row.querySelector('input[type=hidden]').name);
});
