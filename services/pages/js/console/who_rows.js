// People in the answer to who could enter: by what, made by whom, and what became of it.

import { h } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { by } from './event_words.js';
import { short, when, written } from './marks.js';

const STANDINGS = { proved: 'good', mismatch: 'live', erased: null };
/** What can become of a door, in the order in which it is told. */
const HAPPENINGS = ['made', 'consumed', 'revoked', 'expired', 'ended'];

/** Somebody who could enter. */
export function couldRow(could) {
  return person(could.participant, could.name ?? could.identity, {
    role: could.role, singleUse: could.singleUse, erased: could.erased,
    lines: [ways(could.ways), happenings(could), tokens(could.tokens)],
  });
}

/** Somebody who entered. */
export function enteredRow({ door, by: used, refreshed, ...stay }) {
  const came = refreshed ? t('came.refreshed') : used.length ? null : t('came.unknown');
  return person(stay.participant, door?.name ?? door?.identity ?? stay.identity, {
    role: door?.role, singleUse: door?.singleUse, erased: stay.erased ?? door?.erased,
    lines: [
      stayed(stay),
      used.length > 0 && h('p', { class: 'small' }, t('came.by'), ' ', listed(used.map((token) => tokenName(token)))),
      came && h('p', { class: 'small' }, came),
      door && happenings(door),
    ],
  });
}

/** Somebody who entered without a token of ours. */
export function strangerRow(stay) {
  return person(stay.participant, stay.identity, { erased: stay.erased, lines: [stayed(stay)] });
}

function person(participant, known, { role, singleUse, erased, lines }) {
  return h('li', {},
    h('div', { class: 'row' },
      name(known),
      role && h('span', { class: 'badge' }, t(`role.${role}`)),
      singleUse && h('span', { class: 'badge' }, t('single.use')),
      short(participant)),
    lines,
    erased && h('p', { class: 'small quiet' }, t('erased.at', { seq: erased })));
}

/** What somebody is called, and whether that is what the ledger says. */
function name(known) {
  if (!known) return h('span', { class: 'quiet' }, t('name.none'));
  const badge = h('span', { class: 'badge', 'data-kind': STANDINGS[known.standing], 'data-standing': known.standing, title: known.hash }, t(`standing.${known.standing}`));
  return [known.value === null || known.value === undefined ? h('span', { class: 'quiet' }, t('name.erased')) : written(known.value, 'strong'), badge];
}

function ways(open) {
  return h('ul', { class: 'small ways' }, open.map((way) => h('li', {},
    h('span', {}, t(`way.${way.means}`)), ' ', way.fingerprint && short(way.fingerprint), ' ', span(way.from, way.until))));
}

function span(from, until) {
  return h('span', { class: 'quiet' }, when(from), ' → ', until ? when(until) : t('still'));
}

function happenings(door) {
  return h('p', { class: 'small quiet' }, listed(HAPPENINGS.filter((what) => door[what]).map((what) => [
    t(`happened.${what}`), ' ', when(door[what].at), ' ', t('by', { who: by(door[what].actor) }),
  ])));
}

function stayed({ joined, left, room }) {
  const end = (seen) => [when(seen.at), seen.reason && ` (${seen.reason})`];
  return h('p', { class: 'small' },
    joined ? end(joined) : t('joined.unseen'), ' → ', left ? end(left) : t('still.here'), ' · ', written(room));
}

function tokens(all) {
  if (all.length === 0) return null;
  return h('details', { class: 'small' },
    h('summary', {}, t('tokens', { count: all.length })),
    h('ul', { class: 'ways' }, all.map((token) => h('li', {},
      tokenName(token), ' ', t(`origin.${token.origin}`), ' · ', t('issuer', { issuer: token.issuer }), ' · ',
      t('by', { who: by(token.actor) }), ' ', span(token.at, token.until), ' ',
      h('span', { class: 'quiet' }, grants(token.grants))))));
}

function tokenName(token) {
  return [t(`minted.${token.how}`), ' ', short(token.fingerprint)];
}

/** What a token allows, by LiveKit's names. */
function grants(given) {
  return Object.keys(given).filter((grant) => given[grant] === true).join(', ');
}

function listed(parts) {
  return parts.flatMap((part, i) => (i ? [' · ', part] : [part]));
}
