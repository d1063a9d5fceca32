// What answers, and what does not: bus, database, LiveKit, and the workers.

import { get } from '../shared/api.js';
import { byId, h, put } from '../shared/dom.js';
import { t, timeOfDay } from '../shared/page.js';

const CHECKS = ['nats', 'database', 'livekit'];
const WORKERS = ['session', 'studio', 'room', 'audit'];
const KINDS = { ok: 'good', down: 'live', away: 'live', unknown: 'warn' };

const whole = h('p', { class: 'row', role: 'status' });
const looked = h('p', { class: 'small quiet' });
const tiles = Object.fromEntries([...CHECKS, ...WORKERS].map((name) => [name, tile(name)]));

/** Asks, and shows what came. */
export async function showHealth() {
  const place = byId('health');
  if (!place.hasChildNodes()) build(place);
  const withWorkers = place.dataset.workers === 'true';
  const [health, workers] = await Promise.all([ask(), withWorkers ? present() : null]);
  for (const name of CHECKS) mark(name, health?.checks?.[name] ?? 'unknown');
  for (const name of WORKERS) {
    tiles[name].hidden = !withWorkers;
    const version = workers?.get(name);
    mark(name, workers === null ? 'unknown' : version ? 'ok' : 'away', version);
  }
  sum(health, withWorkers && WORKERS.some((name) => tiles[name].dataset.status === 'away'));
}

function build(place) {
  put(place,
    h('div', { class: 'row spread' }, whole, looked),
    h('ul', { class: 'tiles' }, Object.values(tiles)));
}

function tile(name) {
  return h('li', { 'data-check': name, 'data-status': 'unknown' },
    h('span', { class: 'label' }, t(`check.${name}`)),
    h('span', { class: 'badge' }, '…'));
}

function mark(name, status, version) {
  const item = tiles[name];
  item.dataset.status = status;
  const badge = item.lastElementChild;
  badge.dataset.kind = KINDS[status] ?? 'warn';
  item.title = version ?? '';
  put(badge, t(`check.is.${status}`));
}

/** How all of it is; without its bus or its database the server does nothing. */
function overall(health, missing) {
  if (!health) return 'unreachable';
  if ([health.checks.nats, health.checks.database].includes('down')) return 'down';
  return missing ? 'degraded' : health.status;
}

function sum(health, missing) {
  const status = overall(health, missing);
  const kind = { ok: 'good', degraded: 'warn' }[status] ?? 'live';
  whole.dataset.status = status;
  put(whole,
    h('span', { class: 'badge', 'data-kind': kind }, t(`health.${status}`)),
    health && h('span', { class: 'small quiet' }, t('version', { version: health.version })));
  put(looked, t('looked', { time: timeOfDay(new Date().toISOString()) }));
}

/** The answer has the same shape when something is down, and then it is an error. `null`: none came. */
async function ask() {
  try {
    const response = await fetch('/health', { cache: 'no-store', signal: AbortSignal.timeout(8_000) });
    const health = await response.json();
    return health.checks ? health : null;
  } catch {
    return null;
  }
}

/** The version of each kind of worker that answers; `null` when nobody can tell. */
async function present() {
  const workers = await get('/api/workers').catch(() => null);
  return workers && new Map(workers.map(({ name, version }) => [name, version]));
}
