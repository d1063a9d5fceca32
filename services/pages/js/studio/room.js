// The room's view: stage, people, controls, and what is said about the connection. It is drawn anew from the room's state
// whenever something happened in it, so that no event can be missed.

import { h, put } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { say } from '../shared/say.js';
import { Controls } from './controls.js';
import { icon } from './icons.js';
import { People } from './people.js';
import { peopleOf } from './person.js';
import { settings } from './settings.js';
import { Sound } from './sound.js';
import { Stage } from './stage.js';

/** The events after which something may look otherwise. */
const CHANGES = [
  'Connected', 'Reconnected', 'Disconnected', 'ParticipantConnected', 'ParticipantDisconnected', 'TrackSubscribed', 'TrackUnsubscribed',
  'TrackMuted', 'TrackUnmuted', 'TrackUnpublished', 'LocalTrackPublished', 'LocalTrackUnpublished', 'ActiveSpeakersChanged',
  'ParticipantPermissionsChanged', 'ParticipantNameChanged', 'ConnectionQualityChanged', 'AudioPlaybackStatusChanged',
];
/** Many events at once are one drawing. */
const DRAW_AFTER_MS = 30;

const CONNECTION = { reconnecting: 'connection.reconnecting', returning: 'connection.returning' };

export class RoomView {
  name = 'room';
  node;
  title;
  focus;

  #call;
  #timer = null;
  #known = null;
  #stage = new Stage();
  #sound = new Sound();
  #people = new People(() => this.#showPeople(false));
  #controls;
  #notices = h('div', { class: 'notices', role: 'status' });
  #viewer = h('span', { class: 'badge', id: 'viewer' }, t('role.viewer'));
  #blocked = h('button', { type: 'button', class: 'primary', id: 'sound', hidden: true, onclick: () => this.#call.room.startAudio() },
    icon('sound'), t('sound.start'));

  /** For a call that is inside. `over(code, error)` is called when it is over. */
  constructor(call, { title, over }) {
    this.#call = call;
    this.title = title;
    this.focus = h('h1', { tabindex: -1 }, title || t('title'));
    this.#controls = new Controls(call, {
      people: () => this.#showPeople(!this.#people.open),
      settings: () => settings(call),
      leave: () => call.leave(),
    });
    this.node = h('div', { class: 'room' },
      h('div', { class: 'head' }, this.focus, this.#viewer, this.#blocked, this.#notices),
      h('div', { class: 'floor' }, this.#stage.node, this.#people.node),
      this.#controls.node,
      this.#sound.node);
    this.#follow(over);
    this.#draw();
    call.room.startAudio().catch(() => {});
    call.publishWishes();
  }

  close() {
    clearTimeout(this.#timer);
    this.#call.room.removeAllListeners();
    this.#controls.end();
    this.#stage.end();
    this.#sound.update([]);
    document.querySelector('dialog.settings')?.close();
  }

  #follow(over) {
    const { room, client: { RoomEvent } } = this.#call;
    for (const event of CHANGES) room.on(RoomEvent[event], () => this.#drawSoon());
    room.on(RoomEvent.SignalReconnecting, () => this.#connection('reconnecting'));
    room.on(RoomEvent.Reconnecting, () => this.#connection('reconnecting'));
    room.on(RoomEvent.Reconnected, () => this.#connection(null));
    this.#call.watch({
      returning: () => this.#connection('returning'),
      returned: () => {
        this.#connection(null);
        say(t('connection.back'));
        this.#call.publishWishes();
      },
      over,
    });
  }

  #drawSoon() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#draw();
    }, DRAW_AFTER_MS);
  }

  #draw() {
    const { room, publishes } = this.#call;
    const all = peopleOf(room);
    this.#stage.update(all);
    this.#people.update(all);
    this.#sound.update([...room.remoteParticipants.values()]);
    this.#controls.update({ count: all.length, open: this.#people.open });
    this.#viewer.hidden = publishes;
    this.#blocked.hidden = room.canPlaybackAudio;
    // When one's own connection goes, so does everybody: that is no news of them.
    if (room.state === 'connected') this.#announce(all.filter((person) => !person.me));
  }

  #announce(others) {
    const here = new Map(others.map(({ id, name }) => [id, name]));
    const known = this.#known ?? here;
    for (const [id, name] of here) if (!known.has(id)) say(t('joined', { name }));
    for (const [id, name] of known) if (!here.has(id)) say(t('gone', { name }));
    this.#known = here;
  }

  #showPeople(open) {
    this.#people.open = open;
    this.#draw();
    if (!open) this.#controls.peopleButton.focus();
  }

  #connection(state) {
    put(this.#notices,
      state && h('p', { class: 'notice small', 'data-kind': 'warn', 'data-connection': state }, t(CONNECTION[state])));
  }
}
