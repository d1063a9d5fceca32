"""A participant in a room.

Reads {url, token} on the first line of standard input, joins, and then does what each further line says: `others`,
`publish`, `data <text>`, `leave`. What happens is printed as JSON, one object on a line, with `event` in each. It
leaves when standard input ends.
"""

import asyncio
import json
import sys

from livekit import rtc

# A refusal to publish comes at once; where the client waits for an answer that never comes, it is one too.
PUBLISH_LIMIT_S = 5


def say(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def others(room: rtc.Room) -> list[dict]:
    return [{"identity": one.identity, "name": one.name} for one in room.remote_participants.values()]


def permissions(room: rtc.Room) -> dict:
    granted = room.local_participant.permissions
    return {
        "canPublish": granted.can_publish,
        "canSubscribe": granted.can_subscribe,
        "canPublishData": granted.can_publish_data,
        "hidden": granted.hidden,
        "canUpdateMetadata": granted.can_update_metadata,
    }


async def publish(room: rtc.Room) -> None:
    track = rtc.LocalAudioTrack.create_audio_track("voice", rtc.AudioSource(48_000, 1))
    try:
        await asyncio.wait_for(room.local_participant.publish_track(track), PUBLISH_LIMIT_S)
        say("published")
    except Exception as refusal:
        say("publish refused", reason=f"{type(refusal).__name__}: {refusal}")


def listen(room: rtc.Room, gone: asyncio.Event) -> None:
    def left(reason: int) -> None:
        if not gone.is_set():
            say("disconnected", reason=rtc.DisconnectReason.Name(reason))
        gone.set()

    room.on("disconnected", left)
    room.on("participant_connected", lambda one: say("came", identity=one.identity, name=one.name))
    room.on("participant_disconnected", lambda one: say("went", identity=one.identity))
    room.on("track_published", lambda _, one: say("publishes", identity=one.identity))
    room.on(
        "data_received",
        lambda packet: say("data", identity=packet.participant and packet.participant.identity, text=packet.data.decode()),
    )


async def obey(room: rtc.Room, lines: asyncio.StreamReader) -> None:
    while line := (await lines.readline()).decode().strip():
        word, _, rest = line.partition(" ")
        if word == "others":
            say("others", others=others(room))
        elif word == "publish":
            await publish(room)
        elif word == "data":
            await room.local_participant.publish_data(rest)
        elif word == "leave":
            break
    await room.disconnect()
    # The client says so itself only if the server's word does not overtake it.
    room.emit("disconnected", rtc.DisconnectReason.CLIENT_INITIATED)


async def main() -> None:
    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    where = json.loads(await lines.readline())
    room, gone = rtc.Room(), asyncio.Event()
    listen(room, gone)
    try:
        await room.connect(where["url"], where["token"])
    except Exception as refusal:
        say("refused", reason=f"{type(refusal).__name__}: {refusal}")
        return
    me = room.local_participant
    joined = {"room": room.name, "identity": me.identity, "name": me.name, "others": others(room)}
    say("joined", **joined, permissions=permissions(room))
    obeying, leaving = asyncio.create_task(obey(room, lines)), asyncio.create_task(gone.wait())
    await asyncio.wait([obeying, leaving], return_when=asyncio.FIRST_COMPLETED)
    for task in (obeying, leaving):
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
