// The page behind a printed code: the part of its address after # is the certificate's signature.
// The server is asked whether it is genuine; until it says so, nothing here calls the paper valid.
import { enhancing, make } from './dom.js';
import { post } from './http.js';

const UNREACHED = { tone: 'warning', word: '未能核对签名', text: '没有得到核对结果，请检查网络后刷新本页重试。' };
const CHECKING = { tone: 'secondary', word: '正在核对签名', text: '请稍候…' };

enhancing('[data-signature]', (box) => {
  const answer = box.querySelector('[data-signature-answer]');
  const record = document.querySelector('[data-signature-record]');
  const hint = [...answer.childNodes];
  let asked = 0;

  const show = ({ tone, word, text }) => {
    answer.className = `alert alert-${tone}`;
    answer.replaceChildren(make('strong', {}, word), `　${text}`);
  };
  const check = async () => {
    const token = location.hash.slice(1), turn = ++asked;
    if (token && document.getElementById(token)) return; // the link that skips to the content
    record.hidden = Boolean(token);
    if (!token) {
      answer.className = 'alert alert-secondary';
      answer.replaceChildren(...hint);
      return;
    }
    show(CHECKING);
    const data = new FormData();
    data.append('token', token);
    const { status, body } = await post(box.dataset.signature, data);
    if (turn !== asked) return;
    show(status === 200 && body.word ? body : UNREACHED);
    record.hidden = body.genuine !== true;
  };
  addEventListener('hashchange', check);
  check();
});
