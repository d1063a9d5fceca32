// What one can do in the room: the row of buttons at its foot.

import { h, put, set } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { icon } from './icons.js';
import { Switch } from './switch.js';

/** Phones have no screen to share, and some browsers no full screen. */
const canShare = () => Boolean(navigator.mediaDevices?.getDisplayMedia);
const canFill = () => Boolean(document.fullscreenEnabled);

export class Controls {
  node;

  #call;
  #microphone;
  #camera;
  #screen = button('screen', 'screen', 'screen.share');
  #people = button('people', 'people', 'people');
  #settings = button('settings', 'settings', 'settings');
  #full = button('full', 'full', 'full');
  #leave = button('leave', 'leave', 'leave');
  #listeners = new AbortController();

  /** `people()` and `settings()` open what they are called, `leave()` leaves. */
  constructor(call, { people, settings, leave }) {
    this.#call = call;
    this.#microphone = new Switch('microphone', () => this.#toggle('microphone'), { words: true });
    this.#camera = new Switch('camera', () => this.#toggle('camera'), { words: true });
    this.#screen.addEventListener('click', () => this.#busily(this.#screen, () => call.share(!call.isOn('screen'))));
    this.#people.addEventListener('click', people);
    this.#settings.addEventListener('click', settings);
    this.#leave.addEventListener('click', leave);
    this.#full.addEventListener('click', fill);
    this.node = h('div', { class: 'controls', role: 'group', 'aria-label': t('controls') },
      this.#microphone.node, this.#camera.node, this.#screen, this.#people, this.#settings, this.#full, this.#leave);
    const { signal } = this.#listeners;
    document.addEventListener('keydown', (event) => this.#key(event), { signal });
    document.addEventListener('fullscreenchange', () => this.update({}), { signal });
  }

  /** Draws what is on. `count` is how many are here, `open` whether their list is shown. */
  update({ count, open }) {
    const { publishes } = this.#call;
    this.#microphone.node.hidden = !publishes;
    this.#camera.node.hidden = !publishes;
    this.#microphone.set(this.#call.isOn('microphone'));
    this.#camera.set(this.#call.isOn('camera'));
    this.#screen.hidden = !publishes || !canShare();
    label(this.#screen, this.#call.isOn('screen') ? 'screen.stop' : 'screen.share');
    this.#screen.dataset.active = String(this.#call.isOn('screen'));
    this.#full.hidden = !canFill();
    label(this.#full, document.fullscreenElement ? 'full.stop' : 'full');
    if (count !== undefined) {
      this.#people.dataset.count = count;
      label(this.#people, 'people.count', { count });
    }
    if (open !== undefined) set(this.#people, 'aria-expanded', String(open));
  }

  end() {
    this.#listeners.abort();
    if (document.fullscreenElement) document.exitFullscreen();
  }

  get peopleButton() {
    return this.#people;
  }

  #toggle(kind) {
    const { node } = kind === 'camera' ? this.#camera : this.#microphone;
    return this.#busily(node, () => this.#call.turn(kind, !this.#call.isOn(kind)));
  }

  /** A second press while the first is at work does nothing. */
  async #busily(node, work) {
    if (node.getAttribute('aria-busy') === 'true') return;
    node.setAttribute('aria-busy', 'true');
    await work().finally(() => node.removeAttribute('aria-busy'));
    this.update({});
  }

  #key(event) {
    const typing = event.target.closest?.('input, select, textarea, dialog');
    if (typing || event.repeat || event.ctrlKey || event.altKey || event.metaKey || !this.#call.publishes) return;
    const key = event.key.toLowerCase();
    if (key === 'm') this.#toggle('microphone');
    if (key === 'v') this.#toggle('camera');
  }
}

function button(id, picture, words) {
  const node = h('button', { type: 'button', class: 'control', id }, icon(picture), h('span', { 'aria-hidden': 'true' }));
  label(node, words);
  return node;
}

const SHORT = {
  'screen.share': 'screen', 'screen.stop': 'screen', people: 'people', 'people.count': 'people', settings: 'settings.short',
  full: 'full.short', 'full.stop': 'full.short', leave: 'leave',
};

function label(node, words, values) {
  const name = t(words, values);
  if (node.title === name) return;
  node.title = name;
  set(node, 'aria-label', name);
  put(node.lastChild, t(SHORT[words]));
}

/** The whole page fills the screen, so that what is said in passing is still seen. */
function fill() {
  const change = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
  change.catch(() => {});
}
