// What an event says, in a line: pure functions over the event.

import { has, t } from '../shared/page.js';

/** What else of an event's data is worth its line, in this order. */
const EXTRAS = ['role', 'origin', 'code', 'reason', 'user', 'count'];

/** What an operator should look at, and what is good to see. */
const KINDS = {
  'participant.unknown': 'live',
  'ledger.gap': 'live',
  'presence.gap': 'warn',
  'requests.refused': 'warn',
  'token.refused': 'warn',
  'session.revoked': 'warn',
  'person.erased': 'warn',
  'participant.joined': 'good',
  'broadcast.started': 'good',
};

/** What happened, in words; of a type that is new here, the type. */
export function label(type) {
  return has(`event.${type}`) ? t(`event.${type}`) : type;
}

/** The kind of badge of a type. */
export function kind(type) {
  return KINDS[type] ?? (type.startsWith('session.') || type.startsWith('broadcast.') ? 'accent' : undefined);
}

/** Who asked, in words. */
export function by(actor) {
  if (!actor?.kind) return '';
  const who = has(`actor.${actor.kind}`) ? t(`actor.${actor.kind}`) : actor.kind;
  return actor.name ? `${who} ${actor.name}` : who;
}

/** What else it says, in words. */
export function extras(data) {
  const said = EXTRAS.filter((field) => ['string', 'number'].includes(typeof data?.[field])).map((field) => extra(field, data[field]));
  const refused = Array.isArray(data?.refused) ? data.refused.map(({ count, code }) => `${count} × ${code}`) : [];
  return [...said, ...refused];
}

function extra(field, value) {
  if (field === 'role' && has(`role.${value}`)) return t(`role.${value}`);
  if (field === 'origin' && has(`origin.${value}`)) return t(`origin.${value}`);
  if (field === 'user') return `${t('user')} ${value}`;
  return String(value);
}
