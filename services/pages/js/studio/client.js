// What only the room needs is loaded when somebody enters: LiveKit's client, which is big and may not be installed yet,
// and the room's own modules.

import { Refused } from '../shared/api.js';

const PATH = '../../livekit-client.js';

/** The module; refused as `client_missing` where this server has none, and `unreachable` when it did not come. */
export async function loadClient() {
  let client;
  try {
    client = await import(PATH);
  } catch (error) {
    throw new Refused(0, await reasonOf(), String(error));
  }
  // What matters is said on the page; its log fills the console with each lost connection.
  client.setLogLevel('silent');
  return client;
}

/** The room's modules: `{Call, RoomView}`. */
export async function loadRoom() {
  try {
    const [call, room] = await Promise.all([import('./call.js'), import('./room.js')]);
    return { ...call, ...room };
  } catch (error) {
    throw new Refused(0, 'unreachable', String(error));
  }
}

/** An import says nothing of why it failed. */
async function reasonOf() {
  try {
    const { status } = await fetch(new URL(PATH, import.meta.url), { method: 'HEAD' });
    return status === 404 ? 'client_missing' : 'unreachable';
  } catch {
    return 'unreachable';
  }
}
