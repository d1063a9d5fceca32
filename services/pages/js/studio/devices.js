// Cameras, microphones and loudspeakers of this machine: which there are, which was chosen, and what is wrong with one.

const CHOSEN = 'avanzacast.devices';

/** What the browser calls each kind of device. */
export const KINDS = {
  camera: { device: 'videoinput', media: 'video' },
  microphone: { device: 'audioinput', media: 'audio' },
  speaker: { device: 'audiooutput' },
};

const PROBLEMS = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'missing',
  DevicesNotFoundError: 'missing',
  OverconstrainedError: 'missing',
  NotReadableError: 'busy',
  TrackStartError: 'busy',
  AbortError: 'busy',
};

/** Whether a page served like this one can have devices at all: browsers give them to HTTPS and to this machine only. */
export function available() {
  return Boolean(navigator.mediaDevices?.getUserMedia);
}

/** A word for why a device could not be opened: `denied`, `missing`, `busy` or `other`. */
export function problemOf(error) {
  return PROBLEMS[error?.name] ?? 'other';
}

/** What was answered about a kind before: `granted`, `denied`, or `prompt` when it is going to be asked, or nobody knows. */
export async function permission(kind) {
  try {
    return (await navigator.permissions.query({ name: kind })).state;
  } catch {
    return 'prompt';
  }
}

/** Opens devices of these kinds together, so that a person is asked once; the chosen ones, where they are still there. */
export function open(kinds) {
  const constraints = {};
  for (const kind of kinds) {
    const id = chosen(kind);
    const wanted = kind === 'camera' ? { width: { ideal: 1280 }, height: { ideal: 720 } } : {};
    constraints[KINDS[kind].media] = id ? { ...wanted, deviceId: { ideal: id } } : { ...wanted };
  }
  return navigator.mediaDevices.getUserMedia(constraints);
}

/** The devices of a kind, `[{id, label}]`. Before permission was given browsers say nothing of them: the list is empty. */
export async function list(kind) {
  if (!navigator.mediaDevices?.enumerateDevices) return [];
  const all = await navigator.mediaDevices.enumerateDevices();
  return all
    .filter((device) => device.kind === KINDS[kind].device && device.deviceId)
    .map(({ deviceId, label }) => ({ id: deviceId, label }));
}

/** The device of a kind that was chosen in this browser, or undefined. */
export function chosen(kind) {
  return readChosen()[kind];
}

/** Remembers a choice for the next time. */
export function choose(kind, id) {
  const all = { ...readChosen(), [kind]: id };
  unkept = all;
  try {
    localStorage.setItem(CHOSEN, JSON.stringify(all));
  } catch { /* no storage: chosen for as long as this page is there */ }
}

let unkept = {};

function readChosen() {
  try {
    const all = JSON.parse(localStorage.getItem(CHOSEN));
    return all !== null && typeof all === 'object' ? all : unkept;
  } catch {
    return unkept;
  }
}
