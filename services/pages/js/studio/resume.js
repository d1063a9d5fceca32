// The key that makes a visitor the same one after a lost answer or a reload. It is kept before it is first used.

const KEY = /^[A-Za-z0-9_-]{32,128}$/;
const KEY_BYTES = 32;

/** Keys of this page, for when the browser keeps nothing (private windows, blocked storage). */
const memory = new Map();

const place = (id) => `avanzacast.resume.${id}`;

/** The key kept for this session, or null. */
export function keptKey(id) {
  try {
    const key = localStorage.getItem(place(id));
    if (key && KEY.test(key)) return key;
  } catch { /* no storage: what is in memory counts */ }
  return memory.get(id) ?? null;
}

/** The key kept for this session, or a new one, which is kept. */
export function keyFor(id) {
  const key = keptKey(id) ?? newKey();
  keep(id, key);
  return key;
}

/** Keeps a key. */
export function keep(id, key) {
  memory.set(id, key);
  try {
    localStorage.setItem(place(id), key);
  } catch { /* no storage: it lives as long as this page */ }
}

/** Forgets a key that opens nothing any more; another one that took its place meanwhile stays. */
export function forget(id, key) {
  if (key !== keptKey(id)) return;
  memory.delete(id);
  try {
    localStorage.removeItem(place(id));
  } catch { /* no storage: there is nothing to remove */ }
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
