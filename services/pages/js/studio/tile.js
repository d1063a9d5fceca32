// One person, or one shared screen, on the stage.

import { h, put } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { icon } from './icons.js';
import { hue, initials } from './person.js';

export class Tile {
  node;

  #track = null;
  #said = '';
  #video = h('video', { autoplay: true, playsinline: true, hidden: true });
  #avatar = h('span', { class: 'avatar', 'aria-hidden': 'true' });
  #name = h('span', { class: 'name' });
  #marks = h('span', { class: 'marks' });

  /** `of` is the person's identity; a tile of a `shared` screen stands beside that person's own. */
  constructor(of, { shared = false } = {}) {
    // Sound has elements of its own; a picture never makes any, so that browsers always play it.
    this.#video.muted = true;
    const whose = shared ? { 'data-share': of } : { 'data-participant': of };
    this.node = h('li', { class: shared ? 'tile share' : 'tile', ...whose },
      this.#avatar, this.#video, h('div', { class: 'plate' }, this.#marks, this.#name));
  }

  update(person, { shared = false } = {}) {
    this.#show(shared ? person.shared : person.video);
    const { dataset } = this.node;
    dataset.speaking = String(person.speaking && !shared);
    dataset.me = String(person.me);
    const said = JSON.stringify([person.name, person.me, person.microphone, person.viewer, person.weak, person.speaking]);
    if (said === this.#said) return;
    this.#said = said;
    put(this.#avatar, initials(person.name));
    this.#avatar.style.setProperty('--hue', hue(person.name));
    put(this.#name, shared ? t(person.me ? 'share.mine' : 'share.of', { name: person.name }) : person.name);
    put(this.#marks, shared ? null : marksOf(person));
    this.#video.setAttribute('aria-label', t(shared ? 'share.of' : 'tile.video', { name: person.name }));
  }

  /** Takes the tile off the stage. */
  remove() {
    this.#show(null);
    this.node.remove();
  }

  #show(track) {
    if (track === this.#track) return;
    this.#track?.detach(this.#video);
    this.#track = track;
    track?.attach(this.#video);
    // Attaching a track may turn on its sound.
    this.#video.muted = true;
    this.#video.hidden = !track;
    this.node.dataset.video = String(Boolean(track));
  }
}

/** Small signs before a name, each with its words. */
export function marksOf({ me, microphone, viewer, weak, speaking }) {
  return [
    me && h('span', { class: 'badge', 'data-kind': 'accent' }, t('person.you')),
    viewer && h('span', { class: 'badge' }, t('role.viewer')),
    !microphone && !viewer && mark('microphone-off', 'person.muted', 'muted'),
    speaking && mark('sound', 'person.speaking', 'speaks'),
    weak && mark('away', 'person.weak', 'weak'),
  ];
}

function mark(picture, words, kind) {
  return h('span', { class: `mark ${kind}`, title: t(words) }, icon(picture), h('span', { class: 'hidden-text' }, t(words)));
}
