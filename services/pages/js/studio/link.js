// A link's session at the backend: looking at it, which uses nothing up, and using it.

import { Refused, call, get, repeated } from '../shared/api.js';
import { forget, keep, keptKey, keyFor } from './resume.js';

/** Refusals after which a key opens nothing any more. */
const OVER = ['session_expired', 'session_revoked', 'broadcast_ended', 'session_not_found', 'session_consumed'];
/** How long another tab of this browser may take to keep the key it got in with. */
const OTHER_TAB_MS = 300;

/**
 * What a link leads to: `{room, username, again}`. `again` says that it was used from this browser, so that entering is
 * coming back; then nobody says who and where.
 */
export async function look(id) {
  try {
    const { room, username } = await get(`/api/session/${id}`);
    return { room, username, again: false };
  } catch (error) {
    const key = keptKey(id);
    if (error.code === 'session_consumed' && key) return { room: '', username: '', again: true };
    if (key && OVER.includes(error.code)) forget(id, key);
    throw error;
  }
}

/** Uses the link, or comes back with the key that used it: `{url, token, room, username}`. */
export async function consume(id, signal) {
  const key = keyFor(id);
  try {
    return await consumeWith(id, key, signal);
  } catch (error) {
    if (!(error instanceof Refused) || !OVER.includes(error.code)) throw error;
    const other = error.code === 'session_consumed' ? await keyOfOtherTab(id, key) : null;
    if (other) return consumeWith(id, other, signal);
    forget(id, key);
    throw error;
  }
}

async function consumeWith(id, key, signal) {
  const headers = { 'x-session-resume': key };
  const answer = await repeated(() => call('POST', `/api/session/${id}/consume`, { headers, signal }));
  // Two tabs may have made a key each: the one that got in is the one to keep.
  keep(id, key);
  return answer;
}

/** Two tabs of one browser are one person: the key that another tab kept opens for this one too. */
async function keyOfOtherTab(id, key) {
  await new Promise((wake) => setTimeout(wake, OTHER_TAB_MS));
  const kept = keptKey(id);
  return kept !== key ? kept : null;
}

/** What to call a room: a broadcast's room has its title, where that may be known; another has its name. */
export async function titleOf(room) {
  const [, broadcast] = /^broadcast-([0-9a-f-]{36})$/.exec(room) ?? [];
  if (!broadcast) return room;
  return call('GET', `/api/broadcasts/${broadcast}`).then(({ title }) => title, () => '');
}
