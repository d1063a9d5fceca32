"""Mints a LiveKit token, registers it over the bus, and prints what became of it: register.py ROOM IDENTITY"""

import asyncio
import json
import os
import sys
import time
import uuid

import jwt
import nats

KEY, SECRET = (part.strip() for part in os.environ["LIVEKIT_KEYS"].split(",")[0].split(":", 1))


def mint(room: str, identity: str) -> str:
    now, grant = int(time.time()), {"room": room, "roomJoin": True}
    claims = {"iss": KEY, "sub": identity, "jti": str(uuid.uuid4()), "nbf": now - 5, "exp": now + 300, "video": grant}
    return jwt.encode(claims, SECRET, algorithm="HS256")


async def fate(bus: nats.NATS, asked: bytes) -> dict:
    while True:  # while the backend is away nobody answers, or 503; "unknown" is not applied yet
        try:
            answer = await bus.request("qry.registration.get", asked, timeout=5)
            if answer.headers["Status"] == "200" and (found := json.loads(answer.data))["state"] != "unknown":
                return found
        except nats.errors.Error:
            pass
        await asyncio.sleep(0.1)


async def main(room: str, identity: str) -> None:
    user = {"user": "token-server", "password": os.environ["NATS_TOKEN_SERVER_PASSWORD"]}
    bus = await nats.connect(os.environ["NATS_URL"], inbox_prefix=b"_INBOX_token-server", **user)
    asked = {"sessionId": str(uuid.uuid4()), "token": mint(room, identity)}
    # Acknowledged, it is safe, whoever is down. With an id of its own it may be published again after a doubt.
    body, headers = json.dumps({**asked, "room": room}).encode(), {"Nats-Msg-Id": asked["sessionId"]}
    await bus.jetstream().publish("cmd.token.register", body, timeout=5, headers=headers)
    print(json.dumps({**asked, **await fate(bus, json.dumps(asked).encode())}))
    await bus.close()


asyncio.run(main(*sys.argv[1:]))
