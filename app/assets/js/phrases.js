// 常用意见: a click writes the text into the field above, after what is there.
import { enhancing, on } from './dom.js';

enhancing('[data-phrases]', (list) => { list.hidden = false; });

on('click', '[data-phrase]', (_event, button) => {
  const field = document.getElementById(button.closest('[data-phrases]').dataset.phrases);
  const typed = field.value.trim().replace(/[；。;.]$/, '');
  field.value = typed ? `${typed}；${button.textContent}` : button.textContent;
  for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }));
  field.focus();
});
