// What was typed and is not saved yet, kept in this browser: an entry for each field of each page, so that no page
// writes over what another has typed, and a save takes away nothing but what was saved.
const PAGE = [...crypto.getRandomValues(new Uint32Array(2))].map((part) => part.toString(36)).join('');

const placeOf = (url) => `autosave:${document.body.dataset.owner ?? ''}:${url}|`;
const keyOf = (url, name) => `${placeOf(url)}${PAGE}|${name}`;

// keepTyped(url, name, values, known): `known` are the values that the server may have by this page's own doing.
export const keepTyped = (url, name, values, known) =>
  localStorage.setItem(keyOf(url, name), JSON.stringify({ name, values, known, at: Date.now() }));

export const forgetTyped = (url, name) => localStorage.removeItem(keyOf(url, name));

// typedBefore(url) -> [{name, values, known, forget()}] of every page that was open here, the latest first.
export function typedBefore(url) {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(placeOf(url)));
  const found = keys.map((key) => ({ ...JSON.parse(localStorage.getItem(key)), forget: () => localStorage.removeItem(key) }));
  return found.sort((one, other) => other.at - one.at);
}
