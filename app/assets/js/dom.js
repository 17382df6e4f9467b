// Small helpers of every module.

// make("a", {class: "x", href: "/"}, "text", node): an element with attributes and children.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

export const icon = (name) => make('i', { class: `bi bi-${name}`, 'aria-hidden': 'true' });

// on("click", "[data-x]", fn(event, element)): one delegated listener, which survives swapped content.
export function on(type, selector, handler) {
  document.addEventListener(type, (event) => {
    const element = event.target.closest?.(selector);
    if (element) handler(event, element);
  });
}

const enhancers = [];

// enhancing("select[data-search]", fn(element)): runs once for every such element, now and after a swap.
export function enhancing(selector, enhance) {
  const seen = new WeakSet();
  const run = (root) => {
    for (const element of root.querySelectorAll(selector)) {
      if (seen.has(element)) continue;
      seen.add(element);
      enhance(element);
    }
  };
  enhancers.push(run);
  run(document);
}

export function enhance(root = document) {
  for (const run of enhancers) run(root);
}

// A field changed in a way that fires no input event (a file came or went, a row was removed).
export function fieldChanged(element, name) {
  element.dispatchEvent(new CustomEvent('field:changed', { bubbles: true, detail: { name } }));
}

// announce("text"): said to whoever hears the page.
export const announce = (text) => { const region = document.querySelector('[data-announced]'); if (region) region.textContent = text; };

export const clock = (date = new Date()) =>
  date.toLocaleTimeString('zh-CN', { hour: '2-digit', minute: '2-digit', hour12: false });

export function fileSize(bytes) {
  return bytes >= 1048576 ? `${(bytes / 1048576).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1024))} KB`;
}
