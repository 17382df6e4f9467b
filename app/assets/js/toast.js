// Short news in a corner. Warnings and errors are rendered in the page instead and stay.
import { Toast } from 'bootstrap';
import { enhancing, icon, make } from './dom.js';

const SIGNS = { success: 'check-circle-fill', info: 'info-circle-fill', warning: 'exclamation-triangle-fill', danger: 'exclamation-octagon-fill' };

export function toast(text, tone = 'info') {
  const element = make('div', { class: `toast toast-${tone}`, role: tone === 'danger' ? 'alert' : 'status', 'aria-atomic': 'true' },
    make('div', { class: 'toast-body' }, icon(SIGNS[tone] ?? SIGNS.info), make('span', {}, text),
      make('button', { type: 'button', class: 'btn-close', 'data-bs-dismiss': 'toast', 'aria-label': '关闭' })));
  document.querySelector('[data-toasts]').append(element);
  element.addEventListener('hidden.bs.toast', () => element.remove());
  new Toast(element, { delay: 6000, autohide: tone !== 'danger' }).show();
}

enhancing('[data-flash]', (element) => {
  toast(element.textContent.trim(), element.dataset.flash);
  element.remove();
});
