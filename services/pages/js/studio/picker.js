// Choosing devices: a list for each kind, which follows what is plugged in and out.

import { h, put } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { list } from './devices.js';

const LABELS = { camera: 'device.camera', microphone: 'device.microphone', speaker: 'device.speaker' };

export class Picker {
  node = h('div', { class: 'picker' });

  #kinds;
  #current;
  #fields = new Map();
  #follow = () => this.update();

  /** `current(kind)` is the id of the device in use, `change(kind, id)` is called with another one. */
  constructor({ kinds, prefix, current, change }) {
    this.#kinds = kinds;
    this.#current = current;
    for (const kind of kinds) {
      const id = `${prefix}-${kind}`;
      const select = h('select', { id, onchange: () => change(kind, select.value) });
      const field = h('div', { class: 'field' }, h('label', { for: id }, t(LABELS[kind])), select);
      this.#fields.set(kind, { field, select });
      this.node.append(field);
    }
    navigator.mediaDevices?.addEventListener?.('devicechange', this.#follow);
    this.update();
  }

  /** Lists again what there is. A kind without devices, or of which nothing may be known yet, is not shown. */
  async update() {
    for (const kind of this.#kinds) {
      const devices = await list(kind);
      const { field, select } = this.#fields.get(kind);
      field.hidden = devices.length === 0;
      put(select, devices.map(({ id, label }, at) =>
        h('option', { value: id }, label || t('device.number', { number: at + 1 }))));
      const current = this.#current(kind);
      if (devices.some(({ id }) => id === current)) select.value = current;
    }
  }

  end() {
    navigator.mediaDevices?.removeEventListener?.('devicechange', this.#follow);
  }
}
