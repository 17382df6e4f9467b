// What every page has: error summaries, section navigation, expanding rows, length counts, 返回上一页.
import { enhancing, make, on } from './dom.js';

function lead(target) {
  const control = target.tomselect?.control_input ?? target;
  control.scrollIntoView({ block: 'center' });
  control.focus({ preventScroll: true });
}

// The summary has the focus, unless it names the one control that is at fault.
enhancing('[data-error-summary]', (summary) => {
  const control = document.getElementById(summary.dataset.errorSummary);
  if (control) lead(control); else summary.focus();
});

// A link of the summary leads to the control itself, also when Tom Select has hidden it.
on('click', '[data-error-summary] a', (event, link) => {
  const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  if (!target) return;
  event.preventDefault();
  lead(target);
});

enhancing('[data-section-nav]', (nav) => {
  const links = new Map([...nav.querySelectorAll('a[href^="#"]')].map((link) => [link.hash.slice(1), link]));
  const seen = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) seen[entry.isIntersecting ? 'add' : 'delete'](entry.target.id);
    const first = [...links.keys()].find((id) => seen.has(id));
    for (const [id, link] of links) {
      if (id === first) link.setAttribute('aria-current', 'true');
      else if (first) link.removeAttribute('aria-current');
    }
  }, { rootMargin: '-72px 0px -45% 0px' });
  for (const id of links.keys()) {
    const section = document.getElementById(id);
    if (section) watcher.observe(section);
  }
});

on('click', '[data-expand]', (_event, button) => {
  const row = document.getElementById(button.dataset.expand);
  row.hidden = !row.hidden;
  button.setAttribute('aria-expanded', String(!row.hidden));
});

enhancing('textarea[data-count-length][maxlength]', (area) => {
  const count = make('div', { class: 'length-count', 'aria-hidden': 'true' });
  const show = () => { count.textContent = `${area.value.length} / ${area.maxLength}`; };
  area.after(count);
  area.addEventListener('input', show);
  show();
});

on('click', 'a[data-back]', (event) => {
  if (history.length < 2) return;
  event.preventDefault();
  history.back();      // keeps what was typed into the form before
});

on('click', '[data-print]', () => window.print());

// A popup of the frame closes like a menu: by a click beside it or by Escape.
const popups = () => document.querySelectorAll('details[data-popup][open]');
document.addEventListener('click', (event) => {
  for (const popup of popups()) if (!popup.contains(event.target)) popup.open = false;
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  for (const popup of popups()) {
    popup.open = false;
    popup.querySelector('summary').focus();
  }
});
