// A session that somebody was given: who it lets in, and the way into the studio.

import { get } from '../shared/api.js';
import { h, put } from '../shared/dom.js';
import { moment, t } from '../shared/page.js';

/** Looks at it, which consumes nothing, and says what it is. */
export async function showGiven(place, id) {
  place.hidden = false;
  put(place, h('p', { class: 'quiet', role: 'status' }, t('loading')));
  try {
    const { username, expiresAt } = await get(`/api/session/${encodeURIComponent(id)}`);
    put(place,
      h('h2', { id: 'given-title' }, t('given', { name: username })),
      h('p', { class: 'quiet' }, t('given.until', { when: moment(expiresAt) })),
      enter(id));
  } catch (error) {
    put(place,
      h('h2', { id: 'given-title' }, t('given.not')),
      h('p', { class: 'notice', 'data-kind': 'warn', role: 'alert' }, error.text ?? String(error)),
      // Whoever has used it may come back with the key that their browser keeps: the studio knows.
      error.code === 'session_consumed' && enter(id));
  }
}

function enter(id) {
  return h('p', { class: 'row' }, h('a', { class: 'button primary', href: `/studio/${id}` }, t('enter')));
}
