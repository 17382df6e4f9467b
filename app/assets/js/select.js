// Searchable selects. Without script they are ordinary selects.
import TomSelect from 'tom-select';
import { enhancing, make } from './dom.js';

enhancing('select[data-search]', (select) => {
  if (select.closest('template')) return;
  const label = select.labels[0]?.cloneNode(true);
  label?.querySelectorAll('.required-mark, .visually-hidden').forEach((part) => part.remove());
  const name = label?.textContent.trim() ?? select.getAttribute('aria-label');
  const box = new TomSelect(select, {
    create: false, maxOptions: 200, refreshThrottle: 0, allowEmptyOption: false, hidePlaceholder: true,
    placeholder: select.dataset.placeholder ?? '请选择或输入查找',
    render: { no_results: () => make('div', { class: 'no-results' }, '没有符合的选项') },
  });
  // Tom Select takes the label for its own input; both keep the name.
  if (name) {
    select.setAttribute('aria-label', name);
    select.setAttribute('aria-hidden', 'true');
    box.control_input.setAttribute('aria-label', name);
    box.dropdown_content.setAttribute('aria-label', name);
  }
  for (const attribute of ['aria-describedby', 'aria-invalid', 'aria-required']) {
    if (select.hasAttribute(attribute)) box.control_input.setAttribute(attribute, select.getAttribute(attribute));
  }
});
