// What happened while the page was open: a strip above the page, which pushes it down and covers nothing.
// What the last request did stands in the page itself; screen readers are told of it here.
import { Toast } from 'bootstrap';
import { enhancing, icon, make } from './dom.js';

const SIGNS = { success: 'check-circle-fill', info: 'info-circle-fill', warning: 'exclamation-triangle-fill', danger: 'exclamation-octagon-fill' };

export function toast(text, tone = 'info') {
  const element = make('div', { class: `toast toast-${tone}`, role: tone === 'danger' ? 'alert' : 'status', 'aria-atomic': 'true' },
    make('div', { class: 'toast-body' }, icon(SIGNS[tone] ?? SIGNS.info), make('span', {}, text),
      make('button', { type: 'button', class: 'btn-close', 'data-bs-dismiss': 'toast', 'aria-label': '关闭' })));
  document.querySelector('[data-toasts]').replaceChildren(element);
  element.addEventListener('hidden.bs.toast', () => element.remove());
  // It stays until it is closed: a page that moves up by itself makes people press the wrong thing.
  new Toast(element, { autohide: false, animation: false }).show();
}

// A live region speaks of what changes in it, not of what it was loaded with.
const announced = [];
enhancing('[data-flash]', (element) => {
  announced.push(element.textContent.trim());
  setTimeout(() => { document.querySelector('[data-announced]').textContent = announced.join('。'); }, 300);
});
