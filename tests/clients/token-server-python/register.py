"""Mints a LiveKit token, registers it over the bus, and prints what became of it: register.py ROOM IDENTITY"""

import asyncio, json, os, sys, time, uuid  # noqa: E401

import jwt
import nats


async def main(room: str, identity: str) -> None:
    key, secret = (part.strip() for part in os.environ["LIVEKIT_KEYS"].split(",")[0].split(":", 1))
    now, grant = int(time.time()), {"room": room, "roomJoin": True}
    claims = {"iss": key, "sub": identity, "jti": str(uuid.uuid4()), "nbf": now - 5, "exp": now + 300, "video": grant}
    asked = {"sessionId": str(uuid.uuid4()), "token": jwt.encode(claims, secret, algorithm="HS256")}

    user = {"user": "token-server", "password": os.environ["NATS_TOKEN_SERVER_PASSWORD"]}
    bus = await nats.connect(os.environ["NATS_URL"], inbox_prefix=b"_INBOX_token-server", **user)
    # Acknowledged, it is safe, whoever is down. With an id of its own it may be published again after a doubt.
    body, headers = json.dumps({**asked, "room": room}).encode(), {"Nats-Msg-Id": asked["sessionId"]}
    await bus.jetstream().publish("cmd.token.register", body, timeout=5, headers=headers)
    fate = {"state": "unknown"}
    while fate["state"] == "unknown":  # not applied yet; while the backend is away nobody answers, or 503
        await asyncio.sleep(0.1)
        try:
            answer = await bus.request("qry.registration.get", json.dumps(asked).encode(), timeout=5)
            fate = json.loads(answer.data) if answer.headers["Status"] == "200" else fate
        except nats.errors.Error:
            pass
    print(json.dumps({**asked, **fate}))
    await bus.close()


asyncio.run(main(*sys.argv[1:]))
