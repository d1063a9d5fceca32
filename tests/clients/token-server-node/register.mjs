// Mints a LiveKit token, registers it over the bus, and prints what became of it: register.mjs ROOM IDENTITY
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { AccessToken } from "livekit-server-sdk";

const [room, identity] = process.argv.slice(2);
const { LIVEKIT_KEYS, NATS_URL, NATS_TOKEN_SERVER_PASSWORD } = process.env;
const [key, secret] = LIVEKIT_KEYS.split(",")[0].split(/:\s*/, 2);

const minted = new AccessToken(key, secret, { identity, ttl: 300 });
minted.addGrant({ room, roomJoin: true });
const asked = { sessionId: randomUUID(), token: await minted.toJwt() };

const user = { user: "token-server", pass: NATS_TOKEN_SERVER_PASSWORD };
const bus = await connect({ servers: NATS_URL, inboxPrefix: "_INBOX_token-server", ...user });
// Acknowledged, it is safe, whoever is down. With an id of its own it may be published again after a doubt.
const options = { msgID: asked.sessionId, timeout: 5000 };
await jetstream(bus).publish("cmd.token.register", JSON.stringify({ ...asked, room }), options);
let fate = { state: "unknown" };
while (fate.state === "unknown") { // not applied yet; while the backend is away nobody answers, or 503
  await setTimeout(100);
  const question = bus.request("qry.registration.get", JSON.stringify(asked), { timeout: 5000 });
  const answer = await question.catch(() => undefined);
  if (answer?.headers?.get("Status") === "200") fate = answer.json();
}
console.log(JSON.stringify({ ...asked, ...fate }));
await bus.close();
