// On a phone the rows of a list are stacked: every cell is told the name of its column.
// Tables of numbers that are read across (data-across, or with row headings) stay tables, and so do
// narrow ones, unless what stands in their cells is wide (data-stack).
import { enhancing } from './dom.js';

const FEWEST = 4;
const BLANK = new Set(['', '—', '-']);

function kind(cell, label, isFirst, isLast) {
  if (cell.querySelector('[data-pick]')) return 'stack-pick';
  if (cell.querySelector('[data-expand]')) return 'stack-expand';
  if (label === '序号') return 'stack-empty';
  if (isFirst) return 'stack-title';
  if (isLast && cell.querySelector('a, button') && (!label || label === '操作')) return 'stack-actions';
  return BLANK.has(cell.textContent.trim()) && !cell.querySelector('input, select, textarea, img, svg, button') ? 'stack-empty' : '';
}

function stackRow(row, labels) {
  const cells = [...row.cells];
  const title = cells.findIndex((cell, index) => labels[index] !== '序号' && !cell.querySelector('[data-pick], [data-expand]') && cell.textContent.trim());
  cells.forEach((cell, index) => {
    const found = kind(cell, labels[index], index === title, index === cells.length - 1);
    if (found) cell.classList.add(found);
    else if (labels[index]) cell.dataset.label = labels[index];
  });
}

enhancing('.table-responsive > table', (table) => {
  const heads = table.tHead?.rows.length === 1 ? [...table.tHead.rows[0].cells] : [];
  if ((heads.length < FEWEST && !('stack' in table.dataset)) || 'across' in table.dataset || table.querySelector('tbody th[scope=row], thead th[colspan]')) return;
  const labels = heads.map((head) => head.textContent.trim());
  for (const row of table.querySelectorAll(':scope > tbody > tr')) {
    if (row.cells.length === heads.length) stackRow(row, labels);
  }
  table.classList.add('is-stacked');
});
