// <a data-preview href="image">: the image in a dialog, with zoom and rotation.
import { openDialog } from './dialog.js';
import { icon, make, on } from './dom.js';

const button = (name, label) => make('button', { type: 'button', class: 'btn btn-outline-secondary btn-sm', 'aria-label': label }, icon(name));

on('click', 'a[data-preview]', (event, link) => {
  if (event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const image = make('img', { src: link.href, alt: link.textContent.trim(), class: 'preview-image' });
  const closer = button('zoom-in', '放大'), wider = button('zoom-out', '缩小'), turn = button('arrow-clockwise', '旋转');
  let scale = 1, angle = 0;
  const draw = () => {
    // Set through the CSSOM, which the content security policy allows.
    image.style.width = `${Math.round(scale * 100)}%`;
    image.style.transform = `rotate(${angle}deg)`;
    image.dataset.scale = scale;
  };
  closer.addEventListener('click', () => { scale = Math.min(4, scale * 1.5); draw(); });
  wider.addEventListener('click', () => { scale = Math.max(0.5, scale / 1.5); draw(); });
  turn.addEventListener('click', () => { angle = (angle + 90) % 360; draw(); });
  openDialog({
    title: link.textContent.trim(), size: 'modal-xl', body: make('div', { class: 'preview-stage', tabindex: '0', role: 'group', 'aria-label': '图片' }, image),
    footer: [wider, closer, turn, make('a', { class: 'btn btn-outline-primary btn-sm', href: link.href, target: '_blank', rel: 'noopener' }, '在新窗口打开')],
  });
});
