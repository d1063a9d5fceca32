// The backend's HTTP API. Every failure is a `Refused` with the contract's stable word for it.

import { has, t } from './page.js';

/** Times that something which is safe to repeat is tried, and the pause before each repetition. */
const TRIES = 3;
const PAUSE_MS = 700;
/** How long an answer may take; the backend itself gives up after 5 s. */
const PATIENCE_MS = 15_000;

/** A request that did not succeed. `code` is the contract's word, or `unreachable` when there was no answer at all. */
export class Refused extends Error {
  constructor(status, code, detail, requestId) {
    super(`${code}: ${detail}`);
    Object.assign(this, { status, code, detail, requestId });
  }

  /** What to say to a person. */
  get text() {
    return has(`refusal.${this.code}`) ? t(`refusal.${this.code}`) : t('refusal.other', { code: this.code });
  }

  /** Whether nobody knows what became of it, or nothing did, so that the same may be sent again. */
  get passing() {
    return this.code === 'unreachable' || [429, 502, 503, 504].includes(this.status);
  }
}

/** Sends a request; its JSON, or `null` where there is none. */
export async function call(method, path, { body, headers = {}, signal } = {}) {
  const { value } = await send(method, path, { body, headers, signal });
  return value;
}

/** Reads; tries again when the backend is away for a moment. */
export function get(path, options = {}) {
  return repeated(() => call('GET', path, options));
}

/** Makes something: a repetition has the same key, so that one thing comes of it. */
export function make(path, body, options = {}) {
  const headers = { 'idempotency-key': crypto.randomUUID(), ...options.headers };
  return repeated(() => call('POST', path, { ...options, body, headers }));
}

/** A page of a list: `{items, next}`, where `next` is the path of the following page, or null. */
export async function list(path, options = {}) {
  const { value, link } = await repeated(() => send('GET', path, options));
  const next = /<([^>]+)>;\s*rel="next"/.exec(link ?? '');
  return { items: value, next: next ? next[1] : null };
}

/** A path with a query; what is unset or empty is left out, and a list comes once per value. */
export function query(path, values) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '') pairs.append(name, one);
    }
  }
  const text = pairs.toString();
  return text ? `${path}?${text}` : path;
}

/** Repeats what failed in passing. */
export async function repeated(ask) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Refused) || !error.passing || error.status === 429 || tried === TRIES) throw error;
      await new Promise((wake) => setTimeout(wake, PAUSE_MS * tried));
    }
  }
}

async function send(method, path, { body, headers = {}, signal } = {}) {
  const all = { ...headers };
  if (body !== undefined) all['content-type'] = 'application/json';
  const patience = AbortSignal.timeout(PATIENCE_MS);
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: all,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
      cache: 'no-store',
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, 'unreachable', String(error));
  }
  const json = response.headers.get('content-type')?.includes('json');
  const value = json ? await response.json().catch(() => null) : null;
  if (!response.ok) {
    throw new Refused(response.status, value?.code ?? 'other', value?.detail ?? response.statusText, value?.requestId);
  }
  return { value, link: response.headers.get('link') };
}
