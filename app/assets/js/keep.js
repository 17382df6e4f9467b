// <form data-keep="name">: what is typed stays in this tab, for who comes back and finds the form empty.
// A later page whose form has the same name keeps what it was given; one with data-forget="name …" forgets it when sent.
import { on } from './dom.js';

const keyOf = (name) => `kept:${document.body.dataset.owner ?? ''}:${name}`;
const typedIn = (form) => [...form.querySelectorAll('textarea[name], input[name]:not([type=hidden], [type=file], [type=checkbox])')];

const keep = (form) => sessionStorage.setItem(keyOf(form.dataset.keep),
  JSON.stringify(Object.fromEntries(typedIn(form).map((control) => [control.name, control.value]))));

function putBack(form) {
  if (typedIn(form).some((control) => control.value)) { keep(form); return; }
  const kept = JSON.parse(sessionStorage.getItem(keyOf(form.dataset.keep)) ?? '{}');
  for (const control of typedIn(form)) control.value = kept[control.name] ?? '';
}

// On the way back browsers fill forms in by themselves, with what was empty too, after every script has run.
window.addEventListener('pageshow', () => { for (const form of document.querySelectorAll('form[data-keep]')) putBack(form); });

on('input', 'form[data-keep]', (_event, form) => keep(form));

on('submit', 'form[data-forget]', (_event, form) => {
  for (const name of form.dataset.forget.split(' ')) sessionStorage.removeItem(keyOf(name));
});
