// The list of broadcasts, newest first.

import { withAccess } from '../shared/access.js';
import { list } from '../shared/api.js';
import { h, put } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { busy } from '../shared/say.js';
import { card } from './card.js';

const FIRST = '/api/broadcasts?limit=20';

/** Shows it; `add` puts one more at its top. */
export function showList(place, more) {
  let next = FIRST;

  async function load() {
    const page = await withAccess(() => list(next));
    if (next === FIRST) put(place);
    place.append(...page.items.map(card));
    next = page.next;
    more.hidden = !next;
    if (!place.childElementCount) put(place, nothing());
  }

  async function first() {
    place.setAttribute('aria-busy', 'true');
    try {
      await load();
    } catch (error) {
      put(place, h('div', { class: 'card empty', role: 'alert' },
        h('strong', {}, t('list.failed')),
        h('p', {}, error.text ?? String(error)),
        h('button', { onclick: first }, t('retry'))));
    } finally {
      place.setAttribute('aria-busy', 'false');
    }
  }

  more.addEventListener('click', () => busy(more, load));
  first();
  return {
    add(broadcast) {
      place.querySelector('.empty')?.remove();
      const added = card(broadcast);
      place.prepend(added);
      added.querySelector('.enter').focus();
    },
  };
}

function nothing() {
  return h('div', { class: 'card empty' }, h('strong', {}, t('list.none')), h('p', {}, t('list.none.hint')));
}
