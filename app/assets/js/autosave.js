// <form data-autosave="url">: every field is saved on its own a moment after it changed.
// What the server does not have yet stays in this browser under the person and the url, and is sent again.
// It remembers the version of the page: on a page of another version nothing is put back without being asked.
import { addGate } from './submit.js';
import { clock, enhancing, icon, make } from './dom.js';
import { canOffer, offer } from './drafts.js';
import { place, readField, showErrors, unitOf, writeField } from './fields.js';
import { post, reason, rejoin } from './http.js';
import { merge, remember } from './merge.js';
import { toast } from './toast.js';

const DELAY = 700;          // after the last key
const RETRY = 5000;         // after a failure; at once when the browser is online again
const SKIPPED = new Set(['csrf_token', 'request_key', 'row_version', 'decision', '']);
const savers = new Map();

class Saver {
  constructor(form) {
    this.form = form;
    this.url = form.dataset.autosave;
    this.key = `autosave:${document.body.dataset.owner ?? ''}:${this.url}`;
    this.waiting = new Map();      // name -> values the server does not have yet
    this.refused = new Set();      // names of those it has refused
    this.older = new Map();        // name -> {version, values} typed on an older page, for people to decide on
    this.disputed = new Set();     // names that another page has saved otherwise, until somebody has chosen
    this.trouble = null;           // why the last save failed
    this.signedOut = false;        // the session has ended, or this page belongs to an earlier one
    this.overtaken = false;        // another page has saved: this one sends nothing more by itself
    this.timers = new Map();
    this.stored = new Map();       // name -> what the server has, as text: a change event may bring no change
    if (form.dataset.merge) remember(form);
    this.restore();
  }

  changed(name) {
    if (SKIPPED.has(name) || this.disputed.has(name)) return;
    const values = readField(this.form, name), text = JSON.stringify(values);
    const known = this.waiting.has(name) ? JSON.stringify(this.waiting.get(name)) : this.stored.get(name);
    if (text === known) return;
    this.waiting.set(name, values);
    this.refused.delete(name);
    this.keep();
    this.show('saving', '有未保存的修改');
    clearTimeout(this.timers.get(name));
    this.timers.set(name, setTimeout(() => { this.timers.delete(name); this.flush(name); }, DELAY));
  }

  // One request at a time, because each carries the row_version the last one gave.
  flush(name) {
    const work = (this.chain ?? Promise.resolve()).then(() => this.send(name));
    this.chain = work.catch(() => {});
    return work;
  }

  async flushAll() {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    await Promise.all([...this.waiting.keys()].filter((name) => !this.refused.has(name)).map((name) => this.flush(name)));
    return [...this.waiting.keys()].every((name) => this.refused.has(name));
  }

  async send(name) {
    const values = this.waiting.get(name);
    if (!values) return;
    if (this.overtaken) { this.showTrouble(); return; }
    this.show('saving', '正在保存…');
    const data = new FormData();
    data.append('name', name);
    for (const value of values) data.append('value', value);
    const version = this.version();
    if (version) data.append('row_version', version);
    const answer = await post(this.url, data);
    if (answer.status === 200 && answer.body.saved) this.saved(name, values, answer.body);
    else if (answer.status === 422) this.refuse(name, answer.body.errors ?? { [name]: [reason(answer, '内容有误')] });
    else if (answer.status === 409 && this.form.dataset.merge && await merge(this)) await this.send(name);
    else this.failed(answer);
  }

  saved(name, values, body) {
    if (this.waiting.get(name) === values) this.waiting.delete(name);
    this.stored.set(name, JSON.stringify(values));
    this.setVersion(body.row_version);
    showErrors(this.form, name, []);
    for (const [other, value] of Object.entries(body.values ?? {})) {
      if (this.waiting.has(other)) continue;
      writeField(this.form, other, [].concat(value));
      this.stored.set(other, JSON.stringify(readField(this.form, other)));
    }
    if (body.notice) toast(body.notice, 'warning');
    this.keep();
    this.showRest(`已保存 ${clock()}`);
  }

  version() {
    return this.form.dataset.rowVersion ?? this.form.elements.namedItem('row_version')?.value;
  }

  setVersion(version) {
    if (version === undefined) return;
    const input = this.form.elements.namedItem('row_version');
    if (input) input.value = version; else this.form.dataset.rowVersion = version;
  }

  refuse(name, errors) {
    this.refused.add(name);
    for (const [other, texts] of Object.entries(errors)) showErrors(this.form, other, [].concat(texts));
    this.showRest();
  }

  failed(answer) {
    const away = answer.status === 0 || answer.status >= 500;
    this.trouble = away ? '' : reason(answer, '请刷新页面');
    this.signedOut = answer.status === 401 || answer.status === 400;
    this.overtaken = answer.status === 409;
    this.showTrouble();
    clearTimeout(this.retry);
    if (away) this.retry = setTimeout(() => this.flushAll(), RETRY);
  }

  showTrouble() {
    this.show('failed', this.trouble ? `保存失败，已暂存在本机（${this.trouble}）` : '保存失败，已暂存在本机');
    if (!this.signedOut) return;
    const link = make('a', { href: '/login', target: '_blank', rel: 'noopener' }, '在新窗口登录');
    for (const place of this.form.querySelectorAll('[data-save-state]')) place.append(link.cloneNode(true));
  }

  // Back from the window where the person signed in again: what waits is saved now.
  async signedInAgain() {
    if (!this.signedOut || await rejoin()) return;
    this.signedOut = false;
    await this.flushAll();
  }

  // The server shows what differs, where the form tells it which version it was filled on.
  get isJudgedWhole() { return this.overtaken && Boolean(this.form.elements.namedItem('row_version')); }

  keep() {
    const version = this.version(), typed = [...this.waiting].map(([name, values]) => [name, { version, values }]);
    const draft = Object.fromEntries([...this.older, ...typed]);
    if (Object.keys(draft).length) localStorage.setItem(this.key, JSON.stringify(draft));
    else localStorage.removeItem(this.key);
  }

  restore() {
    for (const [name, kept] of Object.entries(JSON.parse(localStorage.getItem(this.key) ?? '{}'))) {
      if (kept.version === this.version() && kept.values) this.putBack(name, kept.values);
      else this.putBeside(name, Array.isArray(kept) ? { values: kept } : kept);
    }
    this.keep();
    if ([...this.waiting.keys()].some((name) => !this.refused.has(name))) {
      this.show('saving', '已恢复本机暂存的内容');
      this.flushAll();
    }
  }

  putBack(name, values) {
    this.waiting.set(name, values);
    writeField(this.form, name, values);
  }

  // Where the page says the same there is nothing to ask: what was just refused is on the page, and not stored yet.
  putBeside(name, kept) {
    if (!canOffer(this.form, name)) return;
    const same = JSON.stringify(readField(this.form, name)) === JSON.stringify(kept.values);
    if (same && !place(this.form, name).querySelector('.is-invalid')) return;
    if (same) {
      this.waiting.set(name, kept.values);
      this.refused.add(name);
      this.showRest();
      return;
    }
    this.older.set(name, kept);
    offer(this.form, name, kept.values, {
      use: () => {
        this.older.delete(name);
        writeField(this.form, name, kept.values);
        this.changed(name);
        this.keep();
      },
      drop: () => { this.older.delete(name); this.keep(); this.showRest(); },
    });
    this.showRest();
  }

  // What the server does not have, the most urgent first; `done` is said where it has everything.
  showRest(done = '') {
    const count = this.form.querySelectorAll('[data-draft]').length, refused = [...this.refused].filter((name) => this.waiting.has(name)).length;
    if (this.disputed.size) this.show('failed', `有 ${this.disputed.size} 项与另一页面不一致，请在旁边选择`);
    else if (count) this.show('failed', `有 ${count} 项此前输入的内容没有保存，请在旁边选择使用或放弃`);
    else if (refused) this.show('failed', `有 ${refused} 项未保存，请按提示修改`);
    else if (!this.waiting.size) this.show('saved', done);
  }

  show(state, text) {
    for (const place of this.form.querySelectorAll('[data-save-state]')) {
      place.dataset.saveState = state;
      place.replaceChildren(icon({ saved: 'check-circle', saving: 'arrow-repeat', failed: 'exclamation-triangle' }[state]), text);
    }
  }
}

enhancing('form[data-autosave]', (form) => savers.set(form, new Saver(form)));

for (const type of ['input', 'change', 'field:changed']) {
  document.addEventListener(type, (event) => {
    const saver = savers.get(event.target.closest?.('form[data-autosave]'));
    if (!saver || event.target.type === 'file') return;
    saver.changed(event.detail?.name ?? unitOf(event.target));
  });
}

window.addEventListener('focus', () => { for (const saver of savers.values()) saver.signedInAgain(); });
window.addEventListener('online', () => { for (const saver of savers.values()) saver.flushAll(); });

// Submitting first sends what is still waiting, and stays when the server cannot be reached.
addGate({
  needed: (form) => Boolean(savers.get(form)?.waiting.size),
  pass: async (form) => {
    const saver = savers.get(form);
    if (await saver.flushAll() || saver.isJudgedWhole) return true;
    toast(`还有内容没有保存，${saver.trouble || '请在网络恢复后再提交'}`, 'danger');
    return false;
  },
});

// What two pages have typed otherwise is decided by a person, before either is sent.
addGate({
  needed: (form) => Boolean(savers.get(form)?.disputed.size),
  pass: async (form) => {
    toast('有内容与另一页面不一致，请先在旁边选择采用哪一个', 'danger');
    form.querySelector('[data-draft] button').focus();
    return false;
  },
});

window.addEventListener('beforeunload', (event) => {
  const unsaved = [...savers].some(([form, saver]) => saver.waiting.size && form.dataset.sending === undefined);
  if (unsaved) event.preventDefault();
});
