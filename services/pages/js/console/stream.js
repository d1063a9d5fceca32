// Server-sent events, read with `fetch`, so that any type is seen and the place to go on from is ours to keep.

import { Refused } from '../shared/api.js';
import { asking } from './account.js';

/** The pause before the first and before any later attempt to come back; between them it doubles. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** The server says something every 15 s; after this long without a word nobody is there any more. */
const SILENCE_MS = 45_000;

/** Takes a stream's text bit by bit, and gives `take` each frame: `{id, event, data}`, of which what was not sent is unset. */
export function parser(take) {
  let rest = '';
  let frame = {};
  const line = (text) => {
    if (text === '') {
      if (Object.keys(frame).length) take(frame);
      frame = {};
      return;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(text);
    if (field === 'data' && 'data' in frame) frame.data += `\n${value}`;
    else if (['id', 'event', 'data'].includes(field)) frame[field] = value;
  };
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const one of lines) line(one.replace(/\r$/, ''));
  };
}

/**
 * Follows a stream until it is stopped; whenever it breaks it comes back, later each time, and goes on where it was. `path(place)` is what
 * to ask for, `take` gets frames with data, and `tell` one of `connecting`, `live`, `broken` and `refused` (with the error).
 */
export function follow({ path, place, take, tell }) {
  const ending = new AbortController();
  const followed = { place, stop: () => ending.abort() };
  keepOn(followed, { path, take, tell, signal: ending.signal });
  return followed;
}

async function keepOn(followed, { path, take, tell, signal }) {
  let pause = FIRST_PAUSE_MS;
  const got = (frame) => {
    pause = FIRST_PAUSE_MS;
    if (frame.id !== undefined) followed.place = Number(frame.id);
    if (frame.data !== undefined) take(frame);
  };
  while (!signal.aborted) {
    tell('connecting');
    try {
      await read(() => path(followed.place), { got, signal, opened: () => tell('live') });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && !error.passing) return tell('refused', error);
    }
    if (signal.aborted) return;
    tell('broken');
    await sleep(pause * (0.75 + Math.random() / 2), signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** Reads one connection to its end. */
async function read(path, { got, signal, opened }) {
  const silence = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  try {
    heard();
    const response = await asking(() => connect(path(), AbortSignal.any([signal, silence.signal]), heard));
    opened();
    const push = parser(got);
    const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await text.read();
      if (done || signal.aborted) return;
      heard();
      push(value);
    }
  } finally {
    clearTimeout(timer);
  }
}

async function connect(path, signal, heard) {
  const response = await fetch(path, { headers: { accept: 'text/event-stream' }, signal, cache: 'no-store' });
  heard();
  if (response.ok) return response;
  const problem = await response.json().catch(() => null);
  throw new Refused(response.status, problem?.code ?? 'other', problem?.detail ?? response.statusText, problem?.requestId);
}

function sleep(ms, signal) {
  return new Promise((wake) => {
    const timer = setTimeout(wake, ms);
    signal.addEventListener('abort', () => { clearTimeout(timer); wake(); }, { once: true });
  });
}
