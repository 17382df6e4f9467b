// 重命名: the name of a stored file becomes a field in its row; Enter keeps it, Escape leaves it as it was.
import { announce, icon, make, on } from './dom.js';
import { isSignedOut, post, reason, rejoin } from './http.js';

function show(row, name) {
  row.querySelector('.file-name a').textContent = name;
  for (const called of row.querySelectorAll('[data-file-called]')) called.textContent = name;
}

on('click', '[data-file-rename]', (_event, button) => {
  const row = button.closest('[data-file]'), link = row.querySelector('.file-name a');
  const id = row.querySelector('input[type=hidden]').value;
  const { upload } = row.closest('[data-uploader]').querySelector('input[data-upload]').dataset;
  const name = link.textContent.trim(), end = name.lastIndexOf('.'), ending = end < 0 ? '' : name.slice(end);
  const wrong = make('span', { class: 'upload-error', role: 'alert', id: `rename-${id}-error` });
  const input = make('input', { class: 'form-control form-control-sm', value: name.slice(0, name.length - ending.length), maxlength: 120, 'aria-label': `${name} 的新名称`, 'aria-describedby': wrong.id });
  const keep = make('button', { type: 'button', class: 'btn btn-primary btn-sm' }, '保存'), leave = make('button', { type: 'button', class: 'btn btn-outline-secondary btn-sm' }, '取消');
  const editor = make('span', { class: 'file-rename' }, icon('pencil'), input, make('span', { class: 'file-size' }, ending), keep, leave, wrong);
  const hidden = [...row.children].filter((each) => each.type !== 'hidden');
  const close = () => { editor.remove(); for (const each of hidden) each.hidden = false; button.focus(); };
  let signedOut = false;
  const save = async () => {
    keep.disabled = true;
    if (signedOut) await rejoin();
    const data = new FormData();
    data.append('name', input.value);
    const answer = await post(`${upload}/${id}/name`, data);
    keep.disabled = false;
    signedOut = isSignedOut(answer.status);
    if (answer.status !== 200) {
      wrong.textContent = reason(answer, '没有保存，请重试');
      input.setAttribute('aria-invalid', 'true');
      input.focus();
      return;
    }
    show(row, answer.body.name);
    close();
    announce(`已重命名为 ${answer.body.name}`);
  };
  editor.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close();
    else if (event.key === 'Enter' && event.target === input && !event.isComposing) save();
    else return;
    event.preventDefault();     // Enter would send the form around it
  });
  keep.addEventListener('click', save);
  leave.addEventListener('click', close);
  for (const each of hidden) each.hidden = true;
  row.append(editor);
  input.focus();
  input.select();
});
