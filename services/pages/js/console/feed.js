// Events as they happen. The place in the stream is kept, so neither a pause nor a broken connection leaves anything out.

import { get, query } from '../shared/api.js';
import { byId, h, put } from '../shared/dom.js';
import { number, t } from '../shared/page.js';
import { eventRow, readEvent } from './event_row.js';
import { failed } from './pane.js';
import { follow } from './stream.js';
import { typeChoice, types } from './type_choice.js';

/** Rows that are shown; older ones are found in the replay. */
const KEEP = 200;
/** How far back it begins, so that there is something to see. */
const LOOK_BACK = 100;
const KINDS = { live: 'good', paused: 'accent', connecting: 'warn', broken: 'warn', refused: 'live' };

const [form, rows, button] = [byId('feed-form'), byId('feed'), byId('pause')];
typeChoice(form);

/** What is followed; where it was when it was left; frames that wait to be drawn; how many came. */
let followed = null;
let place;
let waiting = [];
let came = 0;
let paused = false;

form.addEventListener('submit', (event) => {
  event.preventDefault();
  restart();
});
form.addEventListener('reset', () => setTimeout(restart));
form.addEventListener('change', (event) => event.target.name === 'type' && restart());
button.addEventListener('click', () => {
  paused = !paused;
  put(button, t(paused ? 'feed.resume' : 'feed.pause'));
  if (paused) rest();
  else begin();
});

export async function open() {
  if (place === undefined) place = await beginning();
  if (!paused && !byId('events').hidden) begin();
}

export function close() {
  rest();
}

/** A little before the end; `undefined`, which is the end itself, when nobody says where that is. */
async function beginning() {
  const size = await get('/api/audit/ledger').then((ledger) => ledger.size, () => undefined);
  return size === undefined ? undefined : Math.max(0, size - LOOK_BACK);
}

function begin() {
  followed?.stop();
  put(byId('feed-note'));
  const filters = { type: types(form), room: form.elements.room.value };
  followed = follow({ path: (after) => query('/api/events', { ...filters, after }), place, take, tell });
}

function rest() {
  if (!followed) return;
  followed.stop();
  place = followed.place;
  followed = null;
  tell('paused');
}

/** Begins anew with other filters: what they let through lately is shown, too. */
function restart() {
  rest();
  place = place === undefined ? undefined : Math.max(0, place - LOOK_BACK);
  [waiting, came] = [[], 0];
  put(rows);
  count();
  if (!paused) begin();
}

function tell(state, error) {
  const at = followed?.place ?? place;
  const badge = byId('feed-state');
  badge.dataset.state = state;
  badge.dataset.kind = KINDS[state];
  put(badge, state === 'paused' && at !== undefined ? t('feed.paused.at', { seq: at }) : t(`feed.${state}`));
  if (state === 'refused') put(byId('feed-note'), failed(error, begin));
  if (state === 'live') count();
}

/** Takes a frame; however many come, they are drawn once per picture, and only those that will be seen. */
function take(frame) {
  came += 1;
  if (waiting.push(frame) === 1) requestAnimationFrame(draw);
  if (waiting.length > 2 * KEEP) waiting.splice(0, waiting.length - KEEP);
}

function draw() {
  const fresh = waiting.slice(-KEEP).reverse();
  waiting = [];
  rows.prepend(...fresh.map((frame) => (frame.event === 'archived' ? archived(frame) : eventRow(readEvent(frame.data)))));
  while (rows.children.length > KEEP) rows.lastElementChild.remove();
  count();
}

function archived(frame) {
  return h('li', { class: 'notice small', 'data-seq': frame.id }, t('feed.archived', { seq: frame.id }));
}

function count() {
  const text = came === 0 ? t('feed.none') : t(came > KEEP ? 'feed.count.more' : 'feed.count', { count: number(came), kept: number(KEEP) });
  put(byId('feed-count'), text);
}
