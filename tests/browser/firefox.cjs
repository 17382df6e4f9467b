// Playwright's driver sets colours and motion of every context, by a command that the ESR does not know yet and that
// nothing here asks for: another without effect goes in its place.
const say = JSON.stringify;
const isUnknown = (message) => message?.method === 'emulation.setMediaFeaturesOverride';
JSON.stringify = (what, ...more) => say(isUnknown(what) ? { ...what, method: 'session.status', params: {} } : what, ...more);
