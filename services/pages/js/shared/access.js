// Who may do what needs the backend's secret. It is asked for once, and exchanged for a cookie that no script can read.

import { Refused, call, get } from './api.js';
import { h, put } from './dom.js';
import { t } from './page.js';

let known = null;
let asking = null;
const told = [];

/** Tells `listener` whenever somebody has given the secret. */
export function onAccess(listener) {
  told.push(listener);
}

/** What whoever is here may do: `{unlocked, name?, scopes}`. In development without a secret everybody may do everything. */
export async function access() {
  known ??= await get('/api/console');
  return known;
}

/** Whether the secret has been given, or is not needed, for all of these scopes. */
export async function may(...scopes) {
  const { scopes: given } = await access();
  return scopes.every((scope) => given.includes(scope));
}

/** Does something that needs the secret, after asking for it where that is needed. */
export async function withAccess(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== 'credential_required') throw error;
    await login();
    return work();
  }
}

/** Asks for the secret; ends when it was given, and fails when it is not going to be. */
export function login() {
  asking ??= ask().finally(() => { asking = null; });
  return asking;
}

/** Forgets the secret on this machine. */
export async function logout() {
  await call('POST', '/api/console/logout');
  known = null;
  location.reload();
}

function ask() {
  return new Promise((done, fail) => {
    const wrong = h('p', { class: 'wrong', id: 'login-wrong', role: 'alert' });
    const secret = h('input', {
      type: 'password', id: 'login-secret', name: 'secret', required: true, autocomplete: 'current-password',
      'aria-describedby': 'login-hint login-wrong',
    });
    const submit = h('button', { class: 'primary' }, t('login.submit'));
    const cancel = h('button', { type: 'button', onclick: () => dialog.close('no') }, t('cancel'));
    const form = h('form', {},
      h('h2', { id: 'login-title' }, t('login.title')),
      h('div', { class: 'field' },
        h('label', { for: 'login-secret' }, t('login.secret')),
        secret,
        h('p', { class: 'hint', id: 'login-hint' }, t('login.hint')),
        wrong),
      h('div', { class: 'row' }, submit, cancel));
    const dialog = h('dialog', { 'aria-labelledby': 'login-title', class: 'login' }, form);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      put(wrong);
      submit.setAttribute('aria-busy', 'true');
      try {
        known = await call('POST', '/api/console/login', { body: { secret: secret.value } });
        dialog.close('yes');
        told.forEach((listener) => listener());
      } catch (error) {
        put(wrong, error.code === 'credential_invalid' ? t('login.wrong') : error.text ?? String(error));
        secret.setAttribute('aria-invalid', 'true');
        secret.select();
      } finally {
        submit.removeAttribute('aria-busy');
      }
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (dialog.returnValue === 'yes') done(known);
      else fail(new Refused(401, 'credential_required', 'nobody gave the secret'));
    });
    document.body.append(dialog);
    dialog.showModal();
    secret.focus();
  });
}
