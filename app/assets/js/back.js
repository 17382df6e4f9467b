// What answers a form is no page to come back to: browsers show an error of their own there (ERR_CACHE_MISS). Who goes on
// from it, by a link or by sending its form again, comes back to the page where the form stands. While it is shown it
// keeps its address, so that a reload sends the same again and loses nothing that was typed.
import { on } from './dom.js';

// Behind an answer to an answer lies the form of the first.
const { referrer } = document, isAnswer = 'answer' in document.body.dataset && referrer.startsWith(`${location.origin}/`);
const keyOf = (address) => `form of ${address.split('#', 1)[0]}`;
const form = isAnswer ? sessionStorage.getItem(keyOf(referrer)) ?? referrer : null;
if (form) sessionStorage.setItem(keyOf(location.href), form);
else sessionStorage.removeItem(keyOf(location.href));

// Asked to go on, about to, gone: an address that gives a file leaves the page standing, and a reload asks for nothing.
let isAsked = false, isGoing = false;

function ask(event) {
  const opensBeside = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (!event.defaultPrevented && !opensBeside) isAsked = true;
}

document.addEventListener('submit', (event) => {
  if (!event.target.matches('[target], [method=dialog]')) ask(event);
});
on('click', 'a[href]:not([href^="#"], [target], [download])', ask);
window.addEventListener('beforeunload', () => { [isGoing, isAsked] = [isAsked, false]; });
window.addEventListener('pagehide', () => { if (form && isGoing) history.replaceState(history.state, '', form); });
