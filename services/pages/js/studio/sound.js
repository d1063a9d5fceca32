// The others' sound: an element for each track, somewhere out of sight.

import { h } from '../shared/dom.js';

export class Sound {
  node = h('div', { hidden: true });

  #playing = new Map();

  /** Plays what these people say, and what comes with the screens they share. */
  update(participants) {
    const tracks = new Set(participants.flatMap(({ audioTrackPublications }) =>
      [...audioTrackPublications.values()].map(({ track }) => track).filter(Boolean)));
    for (const [track, element] of this.#playing) {
      if (tracks.has(track)) continue;
      track.detach(element);
      element.remove();
      this.#playing.delete(track);
    }
    for (const track of tracks) {
      if (this.#playing.has(track)) continue;
      const element = track.attach();
      this.#playing.set(track, element);
      this.node.append(element);
    }
  }
}
