// What answers a form is no page to come back to: browsers show an error of their own there (ERR_CACHE_MISS). Who goes on
// from it, by a link or by sending its form again, comes back to the page where the form stands. Until then it keeps its
// address, so that a reload sends the same again and loses nothing that was typed.
import { on } from './dom.js';

const isAnswer = 'answer' in document.body.dataset && document.referrer.startsWith(`${location.origin}/`);

function leave(event) {
  if (isAnswer && !event.defaultPrevented) history.replaceState(history.state, '', document.referrer);
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.matches('[target], [method=dialog]')) return;
  // A form without an address of its own goes where the page came from, not where it will have stood.
  if (isAnswer && !form.hasAttribute('action')) form.setAttribute('action', location.href);
  leave(event);
});

on('click', 'a[href]:not([href^="#"], [target])', leave);
