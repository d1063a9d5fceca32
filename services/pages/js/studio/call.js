// The call: LiveKit's room, entered with a ticket, and with the devices that the person wants.

import { Refused } from '../shared/api.js';
import { say } from '../shared/say.js';
import { t } from '../shared/page.js';
import { causeUnknown, codeOf, comeBack, meaningOf } from './comeback.js';
import { chosen, choose, problemOf } from './devices.js';

const LIVEKIT_KINDS = { camera: 'videoinput', microphone: 'audioinput', speaker: 'audiooutput' };
const PROBLEMS = { denied: 'problem.denied', missing: 'problem.missing', busy: 'problem.busy', other: 'problem.other' };
const NAMES = { camera: 'device.camera', microphone: 'device.microphone' };

export class Call {
  /** LiveKit's room; it stays the same one when the connection comes back. */
  room;
  client;

  #ticket;
  #wishes;
  #leaving = new AbortController();
  #inside = false;

  /**
   * `ticket(signal)` gives `{url, token}`, a fresh one each time; `wishes` says whether `camera` and `microphone` are on.
   */
  constructor(client, ticket, wishes) {
    this.client = client;
    this.#ticket = ticket;
    this.#wishes = { ...wishes };
    this.room = new client.Room({
      adaptiveStream: true,
      dynacast: true,
      videoCaptureDefaults: { deviceId: chosen('camera'), resolution: client.VideoPresets.h720.resolution },
      audioCaptureDefaults: { deviceId: chosen('microphone') },
    });
  }

  /** Enters; fails with what kept it from that. */
  async enter(signal) {
    const { url, token } = await this.#ticket(signal);
    signal.throwIfAborted();
    const cancel = () => this.room.disconnect();
    signal.addEventListener('abort', cancel);
    try {
      await this.#connect(url, token);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
    if (signal.aborted) {
      await this.room.disconnect();
      signal.throwIfAborted();
    }
    this.#inside = true;
  }

  /** Connects. Whoever is put out half-way is told so at once: LiveKit's client would wait for media that never comes. */
  async #connect(url, token) {
    const { Disconnected } = this.client.RoomEvent;
    let listener;
    const putOut = new Promise((_, fail) => {
      listener = (reason) => {
        const meaning = meaningOf(reason);
        if (meaning !== 'return' && meaning !== 'left') fail(new Refused(0, meaning, 'put out while entering'));
      };
      this.room.on(Disconnected, listener);
    });
    try {
      await Promise.race([this.room.connect(url, token), putOut]);
    } finally {
      this.room.off(Disconnected, listener);
    }
  }

  /** Whether this person may be seen and heard; a viewer may not. */
  get publishes() {
    return this.room.localParticipant.permissions?.canPublish ?? false;
  }

  /** Turns on what the person wants on. */
  async publishWishes() {
    if (!this.publishes) return;
    const wanted = Object.keys(NAMES).filter((kind) => this.#wishes[kind]);
    await Promise.all(wanted.map((kind) => this.turn(kind, true)));
  }

  isOn(kind) {
    const me = this.room.localParticipant;
    return { camera: me.isCameraEnabled, microphone: me.isMicrophoneEnabled, screen: me.isScreenShareEnabled }[kind];
  }

  /** Turns a device on or off, and says so when it can't be. */
  async turn(kind, on) {
    const me = this.room.localParticipant;
    this.#wishes[kind] = on;
    try {
      if (kind === 'camera') await me.setCameraEnabled(on);
      else await me.setMicrophoneEnabled(on);
    } catch (error) {
      this.#wishes[kind] = false;
      // A disconnection takes the tracks away; that is said elsewhere.
      if (this.room.state === 'connected') say(t(PROBLEMS[problemOf(error)], { device: t(NAMES[kind]) }));
    }
  }

  /** Shares the screen, or stops. Closing the browser's own question is no failure. */
  async share(on) {
    try {
      await this.room.localParticipant.setScreenShareEnabled(on, { audio: true });
    } catch (error) {
      if (error.name !== 'NotAllowedError') say(t('problem.screen'));
    }
  }

  deviceOf(kind) {
    return this.room.getActiveDevice(LIVEKIT_KINDS[kind]);
  }

  async change(kind, id) {
    choose(kind, id);
    try {
      await this.room.switchActiveDevice(LIVEKIT_KINDS[kind], id);
    } catch (error) {
      say(t(PROBLEMS[problemOf(error)], { device: t(NAMES[kind] ?? 'device.speaker') }));
    }
  }

  leave() {
    this.#leaving.abort();
    return this.room.disconnect();
  }

  /**
   * Watches over the connection once inside. `returning()` and `returned()` tell of tries to come back, `over(code, error)`
   * of the end.
   */
  watch({ returning, returned, over }) {
    this.room.on(this.client.RoomEvent.Disconnected, async (reason) => {
      // While coming back a failed try is a disconnection too.
      if (!this.#inside) return;
      this.#inside = false;
      try {
        const ended = await this.#endOf(reason);
        if (ended) {
          over(ended);
          return;
        }
        returning();
        await comeBack((signal) => this.enter(signal), this.#leaving.signal);
        returned();
      } catch (error) {
        if (this.#leaving.signal.aborted) over('left');
        else over(codeOf(error), error);
      }
    });
  }

  /** The ending that a disconnection means, or null when it is worth coming back. */
  async #endOf(reason) {
    const meaning = this.#leaving.signal.aborted ? 'left' : meaningOf(reason);
    if (causeUnknown(meaning)) {
      // The backend knows more, if it can be asked: then it refuses another ticket and says why.
      await this.#ticket(this.#leaving.signal).catch((error) => {
        if (!error.passing) throw error;
      });
    }
    return meaning === 'return' ? null : meaning;
  }
}
