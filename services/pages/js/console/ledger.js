// How large the ledger is, its root, and when that was last signed.

import { get } from '../shared/api.js';
import { byId, h, put } from '../shared/dom.js';
import { ago, number, t } from '../shared/page.js';
import { copy, when, written } from './marks.js';
import { fill } from './pane.js';

/** It is signed every minute when it has grown. */
const LATE_MS = 300_000;

// What changes is put into what there is, so that the keyboard stays where it was.
const size = h('strong', { id: 'ledger-size' });
const indexed = h('span', { class: 'small quiet' });
const root = h('code', { id: 'ledger-root' });
const signed = h('span', { id: 'ledger-signed' });
const unsigned = h('span', { class: 'badge' });
const origin = h('span', {});
const facts = h('dl', { class: 'facts' },
  fact(t('ledger.size'), size, indexed),
  fact(t('ledger.root'), root, copy(() => root.textContent, t('ledger.copy'))),
  fact(t('ledger.signed'), signed, unsigned),
  fact(t('ledger.origin'), origin));

/** Asks, and shows what came. */
export function showLedger(how) {
  const place = byId('ledger-facts');
  return fill(place, async () => {
    update(await get('/api/audit/ledger'));
    return place.contains(facts) ? null : facts;
  }, how);
}

function update(ledger) {
  const rest = ledger.size - (ledger.signed?.size ?? 0);
  const late = !ledger.signed || Date.now() - new Date(ledger.signed.at).getTime() > LATE_MS;
  put(size, number(ledger.size));
  put(indexed, ledger.indexed < ledger.size && t('ledger.indexed', { indexed: number(ledger.indexed) }));
  put(root, ledger.root);
  put(signed, ledger.signed ? [when(ledger.signed.at), ' ', h('span', { class: 'quiet' }, ago(ledger.signed.at))] : t('ledger.never'));
  put(unsigned, t('ledger.unsigned', { count: number(rest) }));
  unsigned.hidden = rest <= 0;
  unsigned.dataset.kind = late ? 'warn' : '';
  put(origin, written(ledger.origin));
}

function fact(name, ...value) {
  return h('div', {}, h('dt', {}, name), h('dd', {}, value));
}
