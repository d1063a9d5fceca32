// The panel: broadcasts, their guests, and the way into the studio.

import { access, login, logout, may, onAccess } from '../shared/access.js';
import { byId, h, put } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { prepareCreation } from './create.js';
import { showGiven } from './given.js';
import { showList } from './list.js';

/** `/panel/<session id>`: somebody was given a session. */
const given = /^\/panel\/([A-Za-z0-9_-]{4,128})\/?$/.exec(location.pathname);

if (given) showGiven(byId('given'), given[1]);
const list = showList(byId('list'), byId('more'));
prepareCreation((broadcast) => list.add(broadcast));
showAccount();
onAccess(showAccount);

/** A button for whoever wants to give the secret before it is asked for, or to have it forgotten. */
async function showAccount() {
  const place = byId('account');
  const known = await access().catch(() => null);
  if (!known || known.unlocked) return;
  const inside = await may('manage');
  put(place, inside
    ? h('button', { class: 'plain small', onclick: logout }, t('logout'))
    : h('button', { class: 'small', onclick: () => login().catch(() => {}) }, t('login')));
}
