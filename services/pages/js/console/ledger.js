// How large the ledger is, its root, and when that was last signed.

import { get } from '../shared/api.js';
import { byId, h, put } from '../shared/dom.js';
import { ago, number, t } from '../shared/page.js';
import { copy, when, written } from './marks.js';
import { fill } from './pane.js';

/** It is signed every minute when it has grown. */
const LATE_MS = 300_000;

let shown = null;

/** Asks, and shows what came; the same again is not drawn again, except for its age. */
export async function showLedger() {
  const place = byId('ledger-facts');
  let ledger;
  if (!place.querySelector('dl')) shown = null;
  const came = await fill(place, async () => {
    ledger = await get('/api/audit/ledger');
    return JSON.stringify(ledger) === shown ? [...place.childNodes] : facts(ledger);
  });
  if (!came) return;
  shown = JSON.stringify(ledger);
  const age = place.querySelector('[data-age]');
  if (age && ledger.signed) put(age, ago(ledger.signed.at));
}

function facts({ origin, size, root, indexed, signed }) {
  const unsigned = signed ? size - signed.size : size;
  const late = unsigned > 0 && (!signed || Date.now() - new Date(signed.at).getTime() > LATE_MS);
  return h('dl', { class: 'facts' },
    fact(t('ledger.size'), h('strong', { 'data-size': size }, number(size)), indexed < size && h('span', { class: 'small quiet' }, t('ledger.indexed', { indexed: number(indexed) }))),
    fact(t('ledger.root'), h('code', { class: 'root' }, root), copy(root, t('ledger.copy'))),
    fact(t('ledger.signed'),
      signed ? [when(signed.at), ' ', h('span', { class: 'quiet', 'data-age': true }, ago(signed.at))] : t('ledger.never'),
      unsigned > 0 && h('span', { class: 'badge', 'data-kind': late ? 'warn' : undefined }, t('ledger.unsigned', { count: number(unsigned) }))),
    fact(t('ledger.origin'), written(origin)));
}

function fact(name, ...value) {
  return h('div', {}, h('dt', {}, name), h('dd', {}, value));
}
