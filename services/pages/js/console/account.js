// Who is here, and what they may see: the button in the page's head, and asking again when the cookie has run out.

import { access, login, logout, withAccess } from '../shared/access.js';
import { byId, h, put } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { busy } from '../shared/say.js';

let shown = null;
let changed = () => {};

/** Shows who is here, now and whenever that changes; `told` hears of each change. */
export async function watchAccount(told) {
  changed = told;
  await look();
}

/** Does what needs the secret, after asking for it where that is needed. */
export async function asking(work) {
  try {
    return await withAccess(work);
  } finally {
    // Whoever logged in on the way may be somebody else. An access that can't be had shows in what is asked for next.
    if (shown) await look().catch(() => {});
  }
}

/** Asks for the secret; whether it was given. */
export async function enter() {
  const given = await login().then(() => true, () => false);
  await look();
  return given;
}

async function look() {
  const now = await access();
  if (now === shown) return;
  shown = now;
  put(byId('account'), button(now));
  changed(now);
}

function button({ unlocked, name, scopes }) {
  if (unlocked) return h('span', { class: 'badge', 'data-kind': 'warn' }, t('account.unlocked'));
  if (scopes.length === 0) return h('button', { class: 'small', id: 'login', onclick: enter }, t('login'));
  return [
    name && h('bdi', { class: 'small quiet clip', title: name }, name),
    h('button', { class: 'small', id: 'logout', onclick: (event) => busy(event.currentTarget, logout) }, t('logout')),
  ];
}
