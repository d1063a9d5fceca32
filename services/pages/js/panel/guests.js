// The guests of a broadcast: links that are used once, which were used, and taking one back.

import { withAccess } from '../shared/access.js';
import { call, list, make, query } from '../shared/api.js';
import { h, put } from '../shared/dom.js';
import { ago, moment, t } from '../shared/page.js';
import { busy, say, sure } from '../shared/say.js';

const KINDS = { open: 'accent', consumed: 'good', expired: null, revoked: null };
const ROLES = ['guest', 'viewer', 'cohost'];

/** What unfolds under a broadcast. It is loaded when somebody looks. */
export function guests(broadcast) {
  const place = h('div', {});
  const details = h('details', { class: 'guests' }, h('summary', {}, t(broadcast.status === 'ended' ? 'guests' : 'invite')), place);
  details.addEventListener('toggle', () => {
    if (details.open && !place.childElementCount) show(place, broadcast);
  });
  return details;
}

function show(place, broadcast) {
  const rows = h('ul', { 'aria-label': t('guests'), 'aria-busy': 'true' });
  const more = h('button', { class: 'small', hidden: true }, t('more'));
  put(place, broadcast.status !== 'ended' && form(broadcast, rows), rows, h('p', { class: 'row' }, more));
  load(rows, more, query('/api/sessions', { broadcastId: broadcast.id, limit: 20 }));
}

async function load(rows, more, path) {
  try {
    const page = await withAccess(() => list(path));
    rows.querySelector('.nothing')?.remove();
    rows.append(...page.items.map((session) => row(session)));
    if (!rows.childElementCount && !page.next) rows.append(h('li', { class: 'quiet nothing' }, t('guests.none')));
    more.hidden = !page.next;
    more.onclick = () => busy(more, () => load(rows, more, page.next));
  } catch (error) {
    rows.append(h('li', { class: 'notice nothing', 'data-kind': 'bad', role: 'alert' }, error.text ?? String(error)));
  } finally {
    rows.setAttribute('aria-busy', 'false');
  }
}

function form({ id }, rows) {
  const field = (name) => `${name}-${id}`;
  const name = h('input', { id: field('guest'), name: 'username', required: true, maxlength: 256, autocomplete: 'off' });
  const role = h('select', { id: field('role'), name: 'role' }, ROLES.map((word) => h('option', { value: word }, t(`role.${word}`))));
  const submit = h('button', { class: 'primary' }, t('invite.submit'));
  const node = h('form', { novalidate: true },
    h('div', { class: 'field' }, h('label', { for: name.id }, t('invite.name')), name),
    h('div', { class: 'field' }, h('label', { for: role.id }, t('invite.role')), role),
    submit);
  node.addEventListener('submit', (event) => {
    event.preventDefault();
    const username = name.value.trim();
    name.setAttribute('aria-invalid', String(!username));
    if (!username) return name.focus();
    return busy(submit, async () => {
      const body = { username, role: role.value, singleUse: true };
      const made = await withAccess(() => make(`/api/broadcasts/${id}/session`, body));
      rows.querySelector('.nothing')?.remove();
      rows.prepend(row({ ...body, id: made.id, state: 'open', createdAt: new Date().toISOString(), ...made }, made.studioUrl));
      name.value = '';
      await copy(made.studioUrl, rows.querySelector('.link input'));
    });
  });
  return node;
}

/** One guest; the link is there only for who just made it. */
function row(session, link) {
  const { id, username, role, state, consumedAt, expiresAt } = session;
  const when = {
    open: () => t('guest.until', { when: moment(expiresAt) }),
    consumed: () => t('guest.used', { when: consumedAt ? ago(consumedAt) : '' }),
    expired: () => t('guest.expired', { when: moment(expiresAt) }),
    revoked: () => t('guest.revoked'),
  }[state]();
  const node = h('li', { 'data-session': id, 'data-state': state },
    h('span', { class: 'who' }, username || t('guest.forgotten'), ' ', h('span', { class: 'when' }, `${t(`role.${role}`)} · ${when}`)),
    h('span', { class: 'badge', 'data-kind': KINDS[state] }, t(`state.${state}`)),
    ['open', 'consumed'].includes(state) && revocation(session, () => node));
  if (link) node.append(linkField(link));
  return node;
}

function linkField(link) {
  const field = h('input', { readonly: true, value: link, 'aria-label': t('invite.link'), onfocus: () => field.select() });
  const button = h('button', { class: 'small', type: 'button' }, t('copy'));
  button.addEventListener('click', () => copy(link, field));
  return h('div', { class: 'link' }, field, button);
}

function revocation(session, node) {
  const button = h('button', { class: 'small danger', 'data-revoke': session.id }, t('revoke'));
  button.addEventListener('click', () => busy(button, async () => {
    const named = { title: t('revoke.sure', { name: session.username }), text: t('revoke.what'), yes: t('revoke') };
    if (!await sure(named)) return;
    await withAccess(() => call('DELETE', `/api/session/${session.id}`));
    node().replaceWith(row({ ...session, state: 'revoked' }));
    say(t('revoke.done'));
  }));
  return button;
}

/** Where the clipboard may not be used, the link is there to be copied by hand. */
async function copy(text, field) {
  try {
    await navigator.clipboard.writeText(text);
    say(t('copied'));
  } catch {
    field?.focus();
    say(t('copy.yourself'));
  }
}
