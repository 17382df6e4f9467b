// Lists with boxes to tick: the count, 全选, and buttons that wake when something is ticked; a box
// with data-whole stands for all there is, on other pages too.
import { enhancing, on } from './dom.js';

const picks = (list) => [...list.querySelectorAll('[data-pick]:not(:disabled), tbody input[type=checkbox]:not([data-pick]):not(:disabled)')];

function refresh(list) {
  const all = picks(list), ticked = all.filter((box) => box.checked).length;
  const whole = list.querySelector('[data-whole]:checked'), isWhole = Boolean(whole);
  for (const place of list.querySelectorAll('[data-count]')) place.textContent = whole?.dataset.whole || ticked;
  for (const button of list.querySelectorAll('[data-bulk-button]')) button.disabled = !ticked && !isWhole;
  for (const head of list.querySelectorAll('[data-all]')) {
    head.checked = all.length > 0 && ticked === all.length;
    head.indeterminate = ticked > 0 && ticked < all.length;
  }
  for (const box of all) box.closest('tr')?.classList.toggle('is-picked', box.checked);
}

on('change', '[data-bulk]', (event, list) => {
  if (event.target.matches('[data-all]')) for (const box of picks(list)) box.checked = event.target.checked;
  refresh(list);
});
enhancing('[data-bulk]', refresh);
window.addEventListener('pageshow', () => document.querySelectorAll('[data-bulk]').forEach(refresh));
