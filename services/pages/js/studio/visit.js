// A visit from beginning to end: a session, the preview, the room, and how it ended.

import { Refused } from '../shared/api.js';
import { h } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { loadClient, loadRoom } from './client.js';
import { codeOf } from './comeback.js';
import { ending, endingOf } from './ending.js';
import { consume, look, titleOf } from './link.js';
import { Preview } from './preview.js';
import { show } from './view.js';

/** The session of this visit, and whether somebody is entering or inside: then no other session takes its place. */
let session = null;
let taken = false;

/** Begins with a session that came in, unless somebody is in a call. */
export function receive(next) {
  if (taken || (session?.id && session.id === next.id)) return;
  if (next.id) history.replaceState(null, '', `/studio/${next.id}${location.search}`);
  begin(next);
}

/** Begins: with a session, `{malformed: true}`, or null when nobody has handed one over yet. */
export async function begin(next) {
  session = next;
  if (!next) return show(waiting());
  if (next.malformed) return end('session_not_found');
  if (!('RTCPeerConnection' in window)) return end('unsupported');
  return next.id ? arrive(next) : offer(next, { title: next.room, username: next.username });
}

/** Somebody comes with a link: who is meant, and where does it lead? Looking uses nothing up. */
async function arrive(link) {
  try {
    const { room, username, again } = await look(link.id);
    const title = await titleOf(room);
    if (session === link) offer(link, { title, username, again });
  } catch (error) {
    if (session === link) fail(error, () => begin(link));
  }
}

function offer(link, { title, username, again = false }) {
  const enter = (wishes, signal) => join(link, { title, username, wishes, signal });
  show(new Preview({ title, username, again, enter }));
}

/** Somebody wants in. What fails is shown on its own page; what they broke off themselves is not. */
async function join(link, { title, username, wishes, signal }) {
  taken = true;
  const where = { title, username };
  const ticket = link.id
    ? async (leaving) => {
      const answer = await consume(link.id, leaving);
      where.username ||= answer.username;
      where.title ||= await titleOf(answer.room);
      return answer;
    }
    : async () => link;
  try {
    // Before the link is used: an installation without the client must not cost anybody their link.
    const [client, { Call, RoomView }] = await Promise.all([loadClient(), loadRoom()]);
    signal.throwIfAborted();
    const call = new Call(client, ticket, wishes);
    await call.enter(signal);
    const over = (code, error) => finish(code, error, link, where);
    show(new RoomView(call, { title: where.title, over }));
  } catch (error) {
    taken = false;
    if (signal.aborted || codeOf(error) === 'cancelled') return;
    fail(error, () => retry(error, link, where));
  }
}

/** The call is over. */
function finish(code, error, link, where) {
  taken = false;
  const again = () => (link.id ? begin(link) : offer(link, { ...where, again: true }));
  if (error) fail(error, again);
  else end(code, { again });
}

function fail(error, again) {
  const refused = error instanceof Refused;
  if (!refused && codeOf(error) === 'livekit_away') console.warn(error);
  const code = endingOf({ code: codeOf(error), status: error.status });
  const detail = refused ? [error.code, error.requestId].filter(Boolean).join(' · ') : '';
  end(code, { again, detail });
}

/** A browser may remember that an import failed: only a new page asks for the client again. */
function retry(error, link, where) {
  if (error.code === 'client_missing') location.reload();
  else if (link.id) begin(link);
  else offer(link, where);
}

function end(code, options) {
  show(ending(code, options));
}

function waiting() {
  const heading = h('h1', { tabindex: -1 }, t('waiting'));
  const node = h('section', { class: 'ending card', 'data-waiting': true },
    h('div', { class: 'pulse', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')),
    heading,
    h('p', { class: 'quiet' }, t('waiting.text')),
    h('a', { class: 'button', href: '/panel' }, t('waiting.panel')));
  return { name: 'ending', node, title: t('waiting'), focus: heading };
}
