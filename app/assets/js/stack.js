// On a phone the rows of a list are stacked: every cell is told the name of its column.
// Tables of numbers that are read across (data-across, or with row headings) stay tables, and so do
// narrow ones, unless what stands in their cells is wide (data-stack). A row goes by its first cell, or
// by that of the column whose head says so (data-title).
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

function stackRow(row, labels, named) {
  const cells = [...row.cells];
  const title = named >= 0 ? named : cells.findIndex((cell, index) => labels[index] !== '序号' && !cell.querySelector('[data-pick], [data-expand]') && cell.textContent.trim());
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
  const named = heads.findIndex((head) => 'title' in head.dataset);
  for (const row of table.querySelectorAll(':scope > tbody > tr')) {
    if (row.cells.length === heads.length) stackRow(row, labels, named);
  }
  table.classList.add('is-stacked');
});

// A table that is wider than its box says that it goes on.
const sizes = new ResizeObserver((seen) => {
  for (const box of new Set(seen.map(({ target }) => target.closest('.table-responsive')))) {
    box.classList.toggle('goes-on', box.scrollWidth > box.clientWidth + 1);
  }
});
enhancing('.table-responsive', (box) => {
  sizes.observe(box);
  for (const table of box.querySelectorAll(':scope > table')) sizes.observe(table);
});
