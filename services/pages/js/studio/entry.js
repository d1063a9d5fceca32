// Where a session comes from, and what counts as one. Whatever does not look exactly like a session is none: a message can
// come from any page that has a handle on this window.

const ID = /^[A-Za-z0-9_-]{4,128}$/;
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const LONGEST_TOKEN = 16_384;
const LONGEST_NAME = 256;
const HANDED_OVER = 'avanzacast.session';
const LOCAL_HOSTS = ['localhost', '127.0.0.1'];

/** What the path names: `{id}`, `{malformed: true}` when that can be no id, or null when there is none. */
export function sessionOfPath(pathname) {
  const [, segment] = /^\/studio\/([^/]+)\/?$/.exec(pathname) ?? [];
  if (!segment) return null;
  return ID.test(segment) ? { id: segment } : { malformed: true };
}

/**
 * A session as panels hand it over: `{id}`, or `{token, url, room?, username?}` when there is no id. It may come as an object
 * (an answer of the API), as that object's JSON, or as the id alone. Null when it is none of these.
 */
export function readSession(value) {
  if (typeof value !== 'string') return readObject(value);
  if (ID.test(value)) return { id: value };
  try {
    const inner = JSON.parse(value);
    return typeof inner === 'string' ? readObject({ id: inner }) : readObject(inner);
  } catch {
    return null;
  }
}

function readObject(value) {
  if (value === null || typeof value !== 'object') return null;
  const { id, token, url, room, username } = value;
  const fits = [[id, isId], [token, isToken], [url, isLiveUrl], [room, isName], [username, isName]]
    .every(([part, is]) => part === undefined || part === null || is(part));
  if (!fits) return null;
  if (id) return { id };
  return token && url ? { token, url, room: room ?? '', username: username ?? '' } : null;
}

const isId = (part) => typeof part === 'string' && ID.test(part);
const isToken = (part) => typeof part === 'string' && part.length <= LONGEST_TOKEN && TOKEN.test(part);
const isLiveUrl = (part) => typeof part === 'string' && /^wss?:\/\//.test(part) && URL.canParse(part);
const isName = (part) => typeof part === 'string' && part.length <= LONGEST_NAME;

/** Whether a page of this origin may hand over a session. `allowed` is `"all"`, `"local"` or a list of origins. */
export function originAllowed(origin, own, allowed) {
  if (origin === own || allowed === 'all') return true;
  if (Array.isArray(allowed)) return allowed.includes(origin);
  // Parsed, not compared by its beginning: http://localhost.example.com begins the same way.
  if (allowed !== 'local' || !URL.canParse(origin)) return false;
  const { protocol, hostname } = new URL(origin);
  return protocol === 'http:' && LOCAL_HOSTS.includes(hostname);
}

/** The session that a panel left for this tab, or null. */
export function sessionLeftHere() {
  try {
    return readSession(sessionStorage.getItem(HANDED_OVER));
  } catch {
    return null;
  }
}

/** Calls `take` with each session that an allowed page hands over, and tells whoever opened this window that it may. */
export function listen(allowed, take) {
  addEventListener('message', (event) => {
    if (event.data?.type !== HANDED_OVER) return;
    if (!originAllowed(event.origin, location.origin, allowed)) {
      console.warn(`a session from ${event.origin} is ignored: that origin may not hand over sessions`);
      return;
    }
    const session = readSession(event.data.session);
    if (session) take(session);
    else console.warn('a message with something that is no session is ignored');
  });
  // It says nothing secret, and its receiver's origin is not known.
  for (const other of [window.opener, window.parent]) {
    if (other && other !== window) other.postMessage({ type: 'avanzacast.ready' }, '*');
  }
}
