// Before entering: who and where, how one looks and sounds, and the button. Entering needs no device.

import { h, put } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { Capture } from './capture.js';
import { chosen } from './devices.js';
import { icon } from './icons.js';
import { Level } from './level.js';
import { Picker } from './picker.js';
import { Switch } from './switch.js';

const PROBLEMS = {
  denied: 'problem.denied', missing: 'problem.missing', busy: 'problem.busy', unplugged: 'problem.unplugged',
  insecure: 'problem.insecure', other: 'problem.other',
};
const NAMES = { camera: 'device.camera', microphone: 'device.microphone' };

export class Preview {
  name = 'preview';
  node;
  title;
  focus;

  #enter;
  #entering = null;
  #joinText;
  #followed = null;
  #capture = new Capture(() => this.#draw());
  #level = new Level();
  #video = h('video', { autoplay: true, playsinline: true, 'aria-label': t('preview.video') });
  #words = h('div', { class: 'words' });
  #heard = h('p', { class: 'small quiet' });
  #problems = h('div', { class: 'stack problems', role: 'status' });
  #hint = h('p', { class: 'small quiet', id: 'join-hint' });
  #join = h('button', { type: 'button', class: 'primary', id: 'join', 'aria-describedby': 'join-hint', onclick: () => this.#click() });
  #stop = h('button', { type: 'button', class: 'plain', id: 'stop', hidden: true, onclick: () => this.#breakOff() }, t('cancel'));
  #enable = h('button', { type: 'button', class: 'primary', id: 'enable', onclick: () => this.#capture.start() }, t('preview.enable'));
  #microphone = new Switch('microphone', () => this.#capture.toggle('microphone'));
  #camera = new Switch('camera', () => this.#capture.toggle('camera'));
  #picker = new Picker({
    kinds: ['camera', 'microphone'],
    prefix: 'preview',
    current: (kind) => this.#capture.tracks[kind]?.getSettings().deviceId ?? chosen(kind),
    change: (kind, id) => this.#capture.change(kind, id),
  });

  /** `enter(wishes, signal)` enters with `{camera, microphone}`; `again` says that the person was inside before. */
  constructor({ username, title, again, enter }) {
    this.title = title;
    this.focus = h('h1', { tabindex: -1 }, greeting(username, again));
    this.#enter = enter;
    this.#joinText = t(again ? 'rejoin' : 'join');
    this.#video.muted = true;
    put(this.#join, this.#joinText);
    this.node = h('div', { class: 'preview' },
      h('div', { class: 'mirror' },
        h('div', { class: 'picture' }, this.#video, this.#words,
          h('div', { class: 'switches' }, this.#microphone.node, this.#camera.node)),
        h('div', { class: 'sound' }, this.#level.node, this.#heard)),
      h('div', { class: 'stack invitation' },
        h('div', { class: 'stack tight' }, this.focus, h('p', { class: 'where' }, whereTo(title, again))),
        h('div', { class: 'stack tight' }, h('div', { class: 'row' }, this.#join, this.#stop), this.#hint),
        this.#problems),
      this.#picker.node);
    this.#draw();
    this.#capture.begin();
  }

  close() {
    this.#level.end();
    this.#picker.end();
    this.#capture.end();
  }

  #draw() {
    const { tracks, problems, untouched, wishes } = this.#capture;
    if (this.#video.srcObject?.getTracks()[0] !== (tracks.camera ?? undefined)) {
      this.#video.srcObject = tracks.camera ? new MediaStream([tracks.camera]) : null;
    }
    this.#video.hidden = !tracks.camera;
    this.#words.hidden = wishes.camera;
    put(this.#words, untouched ? [h('p', {}, t('preview.ask')), this.#enable] : h('p', {}, icon('camera-off'), t('preview.dark')));
    this.#microphone.set(Boolean(tracks.microphone));
    this.#camera.set(Boolean(tracks.camera));
    this.#listen(tracks.microphone);
    put(this.#problems, explain(problems).map((text) => h('p', { class: 'notice small', 'data-kind': 'warn' }, text)));
    put(this.#hint, t(hintOf(wishes)));
    this.#picker.update();
  }

  #listen(track) {
    this.#level.node.hidden = !track;
    if (this.#followed === track) return;
    this.#followed = track;
    put(this.#heard, track ? t('preview.speak') : '');
    this.#level.follow(track, () => put(this.#heard, t('preview.heard')));
  }

  /** Once, however often it is pressed. */
  async #click() {
    if (this.#entering) return;
    this.#entering = new AbortController();
    this.#join.setAttribute('aria-busy', 'true');
    put(this.#join, t('joining'));
    this.#stop.hidden = false;
    await this.#enter(this.#capture.wishes, this.#entering.signal);
    this.#entering = null;
    this.#join.removeAttribute('aria-busy');
    put(this.#join, this.#joinText);
    this.#stop.hidden = true;
  }

  #breakOff() {
    this.#entering?.abort();
    this.#join.focus();
  }
}

function greeting(username, again) {
  if (username) return t('preview.hello', { name: username });
  return t(again ? 'preview.back' : 'preview.welcome');
}

function whereTo(title, again) {
  if (title) return [t('preview.to'), ' ', h('strong', { id: 'where' }, title)];
  return t(again ? 'preview.again' : 'preview.somewhere');
}

function hintOf({ camera, microphone }) {
  if (camera && microphone) return 'hint.both';
  if (camera) return 'hint.camera';
  return microphone ? 'hint.microphone' : 'hint.none';
}

/** The same thing wrong with both is said once. */
function explain({ camera, microphone }) {
  if (camera && camera === microphone) return [t(PROBLEMS[camera], { device: t('device.both') })];
  return Object.entries({ camera, microphone })
    .filter(([, problem]) => problem)
    .map(([kind, problem]) => t(PROBLEMS[problem], { device: t(NAMES[kind]) }));
}
