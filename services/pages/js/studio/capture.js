// The visitor's own camera and microphone before entering: opened, closed and exchanged, whatever goes wrong with them.

import { available, choose, open, permission, problemOf } from './devices.js';

const BOTH = ['camera', 'microphone'];

export class Capture {
  /** The open track of each kind, or null. */
  tracks = { camera: null, microphone: null };
  /** What is wrong with each kind (see `problemOf`; also `insecure` and `unplugged`), or null. */
  problems = { camera: null, microphone: null };
  /** Whether nobody was asked for these devices yet. */
  untouched = true;

  #changed;
  #opening = new Set();
  #over = false;
  #queue = Promise.resolve();

  /** `changed` is called whenever something above may be otherwise. */
  constructor(changed) {
    this.#changed = changed;
  }

  /** What the person wants on: also what is just being opened, or still asked for. */
  get wishes() {
    const wanted = (kind) => Boolean(this.tracks[kind]) || this.#opening.has(kind);
    return { camera: wanted('camera'), microphone: wanted('microphone') };
  }

  /** Opens what may be opened without asking anybody, and finds out what was refused before. */
  async begin() {
    if (!available()) {
      for (const kind of BOTH) this.problems[kind] = 'insecure';
      this.#changed();
      return;
    }
    const states = await Promise.all(BOTH.map(permission));
    const granted = BOTH.filter((_, at) => states[at] === 'granted');
    BOTH.forEach((kind, at) => { if (states[at] === 'denied') this.problems[kind] = 'denied'; });
    if (states.includes('denied')) this.untouched = false;
    if (granted.length > 0) await this.start(granted);
    else this.#changed();
  }

  /** Opens these kinds. One at a time: a second click waits for the first. */
  start(kinds = BOTH) {
    return this.#next(async () => {
      const wanted = kinds.filter((kind) => !this.tracks[kind]);
      if (wanted.length === 0) return;
      this.untouched = false;
      await this.#open(wanted);
    });
  }

  /** Closes a kind: the camera's light goes out. */
  close(kind) {
    return this.#next(async () => this.#drop(kind));
  }

  toggle(kind) {
    return this.tracks[kind] ? this.close(kind) : this.start([kind]);
  }

  /** Takes another device of this kind. */
  change(kind, id) {
    choose(kind, id);
    return this.#next(async () => {
      this.#drop(kind);
      await this.#open([kind]);
    });
  }

  /** Gives everything back. */
  end() {
    this.#over = true;
    BOTH.forEach((kind) => this.#drop(kind));
  }

  #next(work) {
    this.#queue = this.#queue.then(async () => {
      if (this.#over) return;
      await work();
      this.#changed();
    });
    return this.#queue;
  }

  async #open(kinds) {
    if (!available()) return;
    kinds.forEach((kind) => this.#opening.add(kind));
    this.#changed();
    try {
      this.#take(await open(kinds));
      for (const kind of kinds) this.problems[kind] = null;
    } catch (error) {
      if (kinds.length === 1) {
        this.problems[kinds[0]] = problemOf(error);
        return;
      }
      // Asked for together they fail together, though it may be for one of them only.
      for (const kind of await worthAsking(kinds, error)) await this.#open([kind]);
      for (const kind of kinds) if (!this.tracks[kind]) this.problems[kind] ??= problemOf(error);
    } finally {
      kinds.forEach((kind) => this.#opening.delete(kind));
    }
  }

  #take(stream) {
    for (const track of stream.getTracks()) {
      if (this.#over) {
        track.stop();
        continue;
      }
      const kind = track.kind === 'video' ? 'camera' : 'microphone';
      this.tracks[kind] = track;
      track.addEventListener('ended', () => this.#lost(kind, track));
    }
  }

  #lost(kind, track) {
    if (this.tracks[kind] !== track) return;
    this.tracks[kind] = null;
    this.problems[kind] = 'unplugged';
    this.#changed();
  }

  #drop(kind) {
    const track = this.tracks[kind];
    this.tracks[kind] = null;
    track?.stop();
  }
}

/** The kinds that may work alone; after a refusal, those that are granted all the same, so that nobody is asked twice. */
async function worthAsking(kinds, error) {
  if (problemOf(error) !== 'denied') return kinds;
  const states = await Promise.all(kinds.map(permission));
  return kinds.filter((_, at) => states[at] === 'granted');
}
