// <a data-preview="image|pdf" href>: an image in a dialog, with zoom and rotation; a PDF in the browser's own viewer.
import { openDialog } from './dialog.js';
import { icon, make, on } from './dom.js';

const LEAST = 0.25, MOST = 6, GROWN = 3, AROUND = 16;
const button = (name, label, key) => make('button', { type: 'button', class: 'btn btn-outline-secondary btn-sm', 'aria-label': label, 'aria-keyshortcuts': key, title: `${label}（${key}）` }, icon(name));
const inNewTab = (link) => make('a', { class: 'btn btn-outline-primary btn-sm', href: link.href, target: '_blank', rel: 'noopener' }, '在新窗口打开');

// Turned on a canvas: the page around it then knows how wide and high the picture has become.
function drawing(image, canvas, { scale, angle }) {
  const turned = angle % 180 !== 0, { naturalWidth: width, naturalHeight: height } = image;
  canvas.width = turned ? height : width;
  canvas.height = turned ? width : height;
  const pen = canvas.getContext('2d');
  pen.translate(canvas.width / 2, canvas.height / 2);
  pen.rotate((angle * Math.PI) / 180);
  pen.drawImage(image, -width / 2, -height / 2);
  canvas.style.width = `${Math.round(canvas.width * scale)}px`;   // through the CSSOM, which the policy allows
}

function showImage(link) {
  const name = link.textContent.trim(), image = new Image();
  const canvas = make('canvas', { class: 'preview-image', role: 'img', 'aria-label': name });
  const stage = make('div', { class: 'preview-stage', tabindex: '0', role: 'group', 'aria-label': '图片，可用方向键移动' }, canvas);
  const closer = button('zoom-in', '放大', '+'), wider = button('zoom-out', '缩小', '-'), whole = button('arrows-angle-contract', '适合窗口', '0'), turn = button('arrow-clockwise', '旋转', 'R');
  const told = make('span', { class: 'upload-state me-auto', role: 'status' });
  const state = { scale: 1, angle: 0 };
  const draw = () => {
    drawing(image, canvas, state);
    canvas.dataset.scale = state.scale.toFixed(2);
    told.textContent = `${Math.round(state.scale * 100)}%${state.angle ? `，旋转 ${state.angle}°` : ''}`;
  };
  // The whole of it, however large it is and whichever way the window is.
  const fitting = () => {
    const { naturalWidth: width, naturalHeight: height } = image, turned = state.angle % 180 !== 0;
    const room = { width: stage.clientWidth - AROUND, height: parseFloat(getComputedStyle(stage).maxHeight) - AROUND };
    return Math.min(room.width / (turned ? height : width), room.height / (turned ? width : height), GROWN);
  };
  const fit = () => { state.scale = fitting(); draw(); };
  const zoom = (factor) => { state.scale = Math.min(MOST, Math.max(Math.min(LEAST, fitting()), state.scale * factor)); draw(); };
  const acts = { '+': () => zoom(1.4), '=': () => zoom(1.4), '-': () => zoom(1 / 1.4), 0: fit, r: () => { state.angle = (state.angle + 90) % 360; fit(); } };
  closer.addEventListener('click', acts['+']);
  wider.addEventListener('click', acts['-']);
  whole.addEventListener('click', fit);
  turn.addEventListener('click', acts.r);
  image.addEventListener('error', () => { stage.replaceChildren(make('p', { class: 'upload-error', role: 'alert' }, '图片暂时打不开，请稍后再试')); });
  const { element } = openDialog({
    title: name, size: 'modal-xl', body: stage, footer: [told, wider, closer, whole, turn, inNewTab(link)],
    onShown: () => { stage.focus(); image.addEventListener('load', fit); image.src = link.href; },
  });
  element.addEventListener('keydown', (event) => {
    const act = acts[event.key.toLowerCase()];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
}

// Phones show a PDF only by itself: there the link opens it.
const hasViewer = () => navigator.pdfViewerEnabled && matchMedia('(min-width: 768px) and (pointer: fine)').matches;

function showPaper(link) {
  const name = link.textContent.trim();
  openDialog({
    title: name, size: 'modal-xl', footer: [inNewTab(link)],
    body: make('iframe', { class: 'preview-paper', src: `${link.href}#navpanes=0`, title: name }),
  });
}

on('click', 'a[data-preview]', (event, link) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const isPaper = link.dataset.preview === 'pdf';
  if (isPaper && !hasViewer()) return;
  event.preventDefault();
  (isPaper ? showPaper : showImage)(link);
});
