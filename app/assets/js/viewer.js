// <div data-diagram="xml url" data-state='{"done": [], "flows": [], "now": [], "failed": []}'>: where a process stands.
import NavigatedViewer from 'bpmn-js/lib/NavigatedViewer';
import { make, on } from './dom.js';

const viewers = new WeakMap();

function mark(viewer, { done = [], flows = [], now = [], failed = [] }) {
  const canvas = viewer.get('canvas'), overlays = viewer.get('overlays'), elements = viewer.get('elementRegistry');
  const each = (ids, run) => ids.filter((id) => elements.get(id)).forEach(run);
  each(done, (id) => canvas.addMarker(id, 'is-done'));
  each(flows, (id) => canvas.addMarker(id, 'is-taken'));
  const point = (ids, marker, word) => each([...new Set(ids)], (id) => {
    canvas.removeMarker(id, 'is-done');
    canvas.addMarker(id, marker);
    overlays.add(id, { position: { top: -12, right: 34 }, html: make('div', { class: `now-badge ${marker}` }, word) });
  });
  point(now.filter((id) => !failed.includes(id)), 'is-now', '办理中');
  point(failed, 'is-failed', '异常');
}

// The whole diagram with a little air around it.
function fit(viewer) {
  const canvas = viewer.get('canvas');
  canvas.zoom(canvas.zoom('fit-viewport', 'auto') * 0.94, 'auto');
}

// A phone that is turned, a window that is made smaller: the diagram fits again.
function follow(viewer, box) {
  let width = box.clientWidth;
  new ResizeObserver(() => {
    if (!box.clientWidth || box.clientWidth === width) return;
    width = box.clientWidth;
    viewer.get('canvas').resized();
    fit(viewer);
  }).observe(box);
}

async function draw(box) {
  const viewer = new NavigatedViewer({ container: box });
  viewers.set(box, viewer);
  try {
    const response = await fetch(box.dataset.diagram, { credentials: 'same-origin' });
    if (!response.ok) throw new Error(`${response.status}`);
    await viewer.importXML(await response.text());
    mark(viewer, JSON.parse(box.dataset.state || '{}'));
    fit(viewer);
    follow(viewer, box);
    box.dataset.ready = '';
  } catch {
    viewer.destroy();
    box.replaceChildren(make('p', { class: 'diagram-missing', role: 'alert' }, '流程图暂时无法显示'));
  }
}

on('click', '[data-diagram-zoom]', (_event, button) => {
  const viewer = viewers.get(button.closest('.diagram').querySelector('[data-diagram]'));
  if (!viewer) return;
  const how = button.dataset.diagramZoom;
  if (how === 'fit') fit(viewer);
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
