// What happened in a time, in order; and as a file.

import { get, query } from '../shared/api.js';
import { byId, h, put } from '../shared/dom.js';
import { number, t } from '../shared/page.js';
import { busy, say } from '../shared/say.js';
import { asking } from './account.js';
import { eventRow } from './event_row.js';
import { fieldOf, momentOf, zoneText } from './marks.js';
import { empty, fill } from './pane.js';
import { typeChoice, types } from './type_choice.js';

/** Events that are added at once, and as many as go into a file at most. */
const PAGE = 100;
const MOST = 50_000;

const form = byId('replay-form');
const rows = h('ol', { class: 'events card flush', 'aria-label': t('events.list') });
const rest = h('div', { class: 'row more' });
/** Up to where was looked. */
let through = 0;

typeChoice(form);
put(byId('replay-zone'), zoneText());
form.addEventListener('submit', (event) => {
  event.preventDefault();
  show();
});
form.addEventListener('reset', () => setTimeout(() => put(byId('replay-list'))));
byId('replay-download').addEventListener('click', (event) => busy(event.currentTarget, download));

export function open() {
  if (form.elements.from.value) return;
  const hour = new Date(Date.now() - 3_600_000);
  form.elements.from.value = fieldOf(hour);
}

function filters() {
  const { from, to, room, session, broadcast, user } = Object.fromEntries(new FormData(form));
  return { from: momentOf(from), to: momentOf(to, { last: true }), type: types(form), room, session, broadcast: broadcast.trim(), user };
}

/** Reads on from a place until there are so many, or there is no more. */
async function read(asked, after, enough, told = () => {}) {
  const events = [];
  for (let place = after; ;) {
    const page = await get(query('/api/audit/events', { ...asked, after: place }));
    events.push(...page.events);
    place = page.through;
    told(events.length, page);
    if (page.done || events.length >= enough) return { ...page, events };
  }
}

function show() {
  const asked = filters();
  return fill(byId('replay-list'), async () => {
    const page = await read(asked, 0, PAGE);
    through = page.through;
    if (page.events.length === 0) return empty(t('replay.none'), bounds(page));
    put(rows, page.events.map(eventRow));
    offer(asked, page);
    return [page.first > 1 && h('p', { class: 'small quiet' }, bounds(page)), rows, rest];
  });
}

/** What was looked through, in words. */
function bounds({ first, end }) {
  return first > 1 ? t('replay.archived', { first: number(first) }) : t('replay.end', { end: number(end) });
}

function offer(asked, page) {
  const text = t(page.done ? 'replay.done' : 'replay.through', { count: number(rows.children.length), through: number(page.through), end: number(page.end) });
  put(rest,
    !page.done && h('button', { type: 'button', 'data-more': true, onclick: (event) => busy(event.currentTarget, () => more(asked)) }, t('more')),
    h('span', { class: 'small quiet', role: 'status' }, text));
}

async function more(asked) {
  const page = await asking(() => read(asked, through, PAGE));
  through = page.through;
  const fresh = page.events.map(eventRow);
  rows.append(...fresh);
  offer(asked, page);
  fresh[0]?.querySelector('summary').focus({ preventScroll: true });
}

async function download() {
  const asked = filters();
  const button = byId('replay-download');
  const label = t('replay.download');
  try {
    const told = (count) => put(button, `${label} · ${number(count)}`);
    const { events, done } = await asking(() => read(asked, 0, MOST, told));
    if (!done) say(t('replay.most', { count: number(events.length) }));
    save(events);
  } finally {
    put(button, label);
  }
}

/** One event a line, as `audit replay` writes them. */
function save(events) {
  const lines = events.map((event) => `${JSON.stringify(event)}\n`);
  const url = URL.createObjectURL(new Blob(lines, { type: 'application/x-ndjson' }));
  h('a', { href: url, download: 'avanzacast.ndjson' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
