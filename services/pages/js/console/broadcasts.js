// Broadcasts: begun and ended.

import { call, get, list, query } from '../shared/api.js';
import { byId, h } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { busy, say, sure } from '../shared/say.js';
import { asking } from './account.js';
import { Listing } from './listing.js';
import { quoted, short, when, written } from './marks.js';

const PAGE = 50;
const KINDS = { created: 'accent', live: 'live', ended: null };

const listing = new Listing(byId('broadcasts-list'), {
  caption: t('broadcasts'),
  columns: [
    { title: t('broadcast.title'), long: true, cell: (broadcast) => written(broadcast.title, 'strong') },
    { title: t('state'), cell: status },
    { title: t('created'), cell: (broadcast) => when(broadcast.createdAt) },
    { title: t('owner'), cell: (broadcast) => (broadcast.ownerId == null ? h('span', { class: 'quiet' }, '–') : String(broadcast.ownerId)) },
    { title: t('broadcast.id'), cell: (broadcast) => short(broadcast.id) },
    { title: t('links'), long: true, cell: links },
    { title: t('actions'), quiet: true, cell: actions },
  ],
  attributes: (broadcast) => ({ 'data-broadcast': broadcast.id, 'data-status': broadcast.status }),
  nothing: () => [t('broadcasts.none'), t('broadcasts.none.about')],
  more: (next) => list(next),
});

byId('broadcasts-status').addEventListener('change', open);
byId('broadcasts-again').addEventListener('click', open);

export function open() {
  const { value } = byId('broadcasts-status');
  listing.show(() => list(query('/api/broadcasts', { status: value, limit: PAGE })));
}

function status(broadcast) {
  return h('span', { class: 'badge', 'data-kind': KINDS[broadcast.status] }, t(`status.${broadcast.status}`));
}

function links(broadcast) {
  const room = encodeURIComponent(`broadcast-${broadcast.id}`);
  return h('span', { class: 'row links' },
    h('a', { href: `#sessions?room=${room}` }, t('sessions')),
    h('a', { href: `#who?broadcast=${broadcast.id}` }, t('who')),
    h('a', { href: '/panel' }, t('panel')));
}

function actions(broadcast) {
  if (broadcast.status === 'ended') return null;
  const start = broadcast.status === 'created' && h('button', {
    type: 'button', class: 'small', 'data-start': broadcast.id, 'aria-label': t('start.of', { title: quoted(broadcast.title) }),
    onclick: (event) => change(event.currentTarget, broadcast, 'start'),
  }, t('start'));
  const end = h('button', {
    type: 'button', class: 'danger small', 'data-end': broadcast.id, 'aria-label': t('end.of', { title: quoted(broadcast.title) }),
    onclick: (event) => ending(event.currentTarget, broadcast),
  }, t('end'));
  return h('span', { class: 'row' }, start, broadcast.status === 'live' && end);
}

async function ending(button, broadcast) {
  const title = t('end.sure', { title: quoted(broadcast.title) });
  if (await sure({ title, text: t('end.about'), yes: t('end') })) await change(button, broadcast, 'end');
}

function change(button, broadcast, to) {
  return busy(button, async () => {
    try {
      await asking(() => call('POST', `/api/broadcasts/${broadcast.id}/${to}`));
      say(t(`done.${to}`));
    } finally {
      const row = button.closest('tr');
      const now = await get(`/api/broadcasts/${broadcast.id}`).catch(() => null);
      if (now && row?.isConnected) listing.renew(row, now);
    }
  });
}
