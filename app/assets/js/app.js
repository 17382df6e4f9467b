// On every page. Order matters once: confirmations ask before anything is sent or waited for.
import htmx from 'htmx.org';
import 'bootstrap';
import './submit.js';
import './back.js';
import './page.js';
import './stack.js';
import './toast.js';
import './bulk.js';
import './rows.js';
import './select.js';
import './upload.js';
import './rename.js';
import './order.js';
import './autosave.js';
import './keep.js';
import './only.js';
import './preview.js';
import './review.js';
import './signature.js';
import './proof.js';
import './phrases.js';
import { enhance } from './dom.js';
import { csrfToken } from './http.js';

window.htmx = htmx;
document.addEventListener('htmx:configRequest', (event) => { event.detail.headers['X-CSRFToken'] = csrfToken(); });
document.addEventListener('htmx:afterSettle', () => enhance());
