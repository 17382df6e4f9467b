// Bootstrap modals built by script: they trap the focus and give it back.
import { Modal } from 'bootstrap';
import { make } from './dom.js';

// openDialog({title, body, footer, size, onShown}) -> {modal, element, closed: Promise}
export function openDialog({ title, body, footer = [], size = '', onShown }) {
  const opener = document.activeElement;
  const element = make('div', { class: 'modal', tabindex: '-1', 'aria-labelledby': 'dialog-title', 'aria-modal': 'true', role: 'dialog' },
    make('div', { class: `modal-dialog modal-dialog-centered modal-dialog-scrollable ${size}` },
      make('div', { class: 'modal-content' },
        make('div', { class: 'modal-header' },
          make('h2', { class: 'modal-title h5', id: 'dialog-title' }, title),
          make('button', { type: 'button', class: 'btn-close', 'data-bs-dismiss': 'modal', 'aria-label': '关闭' })),
        make('div', { class: 'modal-body' }, body),
        footer.length ? make('div', { class: 'modal-footer' }, ...footer) : null)));
  document.body.append(element);
  const modal = new Modal(element);
  // Who presses the opener twice means it once: the second press falls on what has opened over it.
  let isMeant = false;
  for (const type of ['mousedown', 'click']) {
    element.addEventListener(type, (event) => {
      if (event.detail < 2) isMeant = true;
      if (isMeant) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);
  }
  if (onShown) element.addEventListener('shown.bs.modal', onShown);
  const closed = new Promise((resolve) => {
    element.addEventListener('hidden.bs.modal', () => {
      modal.dispose();
      element.remove();
      if (opener?.isConnected) opener.focus();
      resolve();
    });
  });
  modal.show();
  return { modal, element, closed };
}

// ask(text, {label, danger, quote}) -> Promise<boolean>; `quote` is what people wrote and now send with it.
export async function ask(text, { label = '确定', danger = false, quote = '' } = {}) {
  let agreed = false;
  const yes = make('button', { type: 'button', class: `btn ${danger ? 'btn-danger' : 'btn-primary'}`, 'data-agree': '' }, label);
  const no = make('button', { type: 'button', class: 'btn btn-outline-secondary', 'data-bs-dismiss': 'modal' }, '取消');
  const written = quote ? make('p', { class: 'mb-0 mt-2 text-break dialog-text' }, quote) : null;
  const { modal, closed } = openDialog({
    title: '请确认', body: make('div', {}, make('p', { class: 'mb-0 dialog-text' }, text), written), footer: [no, yes],
    onShown: () => (danger ? no : yes).focus(),
  });
  yes.addEventListener('click', () => { agreed = true; modal.hide(); });
  await closed;
  return agreed;
}
