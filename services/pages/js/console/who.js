// Who could enter a room then, who entered, who entered without a token of ours, and what the answer cannot say.

import { get, query } from '../shared/api.js';
import { byId, h, put } from '../shared/dom.js';
import { number, t } from '../shared/page.js';
import { fieldOf, momentOf, when, written, zoneText } from './marks.js';
import { fill } from './pane.js';
import { couldRow, enteredRow, strangerRow } from './who_rows.js';

/** So many gaps are told one by one. */
const FEW = 3;

const form = byId('who-form');
put(byId('who-zone'), zoneText());
form.addEventListener('submit', (event) => {
  event.preventDefault();
  ask();
});

export function open({ asked }) {
  if (!form.elements.from.value) form.elements.from.value = fieldOf(new Date());
  const kind = ['room', 'session', 'broadcast'].find((name) => asked.has(name));
  if (!kind) return;
  form.elements.kind.value = kind;
  form.elements.value.value = asked.get(kind);
  ask();
}

function ask() {
  const { kind, value, from, to } = Object.fromEntries(new FormData(form));
  // Room names are as they are; ids have no blanks around them.
  const about = { [kind]: kind === 'room' ? value : value.trim() };
  const time = to ? { from: momentOf(from), to: momentOf(to, { last: true }) } : { at: momentOf(from) };
  return fill(byId('who-answer'), async () => answer(await get(query('/api/audit/who', { ...about, ...time }))));
}

function answer(who) {
  return h('div', { class: 'stack' },
    asked(who),
    group('could', who.couldEnter, couldRow),
    group('entered', who.entered, enteredRow),
    group('strangers', who.strangers, strangerRow),
    limits(who));
}

function asked({ room, participant, period }) {
  const about = room ? written(room, 'strong') : h('strong', { class: 'mono' }, participant ?? '');
  const time = !period ? null : period.from === period.to ? when(period.from) : [when(period.from), ' → ', when(period.to)];
  return h('p', { role: 'status' }, about, ' · ', time);
}

function group(name, items, row) {
  const alarm = name === 'strangers' && items.length > 0;
  return h('section', { class: 'card stack', 'data-list': name, 'aria-labelledby': `who-${name}` },
    h('div', { class: 'row' },
      h('h3', { id: `who-${name}` }, t(`who.${name}`)),
      h('span', { class: 'badge', 'data-kind': alarm ? 'live' : undefined }, number(items.length))),
    h('p', { class: 'small quiet' }, t(`who.${name}.about`)),
    items.length ? h('ul', { class: 'people' }, items.map(row)) : h('p', {}, t(`who.${name}.none`)));
}

function limits({ notCovered: { size, indexed, archived, gaps, knownUntil }, period }) {
  const since = knownUntil && period && new Date(knownUntil) < new Date(period.to);
  const said = [
    gaps.length > FEW ? many(gaps) : gaps.map(gap),
    archived > 0 && h('li', {}, t('limits.archived', { archived: number(archived) })),
    !knownUntil && h('li', {}, t('limits.never')),
    since && h('li', {}, t('limits.until'), ' ', when(knownUntil)),
  ].flat().filter(Boolean);
  return h('section', { class: 'card stack', 'data-list': 'limits', 'aria-labelledby': 'who-limits' },
    h('h3', { id: 'who-limits' }, t('limits')),
    said.length ? h('ul', { class: 'bullets' }, said) : h('p', {}, t('limits.none')),
    h('p', { class: 'small quiet' }, t('limits.size', { size: number(size), indexed: number(indexed) })));
}

function gap({ from, to, joined, left }) {
  const found = joined + left > 0 && t('limits.gap.found', { joined: number(joined), left: number(left) });
  return h('li', {}, t('limits.gap'), ' ', when(from), ' → ', when(to), found && ` (${found})`);
}

function many(gaps) {
  return h('li', {}, h('details', {},
    h('summary', {}, t('limits.gaps', { count: number(gaps.length) })),
    h('ul', { class: 'small bullets' }, gaps.map(gap))));
}
