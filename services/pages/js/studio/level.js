// How loud a microphone is, as bars. For the eye only: the words beside it say the same.

import { h } from '../shared/dom.js';

const BARS = 12;
const EVERY_MS = 70;
/** Loudness below which nobody would say that something is heard. */
const AUDIBLE = 0.05;

/** Loudness 0…1 of samples around 128, so that speech fills about half. */
export function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += ((sample - 128) / 128) ** 2;
  return Math.min(1, Math.sqrt(sum / samples.length) * 4);
}

/** Bars that follow a track; `heard` is called once, when there is something to hear. */
export class Level {
  node = h('div', { class: 'level', 'aria-hidden': 'true' }, Array.from({ length: BARS }, () => h('i')));

  #context = null;
  #source = null;
  #timer = 0;

  /** Follows this track from now on; none: stops. */
  follow(track, heard = () => {}) {
    this.stop();
    if (!track || !window.AudioContext) return;
    this.#context ??= new AudioContext();
    // A page that nobody has clicked on yet may not run audio; it wakes up with the first click.
    this.#context.resume().catch(() => {});
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 512;
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    const samples = new Uint8Array(analyser.fftSize);
    let quiet = true;
    this.#timer = setInterval(() => {
      if (this.#context.state === 'suspended') this.#context.resume().catch(() => {});
      analyser.getByteTimeDomainData(samples);
      const now = loudness(samples);
      this.#draw(now);
      if (quiet && now > AUDIBLE) {
        quiet = false;
        heard();
      }
    }, EVERY_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#source?.disconnect();
    this.#source = null;
    this.#draw(0);
  }

  /** Stops for good. */
  end() {
    this.stop();
    this.#context?.close().catch(() => {});
    this.#context = null;
  }

  #draw(now) {
    const lit = Math.round(now * BARS);
    [...this.node.children].forEach((bar, at) => bar.toggleAttribute('data-lit', at < lit));
  }
}
