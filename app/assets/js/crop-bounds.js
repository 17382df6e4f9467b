// Keeps a frame of the cropper inside its picture: what lies outside would be printed as a border.
const SLACK = 0.01;   // of a pixel: sums of fractions are never quite equal

// Where a picture stands in its canvas: turned by quarters only, so its sides stay upright.
function placeOf(picture, [a, b, c, d, e, f] = picture.$getTransform()) {
  const { offsetWidth: w, offsetHeight: h } = picture;
  const width = Math.abs(a) * w + Math.abs(c) * h, height = Math.abs(b) * w + Math.abs(d) * h;
  return { x: w / 2 + e - width / 2, y: h / 2 + f - height / 2, width, height };
}

const shift = (start, length, from, room) => Math.max(from, Math.min(start, from + room - length)) - start;

function common(one, other) {
  const x = Math.max(one.x, other.x), y = Math.max(one.y, other.y);
  const right = Math.min(one.x + one.width, other.x + other.width);
  return { x, y, width: right - x, height: Math.min(one.y + one.height, other.y + other.height) - y };
}

// The frame within the room, of the same shape: made smaller where it is too large, then moved in.
function within(frame, room) {
  const scale = Math.min(1, room.width / frame.width, room.height / frame.height);
  const width = frame.width * scale, height = frame.height * scale;
  return {
    x: frame.x + shift(frame.x, width, room.x, room.width),
    y: frame.y + shift(frame.y, height, room.y, room.height), width, height,
  };
}

const same = (one, other) => ['x', 'y', 'width', 'height'].every((side) => Math.abs(one[side] - other[side]) < SLACK);

// The nearest place of a picture that covers the frame: enlarged where too small, then moved over it.
function covering([a, b, c, d, e, f], picture, frame) {
  const small = placeOf(picture, [a, b, c, d, e, f]);
  const scale = Math.max(1, frame.width / small.width, frame.height / small.height);
  const grown = [a * scale, b * scale, c * scale, d * scale, e, f];
  const place = placeOf(picture, grown);
  grown[4] -= shift(frame.x, frame.width, place.x, place.width);
  grown[5] -= shift(frame.y, frame.height, place.y, place.height);
  return grown;
}

// Hold the frame inside the picture from now on; returns how to turn it by a quarter.
export function holdInside(cropper) {
  const picture = cropper.getCropperImage(), selection = cropper.getCropperSelection();
  const canvas = cropper.getCropperCanvas();
  let free = true;
  const room = () => common(placeOf(picture), { x: 0, y: 0, width: canvas.offsetWidth, height: canvas.offsetHeight });
  const frameAll = () => {
    const place = room(), ratio = selection.aspectRatio;
    const width = Math.min(place.width, place.height * ratio), height = width / ratio;
    selection.$change(place.x + (place.width - width) / 2, place.y + (place.height - height) / 2, width, height);
  };
  selection.addEventListener('change', (event) => {
    const held = free ? event.detail : within(event.detail, room());
    if (same(held, event.detail)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    selection.$change(held.x, held.y, held.width, held.height);
  });
  picture.addEventListener('transform', (event) => {
    const { matrix } = event.detail, held = free ? matrix : covering(matrix, picture, selection);
    if (held.every((part, index) => Math.abs(part - matrix[index]) < SLACK / 1000)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    picture.$setTransform(held);
  });
  const settle = (act) => {
    free = true;
    act();
    picture.$center('contain');
    frameAll();
    free = false;
  };
  picture.$ready(() => settle(() => {}));
  return (angle) => settle(() => {
    picture.rotatable = true;   // by the buttons only: two fingers would turn it askew
    picture.$rotate(angle);
    picture.rotatable = false;
  });
}
