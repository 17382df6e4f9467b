// <div data-diagram="xml url" data-state='{"done": [], "now": [], "failed": [], "ended": false}'>: where a process stands.
import NavigatedViewer from 'bpmn-js/lib/NavigatedViewer';
import { make, on } from './dom.js';
import { trail } from './trail.js';

const viewers = new WeakMap();

// From this scale on people read the labels without leaning forward.
const READABLE = 1;
const AROUND = 30;

function mark(viewer, { done = [], now = [], failed = [], ended = false }) {
  const canvas = viewer.get('canvas'), overlays = viewer.get('overlays'), elements = viewer.get('elementRegistry');
  const each = (ids, run) => [...new Set(ids)].filter((id) => elements.get(id)).forEach(run);
  const { passed, flows } = trail(elements, done, [...failed, ...now], ended);
  each([...done, ...passed], (id) => canvas.addMarker(id, 'is-done'));
  each(flows, (id) => canvas.addMarker(id, 'is-taken'));
  const point = (ids, marker, word) => each(ids, (id) => {
    canvas.removeMarker(id, 'is-done');
    canvas.addMarker(id, marker);
    overlays.add(id, { position: { top: -12, right: 34 }, html: make('div', { class: `now-badge ${marker}` }, word) });
  });
  point(now.filter((id) => !failed.includes(id)), 'is-now', '办理中');
  point(failed, 'is-failed', '异常');
}

// Where the process stands: the open node, else the last one done, else the start.
function standing(viewer, { done = [], now = [], failed = [] }) {
  const elements = viewer.get('elementRegistry');
  const found = [...failed, ...now, ...[...done].reverse()].map((id) => elements.get(id)).find(Boolean);
  return found ?? elements.find((each) => each.type === 'bpmn:StartEvent');
}

// The whole diagram with a little air around it.
function fit(viewer) {
  const canvas = viewer.get('canvas');
  canvas.zoom(canvas.zoom('fit-viewport', 'auto') * 0.94, 'auto');
}

// A view as wide as `room` around `middle`, that leaves the diagram no further than need be.
function within(middle, room, from, size) {
  const low = from - AROUND, high = from + size + AROUND - room;
  return high < low ? (low + high) / 2 : Math.min(Math.max(middle - room / 2, low), high);
}

// The whole where its labels can be read, else the place where the process stands.
function show(viewer, state) {
  fit(viewer);
  const canvas = viewer.get('canvas'), shape = standing(viewer, state);
  if (canvas.zoom() >= READABLE * 0.9 || !shape) return;
  const { outer, inner } = canvas.viewbox(), width = outer.width / READABLE, height = outer.height / READABLE;
  canvas.viewbox({
    x: within(shape.x + shape.width / 2, width, inner.x, inner.width),
    y: within(shape.y + shape.height / 2, height, inner.y, inner.height),
    width,
    height,
  });
}

// A phone that is turned, a window that is made smaller: the diagram is shown anew.
function follow(viewer, box, state) {
  let width = box.clientWidth;
  new ResizeObserver(() => {
    if (!box.clientWidth || box.clientWidth === width) return;
    width = box.clientWidth;
    viewer.get('canvas').resized();
    show(viewer, state);
  }).observe(box);
}

async function draw(box) {
  const viewer = new NavigatedViewer({ container: box });
  viewers.set(box, viewer);
  try {
    const response = await fetch(box.dataset.diagram, { credentials: 'same-origin' });
    if (!response.ok) throw new Error(`${response.status}`);
    await viewer.importXML(await response.text());
    const state = JSON.parse(box.dataset.state || '{}');
    mark(viewer, state);
    show(viewer, state);
    follow(viewer, box, state);
    box.dataset.ready = '';
  } catch {
    viewer.destroy();
    box.replaceChildren(make('p', { class: 'diagram-missing', role: 'alert' }, '流程图暂时无法显示'));
  }
}

on('click', '[data-diagram-zoom]', (_event, button) => {
  const box = button.closest('.diagram').querySelector('[data-diagram]'), viewer = viewers.get(box);
  if (!viewer) return;
  const how = button.dataset.diagramZoom;
  if (how === 'fit') fit(viewer);
  else if (how === 'here') show(viewer, JSON.parse(box.dataset.state || '{}'));
  else viewer.get('zoomScroll').stepZoom(how === 'in' ? 1 : -1);
});

// A drawing that is folded has no size to fit into: it is drawn when it is opened.
for (const folded of document.querySelectorAll('[data-drawing]')) {
  if (matchMedia('(min-width: 768px)').matches) folded.open = true;
  else folded.addEventListener('toggle', () => folded.querySelectorAll('[data-diagram]').forEach(draw), { once: true });
}
for (const box of document.querySelectorAll('[data-diagram]')) {
  if (!box.closest('details:not([open])')) draw(box);
}
