// A round button that turns a microphone or a camera on and off. Its name says what a press will do.

import { h, put, set } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { icon } from './icons.js';

const NAMES = {
  microphone: { on: 'microphone.close', off: 'microphone.open', key: 'M', word: 'microphone' },
  camera: { on: 'camera.close', off: 'camera.open', key: 'V', word: 'camera' },
};

export class Switch {
  node;

  #kind;
  #words;

  /** `words` shows the device's name below the icon. */
  constructor(kind, toggle, { words = false } = {}) {
    this.#kind = kind;
    this.#words = words;
    this.node = h('button', { type: 'button', class: 'control', id: kind, onclick: toggle });
    this.set(false);
  }

  set(on) {
    if (this.node.dataset.on === String(on)) return;
    const { on: close, off: open, key, word } = NAMES[this.#kind];
    const name = t(on ? close : open);
    this.node.dataset.on = String(on);
    set(this.node, 'aria-label', name);
    set(this.node, 'title', this.#words ? `${name} (${key})` : name);
    set(this.node, 'aria-keyshortcuts', this.#words && key);
    put(this.node, icon(on ? this.#kind : `${this.#kind}-off`), this.#words && h('span', { 'aria-hidden': 'true' }, t(word)));
  }
}
