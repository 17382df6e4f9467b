// [data-field][data-only]: asked only where the other answers make it due; out of sight elsewhere, while it is empty.
import { isDue, isEmpty } from './complete.js';
import { enhancing } from './dom.js';

function show(form) {
  for (const place of form.querySelectorAll('[data-only]')) {
    const due = isDue(place, form);
    place.querySelector('[data-when]')?.toggleAttribute('hidden', due);      // it is plainly due now: a star says so
    place.querySelector('[data-due]')?.toggleAttribute('hidden', !due);
    place.hidden = !due && isEmpty(place, form) && !place.querySelector('.is-invalid, [data-draft], [data-file]');
  }
}

enhancing('form', (form) => {
  if (!form.querySelector('[data-only]')) return;
  for (const type of ['input', 'change', 'field:changed', 'merged']) form.addEventListener(type, () => show(form));
  show(form);
});
