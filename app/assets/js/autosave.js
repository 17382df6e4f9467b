// <form data-autosave="url">: every field is saved on its own a moment after it changed.
// What the server does not have yet stays in this browser under the person and the url, and is sent again.
// Where the server holds something else by now than the page it was typed on knew, nothing is put back without being asked.
import { addGate } from './submit.js';
import { clock, enhancing, icon, make } from './dom.js';
import { canOffer, offer } from './drafts.js';
import { hasFiles, labelOf, namesOf, place, plain, readField, showErrors, unitOf, writeField } from './fields.js';
import { isSignedOut, post, reason, rejoin } from './http.js';
import { dispute, merge } from './merge.js';
import { toast } from './toast.js';
import { forgetTyped, keepTyped, typedBefore } from './typed.js';

const DELAY = 700;          // after the last key
const RETRY = 5000;         // after a failure; at once when the browser is online again
const MERGES = 3;           // in a row, for one save
const SKIPPED = new Set(['csrf_token', 'request_key', 'row_version', 'decision', '']);
const savers = new Map();

class Saver {
  constructor(form) {
    this.form = form;
    this.url = form.dataset.autosave;
    this.waiting = new Map();      // name -> values the server does not have yet
    this.refused = new Set();      // names of those it has refused
    this.sent = new Map();         // name -> values that went out without an answer: the server may have them
    this.kept = new Set();         // names of what this page keeps in the browser
    this.disputed = new Set();     // names that another page has saved otherwise, until somebody has chosen
    this.trouble = null;           // why the last save failed
    this.signedOut = false;        // the session has ended, or this page belongs to an earlier one
    this.overtaken = false;        // another page has saved: this one sends nothing more by itself
    this.timers = new Map();
    // name -> what the server has, as text: a change event may bring no change
    this.stored = new Map([...namesOf(form)].map((name) => [name, JSON.stringify(readField(form, name))]));
    // The server asks so, where no script was there to merge.
    for (const box of form.querySelectorAll('[data-dispute]')) {
      const { dispute: name, kept } = box.dataset;
      box.remove();
      showErrors(form, name, []);
      dispute(this, name, JSON.parse(kept));
    }
    this.restore();
  }

  changed(name) {
    if (SKIPPED.has(name)) return;
    if (this.disputed.has(name)) { this.keep(); return; }
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

  async send(name, merges = 0) {
    const values = this.waiting.get(name);
    if (!values) return;
    if (this.overtaken) { this.showTrouble(); return; }
    this.show('saving', '正在保存…');
    const data = new FormData();
    data.append('name', name);
    for (const value of values) data.append('value', value);
    const version = this.version();
    if (version) data.append('row_version', version);
    const beside = [...this.waiting].filter(([other]) => other !== name);
    if (beside.length) data.append('beside', JSON.stringify(Object.fromEntries(beside)));
    this.sent.set(name, values);
    this.keep();
    const answer = await post(this.url, data);
    if (!isAway(answer.status)) this.sent.delete(name);
    if (answer.status === 200 && answer.body.saved) this.saved(name, values, answer.body);
    else if (answer.status === 422) this.refuse(name, answer.body.errors ?? { [name]: [reason(answer, '内容有误')] });
    else if (answer.status === 409 && this.form.dataset.merge && merges < MERGES && await merge(this) === 200) await this.send(name, merges + 1);
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
    this.judge(body.judged ?? {});
    if (body.notice) toast(body.notice, 'warning');
    this.keep();
    this.showRest(`已保存 ${clock()}`);
  }

  // Fields whose check reads the one just saved; what was refused for it is sent again once it holds.
  judge(judged) {
    for (const [name, texts] of Object.entries(judged)) {
      if (this.refused.has(name) && !texts.length) { this.refused.delete(name); this.flush(name); }
      else if (!this.waiting.has(name) || this.refused.has(name)) showErrors(this.form, name, texts);
    }
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
    const away = isAway(answer.status);
    this.signedOut = isSignedOut(answer.status);
    this.trouble = away ? '' : this.signedOut ? '登录已失效，重新登录后回到本页会自动保存' : reason(answer, '请刷新页面');
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

  // What another page has saved since is taken over before the whole form goes; -> whether the server was reached.
  catchUp() {
    const work = (this.chain ?? Promise.resolve()).then(async () => !this.form.dataset.merge || !isAway(await merge(this)));
    this.chain = work.catch(() => {});
    return work;
  }

  // The server shows what differs, where the form tells it which version it was filled on.
  get isJudgedWhole() { return this.overtaken && Boolean(this.form.elements.namedItem('row_version')); }

  // What the server had, as far as this page knows; and that, with what it may have got from here without an answer.
  base(name) { return JSON.parse(this.stored.get(name) ?? '[""]'); }
  known(name) { return [this.base(name), ...[this.sent.get(name)].filter(Boolean)]; }

  keep() {
    const typed = new Map(this.waiting);
    for (const name of this.disputed) typed.set(name, readField(this.form, name));
    for (const name of this.kept) if (!typed.has(name)) forgetTyped(this.url, name);
    for (const [name, values] of typed) keepTyped(this.url, name, values, this.known(name));
    this.kept = new Set(typed.keys());
  }

  restore() {
    for (const typed of typedBefore(this.url)) this.takeBack(typed);
    this.keep();
    if (this.refused.size || this.form.querySelector('[data-draft]')) this.showRest();
    if ([...this.waiting.keys()].some((name) => !this.refused.has(name))) {
      this.show('saving', '已恢复本机暂存的内容');
      this.flushAll();
    }
  }

  // Where the page says the same there is nothing to ask: what was just refused is on the page, and not stored yet.
  takeBack({ name, values, known, forget }) {
    const said = (each) => plain(this.form, name, each), here = said(readField(this.form, name));
    const isAlone = !this.waiting.has(name) && !place(this.form, name)?.querySelector('[data-draft]');
    if (said(values) === here) {
      if (place(this.form, name)?.querySelector('.is-invalid')) { this.waiting.set(name, values); this.refused.add(name); }
    } else if (isAlone && known.some((each) => said(each) === here)) {
      writeField(this.form, name, values);
      // Of files nothing is saved that the page does not show.
      const isFiles = hasFiles(this.form, name), taken = isFiles ? readField(this.form, name) : values;
      if (isFiles && said(taken) !== said(values)) this.sayLost(name);
      if (said(taken) !== here) this.waiting.set(name, taken);
    } else if (canOffer(this.form, name)) {
      offer(this.form, name, values, {
        use: () => { writeField(this.form, name, values); this.changed(name); forget(); this.showRest(); },
        drop: () => { forget(); this.showRest(); },
      });
      return;
    } else if (hasFiles(this.form, name)) this.sayLost(name);
    forget();
  }

  sayLost(name) { toast(`“${labelOf(this.form, name)}”此前的改动没有保存，请核对附件`, 'warning'); }

  // What the server does not have, the most urgent first; `done` is said where it has everything.
  showRest(done = '已保存') {
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

const isAway = (status) => status === 0 || status >= 500;

enhancing('form[data-autosave]', (form) => savers.set(form, new Saver(form)));

for (const type of ['input', 'change', 'field:changed']) {
  document.addEventListener(type, (event) => {
    const saver = savers.get(event.target.closest?.('form[data-autosave]'));
    // What only helps with a field (data-beside) is none of the draft.
    if (!saver || event.target.type === 'file' || event.target.closest('[data-beside]')) return;
    saver.changed(event.detail?.name ?? unitOf(event.target));
  });
}

window.addEventListener('focus', () => { for (const saver of savers.values()) saver.signedInAgain(); });
window.addEventListener('online', () => { for (const saver of savers.values()) saver.flushAll(); });

// Enter saves; it presses no button, since the first one may send the form to an office.
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !event.target.matches?.('form[data-autosave] input:not([type=submit], [type=button], [type=file])')) return;
  event.preventDefault();
  savers.get(event.target.form)?.flushAll();
});

// Submitting first sends what is still waiting, takes over what another page has saved since, and stays when the server
// cannot be reached. What two pages have typed otherwise, or an older one has, is decided by a person before.
addGate({
  needed: (form) => {
    const saver = savers.get(form);
    return Boolean(saver && (saver.waiting.size || form.dataset.merge || form.querySelector('[data-draft]')));
  },
  pass: async (form) => {
    const saver = savers.get(form);
    const isSent = !saver.waiting.size || await saver.flushAll();
    if (!saver.isJudgedWhole && !(isSent && await saver.catchUp())) {
      toast(`还有内容没有保存，${saver.trouble || '请在网络恢复后再提交'}`, 'danger');
      return false;
    }
    const undecided = form.querySelector('[data-draft] button');
    if (!undecided) return true;
    toast(saver.disputed.size ? '有内容与另一页面不一致，请先在旁边选择采用哪一个' : '有此前输入的内容没有保存，请先在旁边选择使用或放弃', 'danger');
    undecided.scrollIntoView({ block: 'center' });      // clear of the bars above and below
    undecided.focus({ preventScroll: true });
    return false;
  },
});

window.addEventListener('beforeunload', (event) => {
  const unsaved = [...savers].some(([form, saver]) => saver.waiting.size && form.dataset.sending === undefined);
  if (unsaved) event.preventDefault();
});
