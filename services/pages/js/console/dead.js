// Messages that could never be applied: sent again, or thrown away.

import { call, get, query } from '../shared/api.js';
import { byId, h } from '../shared/dom.js';
import { number, t } from '../shared/page.js';
import { busy, say, sure } from '../shared/say.js';
import { asking } from './account.js';
import { Listing } from './listing.js';
import { when } from './marks.js';

/** The API gives the oldest, as many as this at most. */
const MOST = 100;

const listing = new Listing(byId('dead-list'), {
  caption: t('dead.title'),
  columns: [
    { title: t('dead.seq'), cell: (letter) => h('strong', {}, String(letter.seq)) },
    { title: t('dead.when'), cell: (letter) => when(letter.buriedAt) },
    { title: t('dead.subject'), long: true, cell: (letter) => h('code', {}, letter.subject) },
    { title: t('dead.attempts'), cell: (letter) => (letter.attempts == null ? '–' : number(letter.attempts)) },
    { title: t('dead.reason'), long: true, cell: (letter) => h('span', { dir: 'auto' }, letter.reason) },
    { title: t('actions'), quiet: true, cell: actions },
  ],
  attributes: (letter) => ({ 'data-dead': letter.seq }),
  nothing: () => [t('dead.none'), t('dead.none.about')],
});

byId('dead-again').addEventListener('click', open);

export function open() {
  return listing.show(async () => ({ items: await get(query('/api/dead', { limit: MOST })), next: null }));
}

function actions(letter) {
  return h('span', { class: 'row' },
    h('button', {
      type: 'button', class: 'small', 'data-redrive': letter.seq, 'aria-label': t('redrive.of', { seq: letter.seq }),
      onclick: (event) => settle(event.currentTarget, 'POST', `/api/dead/${letter.seq}/redrive`, t('redriven')),
    }, t('redrive')),
    h('button', {
      type: 'button', class: 'danger small', 'data-drop': letter.seq, 'aria-label': t('drop.of', { seq: letter.seq }),
      onclick: (event) => drop(event.currentTarget, letter),
    }, t('drop')));
}

async function drop(button, letter) {
  const title = t('drop.sure', { seq: letter.seq });
  if (await sure({ title, text: t('drop.about'), yes: t('drop') })) {
    await settle(button, 'DELETE', `/api/dead/${letter.seq}`, t('dropped'));
  }
}

function settle(button, method, path, done) {
  return busy(button, async () => {
    try {
      await asking(() => call(method, path));
      say(done);
    } catch (error) {
      // Somebody else was faster: it is as gone.
      if (error.code !== 'dead_not_found') throw error;
      say(error.text);
    }
    const row = button.closest('tr');
    if (row?.isConnected) listing.remove(row);
  });
}
