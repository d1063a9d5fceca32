// How it ended, or why it cannot begin: each reason has its own page, and says what can be done.

import { h } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { icon } from './icons.js';

/** What each reason looks like and says. `again` is what its button offers; without it there is nothing to try. */
const ENDINGS = {
  session_consumed: { icon: 'used', title: 'end.used', text: 'end.used.text' },
  session_expired: { icon: 'time', title: 'end.expired', text: 'end.expired.text' },
  session_revoked: { icon: 'barred', title: 'end.revoked', text: 'end.revoked.text' },
  session_not_found: { icon: 'unknown', title: 'end.unknown', text: 'end.unknown.text' },
  broadcast_ended: { icon: 'ended', title: 'end.ended', text: 'end.ended.text' },
  room_closed: { icon: 'ended', title: 'end.closed', text: 'end.closed.text', again: 'rejoin' },
  removed: { icon: 'barred', title: 'end.removed', text: 'end.removed.text', again: 'rejoin' },
  left: { icon: 'leave', title: 'end.left', text: 'end.left.text', again: 'rejoin' },
  duplicate: { icon: 'people', title: 'end.duplicate', text: 'end.duplicate.text', again: 'end.here' },
  livekit_away: { icon: 'away', title: 'end.livekit', text: 'end.livekit.text', again: 'retry' },
  livekit_refused: { icon: 'barred', title: 'end.refused', text: 'end.refused.text', again: 'retry' },
  client_missing: { icon: 'unknown', title: 'end.client', text: 'end.client.text', command: 'avanzacast livekit-client', again: 'retry' },
  unreachable: { icon: 'away', title: 'end.unreachable', text: 'end.unreachable.text', again: 'retry' },
  rate_limited: { icon: 'time', title: 'end.limited', text: 'end.limited.text', again: 'retry' },
  unsupported: { icon: 'unknown', title: 'end.unsupported', text: 'end.unsupported.text' },
  other: { icon: 'unknown', title: 'end.other', text: 'end.other.text', again: 'retry' },
};

/** Refusals that a person need not tell apart. */
const SAME = {
  malformed: 'session_not_found',
  not_found: 'session_not_found',
  busy: 'unreachable',
  bus_unavailable: 'unreachable',
  database_unavailable: 'unreachable',
  no_answer: 'unreachable',
};

/** The reason's page for a failure: a refusal's code, or `unreachable` when a proxy answered for a backend that is away. */
export function endingOf({ code, status }) {
  const same = SAME[code] ?? code;
  if (ENDINGS[same]) return same;
  return [502, 503, 504].includes(status) ? 'unreachable' : 'other';
}

/** The page. `again` is what its button does; `detail`, for whoever looks after the server, is shown where something failed. */
export function ending(code, { again, detail } = {}) {
  const { icon: picture, title, text, command, again: offer } = ENDINGS[code];
  const heading = h('h1', { tabindex: -1 }, t(title));
  const node = h('section', { class: 'ending card', 'data-ending': code },
    h('div', { class: 'picture' }, icon(picture)),
    heading,
    h('p', { class: 'quiet' }, t(text)),
    command && h('p', {}, h('code', {}, command)),
    offer && again && h('button', { type: 'button', class: 'primary', id: 'again', onclick: again }, t(offer)),
    detail && offer === 'retry' && h('p', { class: 'small quiet mono' }, detail));
  return { name: 'ending', node, title: t(title), focus: heading };
}
