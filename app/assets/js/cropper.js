// <div data-cropper="url">: choose a photo, frame it at 5:7, send it as a JPEG of 590×826.
import Cropper from 'cropperjs';
import { holdInside } from './crop-bounds.js';
import { make, on, fieldChanged, icon } from './dom.js';
import { isSignedOut, reason, rejoin, upload } from './http.js';

const SIZE = { width: 590, height: 826 };     // 295×413 twice over: sharp when printed
const LEAST = { width: 295, height: 413 };
const TEMPLATE = '<cropper-canvas background><cropper-image scalable translatable initial-center-size="contain"></cropper-image>'
  + '<cropper-shade hidden></cropper-shade><cropper-handle action="move" plain></cropper-handle>'
  + '<cropper-selection id="photo-selection" initial-coverage="0.8" aspect-ratio="0.7142857" precise movable resizable>'
  + '<cropper-grid role="presentation" covered></cropper-grid><cropper-handle action="move" theme-color="rgba(255,255,255,0.1)"></cropper-handle>'
  + ['ne', 'nw', 'se', 'sw'].map((side) => `<cropper-handle action="${side}-resize"></cropper-handle>`).join('')
  + '</cropper-selection></cropper-canvas>';

// A JPEG knows no transparency: what a picture leaves open is paper, never black.
const onPaper = (context, { width, height }) => {
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
};

const button = (name, label) => make('button', { type: 'button', class: 'btn btn-outline-secondary btn-sm' }, icon(name), ` ${label}`);

// The dialog comes from Bootstrap's own module in app.js: here a native one is enough and keeps this bundle small.
function openFrame(address) {
  const image = make('img', { src: address, alt: '待裁剪的照片' });
  const stage = make('div', { class: 'crop-stage' }, image);
  const preview = make('canvas', { class: 'crop-preview', width: 150, height: 210, role: 'img', 'aria-label': '裁剪效果' });
  const tools = { closer: button('zoom-in', '放大'), wider: button('zoom-out', '缩小'), left: button('arrow-counterclockwise', '左转'), right: button('arrow-clockwise', '右转') };
  const yes = make('button', { type: 'button', class: 'btn btn-primary', 'data-crop-done': '' }, '使用照片');
  const no = make('button', { type: 'button', class: 'btn btn-outline-secondary' }, '取消');
  const dialog = make('dialog', { class: 'crop-dialog', 'aria-labelledby': 'crop-title' },
    make('h2', { class: 'h5', id: 'crop-title' }, '裁剪证件照片'),
    make('div', { class: 'crop-body' }, stage, make('div', { class: 'crop-side' }, preview, make('p', { class: 'form-text' }, '拖动选框，使头部居中、肩部完整。'))),
    make('div', { class: 'crop-tools' }, ...Object.values(tools), make('span', { class: 'ms-auto' }, no, ' ', yes)));
  document.body.append(dialog);
  dialog.showModal();
  const cropper = new Cropper(image, { container: stage, template: TEMPLATE });
  const picture = cropper.getCropperImage(), selection = cropper.getCropperSelection();
  const turn = holdInside(cropper);
  const draw = async () => {
    const drawn = await selection.$toCanvas({ width: 150, height: 210, beforeDraw: onPaper }).catch(() => null);
    if (drawn) preview.getContext('2d').drawImage(drawn, 0, 0, 150, 210);
  };
  selection.addEventListener('change', () => requestAnimationFrame(draw));
  picture.addEventListener('transform', () => requestAnimationFrame(draw));
  picture.$ready(draw);
  tools.closer.addEventListener('click', () => picture.$zoom(0.1));
  tools.wider.addEventListener('click', () => picture.$zoom(-0.1));
  tools.left.addEventListener('click', () => turn('-90deg'));
  tools.right.addEventListener('click', () => turn('90deg'));
  return new Promise((resolve) => {
    const finish = (blob) => { dialog.close(); dialog.remove(); resolve(blob); };
    no.addEventListener('click', () => finish(null));
    dialog.addEventListener('cancel', () => finish(null));
    yes.addEventListener('click', async () => {
      const drawn = await selection.$toCanvas({ ...SIZE, beforeDraw: onPaper });
      drawn.toBlob(finish, 'image/jpeg', 0.92);
    });
  });
}

async function measure(address) {
  const image = make('img', { src: address });
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}

function refuse(error, text) {
  error.textContent = text;
  error.scrollIntoView({ block: 'center' });   // never behind the bar at the foot
}

async function choose(box, file) {
  const error = box.querySelector('[data-photo-error]');
  const address = URL.createObjectURL(file);
  error.textContent = '';
  try {
    const { width, height } = await measure(address);
    if (width < LEAST.width || height < LEAST.height) {
      refuse(error, `照片只有 ${width}×${height} 像素，至少需要 295×413`);
      return;
    }
    const blob = await openFrame(address);
    if (blob) await store(box, blob, error);
  } catch {
    refuse(error, '无法读取这张照片，请换一张 JPG 或 PNG');
  } finally {
    URL.revokeObjectURL(address);
  }
}

// What was framed is sent again without framing it anew, where the picture itself is not to blame.
function offerAgain(box, blob, error, status) {
  if (status && status < 500 && !isSignedOut(status)) return;
  const again = make('button', { type: 'button', class: 'btn btn-link btn-sm' }, '重试');
  again.addEventListener('click', async () => {
    again.disabled = true;
    if (isSignedOut(status)) await rejoin();
    await store(box, blob, error);
  });
  error.append(again);
}

async function store(box, blob, error) {
  const answer = await upload(box.dataset.cropper, blob, 'photo.jpg');
  if (answer.body.id === undefined) { refuse(error, reason(answer, '上传失败，请重试')); offerAgain(box, blob, error, answer.status); return; }
  error.textContent = '';
  const photo = box.querySelector('[data-photo]');
  photo.src = answer.body.url ?? `/files/${answer.body.id}`;
  photo.hidden = false;
  box.querySelector('[data-photo-empty]').hidden = true;
  box.querySelector('[data-photo-id]').value = answer.body.id;
  fieldChanged(box, box.dataset.name);
}

on('change', '[data-photo-input]', async (_event, input) => {
  const [file] = input.files;
  if (file) await choose(input.closest('[data-cropper]'), file);
  input.value = '';
  input.focus({ preventScroll: true });
});
