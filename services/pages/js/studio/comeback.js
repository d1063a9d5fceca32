// What to do when the connection is gone: decisions, and the patience to come back.

/** Seconds before each try, the last again and again. LiveKit's client has tried by itself before the first. */
const PAUSES_S = [0, 1, 2, 4, 8, 15];
/** After that long nobody believes in it any more. A try that hangs takes half a minute by itself. */
const PATIENCE_MS = 90_000;

/** LiveKit's reasons (its DisconnectReason) that are not just a lost connection. */
const THEN = new Map([[1, 'left'], [2, 'duplicate'], [4, 'removed'], [5, 'room_closed'], [10, 'room_closed']]);

/** What a disconnection means: an ending, or `return` when nobody wanted it. */
export function meaningOf(reason) {
  return THEN.get(reason) ?? 'return';
}

/** Endings whose cause only the backend knows: a revoked session and an ended broadcast look alike from the room. */
export function causeUnknown(meaning) {
  return meaning === 'removed' || meaning === 'room_closed';
}

/** LiveKit's reasons for not letting in (its ConnectionErrorReason), as the words that endings have. */
const NOT_ALLOWED = 0;
const CANCELLED = 3;
const LEAVE_REQUEST = 4;

/** A word for why entering failed: a refusal's own code, `cancelled`, or what LiveKit's error comes to. */
export function codeOf(error) {
  if (error.code && typeof error.code === 'string') return error.code;
  if (error.name === 'AbortError' || (error.name === 'ConnectionError' && error.reason === CANCELLED)) return 'cancelled';
  if (error.name !== 'ConnectionError') return 'livekit_away';
  if (error.reason === NOT_ALLOWED) return 'livekit_refused';
  const meaning = error.reason === LEAVE_REQUEST ? meaningOf(error.context) : 'return';
  return meaning === 'return' ? 'livekit_away' : meaning;
}

/** Whether the same may succeed in a moment. */
function worthTrying(error) {
  return error.passing ?? ['livekit_away', 'livekit_refused'].includes(codeOf(error));
}

/** Enters again, with pauses that grow; ends when inside, and fails with the last error when it is not to be. */
export async function comeBack(enter, signal) {
  const end = Date.now() + PATIENCE_MS;
  for (let tried = 0; ; tried += 1) {
    await pause((PAUSES_S[tried] ?? PAUSES_S.at(-1)) * 1_000, signal);
    try {
      return await enter(signal);
    } catch (error) {
      if (signal.aborted || Date.now() > end || !worthTrying(error)) throw error;
    }
  }
}

/** Waits; no longer than until the network is back. */
function pause(milliseconds, signal) {
  return new Promise((done, fail) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener('online', end);
      signal.removeEventListener('abort', end);
      if (signal.aborted) fail(signal.reason);
      else done();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener('online', end);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
