// Sessions: looked for, shown, and taken back.

import { call, get, list, query } from '../shared/api.js';
import { byId, h } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { busy, say, sure } from '../shared/say.js';
import { asking } from './account.js';
import { Listing } from './listing.js';
import { copy, quoted, short, when, written } from './marks.js';

const PAGE = 50;
const KINDS = { open: 'good', consumed: 'accent', expired: null, revoked: 'warn' };

const listing = new Listing(byId('sessions-list'), {
  caption: t('sessions'),
  columns: [
    { title: t('name'), long: true, cell: (session) => written(session.username, 'strong') },
    { title: t('room'), long: true, cell: (session) => written(session.room) },
    { title: t('role'), cell: (session) => t(`role.${session.role}`) },
    { title: t('state'), cell: state },
    { title: t('single.use'), cell: (session) => t(session.singleUse ? 'yes' : 'no') },
    { title: t('created'), cell: (session) => when(session.createdAt) },
    { title: t('expires'), cell: (session) => when(session.expiresAt) },
    { title: t('consumed'), cell: (session) => when(session.consumedAt) ?? h('span', { class: 'quiet' }, '–') },
    { title: t('session'), cell: (session) => [short(session.id, { secret: true }), copy(() => session.id, t('session.copy'))] },
    { title: t('revoke'), quiet: true, cell: revoking },
  ],
  attributes: (session) => ({ 'data-session': session.id, 'data-state': session.state }),
  nothing: () => [t('sessions.none'), t('sessions.none.about')],
  more: (next) => list(next),
});

const form = byId('sessions-form');
form.addEventListener('submit', (event) => {
  event.preventDefault();
  search();
});
form.addEventListener('reset', () => setTimeout(search));
form.elements.state.addEventListener('change', search);

export function open({ asked }) {
  if (asked.has('room')) {
    form.reset();
    form.elements.room.value = asked.get('room');
  }
  search();
}

function search() {
  const { id, room, username, state: wanted } = Object.fromEntries(new FormData(form));
  if (id.trim()) return listing.show(() => one(id.trim()));
  return listing.show(() => list(query('/api/sessions', { room, username, state: wanted, limit: PAGE })));
}

/** The session with this id, as a list. What can't be an id is none. */
async function one(id) {
  if (!/^[\w-]{4,128}$/.test(id)) return { items: [], next: null };
  try {
    return { items: [await get(`/api/sessions/${id}`)], next: null };
  } catch (error) {
    if (error.code === 'session_not_found') return { items: [], next: null };
    throw error;
  }
}

function state(session) {
  return h('span', { class: 'badge', 'data-kind': KINDS[session.state] }, t(`state.${session.state}`));
}

function revoking(session) {
  // Whoever came in by a session that is used, or by a token of one that ran out, may still be there; the latter is refused.
  if (session.state === 'revoked' || session.state === 'expired') return null;
  return h('button', {
    type: 'button', class: 'danger small', 'data-revoke': session.id, 'aria-label': t('revoke.of', { name: quoted(session.username) }),
    onclick: (event) => revoke(event.currentTarget, session),
  }, t('revoke'));
}

async function revoke(button, session) {
  const title = t('revoke.sure', { name: quoted(session.username), room: quoted(session.room) });
  if (!await sure({ title, text: t('revoke.about'), yes: t('revoke') })) return;
  await busy(button, async () => {
    try {
      await asking(() => call('DELETE', `/api/session/${session.id}`));
      say(t('revoked'));
    } finally {
      const row = button.closest('tr');
      const now = await get(`/api/sessions/${session.id}`).catch(() => null);
      if (now && row?.isConnected) listing.renew(row, now);
    }
  });
}
