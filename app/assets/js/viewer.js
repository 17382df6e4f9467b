// <div data-diagram="xml url" data-state='{"done": [], "now": [], "failed": []}'>: where a process stands.
// A draft has no address: data-xml is the diagram, its state {"added": [], "changed": [], "faulty": []}.
import NavigatedViewer from 'bpmn-js/lib/NavigatedViewer';
import { make, on } from './dom.js';
import { trail } from './trail.js';

const viewers = new WeakMap();

// From this scale on people read the labels without leaning forward.
const READABLE = 1;
const AROUND = 30;

// Where the badge of a shape may stand: on a corner of a task, around an event or a gateway.
const CORNERS = [{ bottom: 10, right: 48 }, { top: -12, right: 48 }, { bottom: 10, left: -8 }, { top: -12, left: -8 }];
const AROUND_POINT = [{ top: -26, left: -10 }, { top: -18, right: 4 }, { top: -18, left: -50 }, { bottom: -2, right: 4 }, { bottom: -2, left: -50 }, { bottom: -4, left: -4 }, { top: -46, left: -4 }, { bottom: -24, left: -4 }];
const BADGE = { width: 58, height: 22 };

const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

function badgeAt(shape, { top, bottom, left, right }) {
  return { ...BADGE, x: shape.x + (left ?? shape.width - right), y: shape.y + (top ?? shape.height - bottom) };
}

// A place that no event of the border stands on, no flow comes to and no name is written at.
function cornerOf(shape, names) {
  const places = /(Event|Gateway)$/.test(shape.type) ? AROUND_POINT : CORNERS;
  const ends = [...shape.incoming.map((each) => each.waypoints.at(-1)), ...shape.outgoing.map((each) => each.waypoints[0])];
  const taken = [...(shape.attachers ?? []), ...names, ...ends.map(({ x, y }) => ({ x: x - 6, y: y - 6, width: 12, height: 12 }))];
  return places.find((place) => !taken.some((each) => meet(badgeAt(shape, place), each))) ?? places[0];
}

const DRAFT = { added: '新增', changed: '修改', faulty: '有误' };

function mark(viewer, state) {
  const { done = [], now = [], failed = [] } = state;
  const canvas = viewer.get('canvas'), overlays = viewer.get('overlays'), elements = viewer.get('elementRegistry');
  // The plane itself has no place for a mark.
  const each = (ids, run) => [...new Set(ids)].filter((id) => elements.get(id)?.parent).forEach(run);
  const { passed, flows } = trail(elements, done, [...failed, ...now]);
  each([...done, ...passed], (id) => canvas.addMarker(id, 'is-done'));
  each(flows, (id) => canvas.addMarker(id, 'is-taken'));
  const names = elements.filter((each) => each.labelTarget);
  // An event on the border waits while its task is at work: the word stands at the task.
  const bearer = (id) => elements.get(id)?.host?.id ?? id;
  const badge = (id, marker, word) => {
    const shape = elements.get(id);
    if (!shape.waypoints) overlays.add(id, { position: cornerOf(shape, names), html: make('div', { class: `now-badge ${marker}` }, word) });
  };
  const point = (ids, marker, word) => {
    each([...ids, ...ids.map(bearer)], (id) => { canvas.removeMarker(id, 'is-done'); canvas.addMarker(id, marker); });
    each(ids.map(bearer), (id) => badge(id, marker, word));
  };
  const stopped = failed.map(bearer);
  point(now.filter((id) => !stopped.includes(bearer(id))), 'is-now', '办理中');
  point(failed, 'is-failed', '异常');
  for (const [kind, word] of Object.entries(DRAFT)) {
    each(state[kind] ?? [], (id) => { canvas.addMarker(id, `is-${kind}`); badge(id, `is-${kind}`, word); });
  }
}

// Where the process stands, or what a draft is about: the open node, else the last one done, else the start.
function standing(viewer, { done = [], now = [], failed = [], faulty = [], changed = [], added = [] }) {
  const elements = viewer.get('elementRegistry');
  const found = [...failed, ...now, ...faulty, ...changed, ...added, ...[...done].reverse()].map((id) => elements.get(id));
  return found.find((each) => each?.width) ?? elements.find((each) => each.type === 'bpmn:StartEvent');
}

const isOver = ({ done = [], now = [], failed = [] }) => done.length > 0 && !now.length && !failed.length;

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

// The whole where its labels can be read or nothing is at work any more, else the place where the process stands.
function show(viewer, state) {
  fit(viewer);
  const canvas = viewer.get('canvas'), shape = standing(viewer, state);
  if (canvas.zoom() >= READABLE * 0.9 || !shape || isOver(state)) return;
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

async function fetched(address) {
  const response = await fetch(address, { credentials: 'same-origin' });
  if (!response.ok) throw new Error(`${response.status}`);
  return response.text();
}

async function draw(box) {
  const viewer = new NavigatedViewer({ container: box });
  viewers.set(box, viewer);
  try {
    await viewer.importXML(box.dataset.xml ?? await fetched(box.dataset.diagram));
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
