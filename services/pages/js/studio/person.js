// What is shown of a participant, as plain values: views draw these, and know nothing of LiveKit.

import { t } from '../shared/page.js';

/** Identities that the backend makes up are not for people to read. */
const MADE_UP = /^p_/;

/** `{id, name, me, speaking, microphone, viewer, weak, video, shared}`; `video` and `shared` are tracks, or null. */
export function personOf(participant, me) {
  const { identity, name, isSpeaking, isMicrophoneEnabled, permissions, connectionQuality } = participant;
  return {
    id: identity,
    name: name || (MADE_UP.test(identity) ? t('person.nameless') : identity),
    me,
    speaking: isSpeaking && isMicrophoneEnabled,
    microphone: isMicrophoneEnabled,
    viewer: permissions?.canPublish === false,
    weak: connectionQuality === 'poor' || connectionQuality === 'lost',
    video: visible(participant, 'camera'),
    shared: visible(participant, 'screen_share'),
  };
}

function visible(participant, source) {
  const publication = participant.getTrackPublication(source);
  return publication && !publication.isMuted ? publication.videoTrack ?? null : null;
}

/** Everybody in the room: oneself first, then in the order in which they came. */
export function peopleOf(room) {
  const others = [...room.remoteParticipants.values()]
    .sort((a, b) => (a.joinedAt?.getTime() ?? 0) - (b.joinedAt?.getTime() ?? 0));
  return [personOf(room.localParticipant, true), ...others.map((other) => personOf(other, false))];
}

/** One or two letters for a name; a name is whatever somebody typed. */
export function initials(name) {
  const words = name.trim().split(/\s+/u).map((word) => [...word].find((letter) => /[\p{L}\p{N}]/u.test(letter)));
  const letters = words.filter(Boolean);
  const picked = letters.length > 1 ? [letters[0], letters.at(-1)] : letters;
  return picked.join('').toLocaleUpperCase() || '?';
}

/** A hue for a name, the same everywhere. */
export function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}
