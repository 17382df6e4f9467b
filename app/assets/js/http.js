// Requests to our own server: the CSRF header on every write.

export const csrfToken = () =>
  document.querySelector('meta[name="csrf-token"]')?.content
  ?? document.querySelector('input[name="csrf_token"]')?.value ?? '';

const json = (text) => { try { return JSON.parse(text); } catch { return {}; } };

// The session has ended (401), or the page belongs to an earlier one (400): a next try rejoins first.
export const isSignedOut = (status) => status === 401 || status === 400;

// rejoin(owner) -> '' or why not: the page takes part in the session that was opened in another window.
export async function rejoin(owner = document.body.dataset.owner) {
  const answer = await fetch('/home', { credentials: 'same-origin' }).catch(() => null);
  if (!answer) return '网络不通，请检查后重试';
  if (answer.redirected || !answer.ok) return '尚未登录，请先在新窗口登录';
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  if (owner && page.body.dataset.owner !== owner) return '登录的不是原来的账号，内容没有提交';
  const token = page.querySelector('meta[name="csrf-token"]').content;
  for (const input of document.querySelectorAll('input[name="csrf_token"]')) input.value = token;
  document.querySelector('meta[name="csrf-token"]')?.setAttribute('content', token);
  return '';
}

// post(url, formData) -> {status, body, isQueued}; status 0 when the server was not reached. Queued is what the
// server could not do right now, and asks to be asked again.
export async function post(url, data) {
  try {
    const response = await fetch(url, {
      method: 'POST', body: data, credentials: 'same-origin',
      headers: { 'X-CSRFToken': csrfToken(), Accept: 'application/json' },
    });
    if (response.redirected) return { status: 401, body: {} };
    const isQueued = response.headers.has('Retry-After');
    return { status: response.status, body: json(await response.text()), isQueued };
  } catch {
    return { status: 0, body: {} };
  }
}

// read(url) -> {status, body}; status 0 when the server was not reached.
export async function read(url) {
  try {
    const response = await fetch(url, { credentials: 'same-origin', headers: { Accept: 'application/json' } });
    return { status: response.redirected ? 401 : response.status, body: json(await response.text()) };
  } catch {
    return { status: 0, body: {} };
  }
}

// upload(url, blob, name, onProgress(fraction), signal) -> {status, body, isQueued}: fetch reports no progress, XHR does.
export function upload(url, blob, name, onProgress = () => {}, signal = null) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const data = new FormData();
    data.append('file', blob, name);
    request.open('POST', url);
    request.setRequestHeader('X-CSRFToken', csrfToken());
    request.setRequestHeader('Accept', 'application/json');
    request.upload.addEventListener('progress', (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener('load', () => resolve({
      status: request.status, body: json(request.responseText), isQueued: request.getResponseHeader('Retry-After') !== null,
    }));
    request.addEventListener('error', () => resolve({ status: 0, body: {} }));
    request.addEventListener('abort', () => resolve({ status: 0, body: {} }));
    signal?.addEventListener('abort', () => request.abort());
    request.send(data);
  });
}

// What to tell people when an upload or a save was refused.
export function reason({ status, body }, otherwise) {
  if (status === 401) return '登录已失效，请在新窗口登录后再试';
  if (body.error || body.message) return body.error ?? body.message;
  return {
    0: '网络不通，请检查后重试', 403: '没有权限',
    409: '内容已在别处修改，请刷新页面', 413: '文件过大',
  }[status] ?? otherwise;
}
