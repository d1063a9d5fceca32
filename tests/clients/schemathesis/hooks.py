"""What a JSON Schema cannot say about a good request, and what the tool cannot make of one.

Only good requests are touched: what schemathesis made wrong on purpose stays wrong.
"""

import base64
import hashlib
import hmac
import json
import os
import time

import schemathesis
from schemathesis import GenerationMode

# Lengths are in bytes, and a schema's are in characters.
MOST_BYTES = 256
NAMES = {"room", "roomName", "room_name", "username", "participantName", "participant_name", "title", "displayName"}
# The default of SESSION_MAX_TTL_SECONDS; a link's is longer.
LONGEST_TTL = 86_400
# The server's to choose: LiveKit's clients may say them, and are refused when they say something.
NOT_THE_CALLERS = ("participant_identity", "participant_metadata", "participant_attributes", "room_config")


def is_good(case) -> bool:
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


def token() -> str:
    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    video = {"room": "theirs", "roomJoin": True}
    # The same within an hour, so that a registration is often repeated.
    exp = int(time.time()) // 3600 * 3600 + 7200
    claims = {"iss": os.environ["LIVEKIT_API_KEY"], "sub": "guest-7", "name": "Luz", "exp": exp, "video": video}
    signed = ".".join(part(json.dumps(value).encode()) for value in ({"alg": "HS256", "typ": "JWT"}, claims))
    signature = hmac.new(os.environ["LIVEKIT_API_SECRET"].encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{part(signature)}"


def one_question(query: dict) -> dict:
    # Who was there is asked about one thing, at a moment or in a time.
    whom = next((name for name in ("room", "broadcast") if name in query), None)
    asked = {whom: query[whom]} if whom else {"room": "theirs"}
    if "at" in query:
        return {**asked, "at": query["at"]}
    return {**asked, **{name: query[name] for name in ("from", "to") if name in query}}


def in_time(query: dict) -> dict:
    # One end forbids some of the other.
    if "from" in query and "to" in query:
        return {**query, "from": "2026-02-02T02:40:00Z", "to": "2026-02-03T02:40:00+01:00"}
    return query


def within_a_year(query: dict) -> dict:
    # The other end is now, unless it is said.
    if "from" in query and "to" not in query:
        return {**query, "to": query["from"]}
    return in_time(query)


def whole(value):
    # 235.0 is an integer to a JSON Schema, and none to us.
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def before_load_schema(context, raw_schema) -> None:
    # Control characters, by a name that the tool's generator does not know.
    text = json.dumps(raw_schema).replace(r"\\p{Cc}", r"\\u0000-\\u001f\\u007f-\\u009f")
    raw_schema.clear()
    raw_schema.update(json.loads(text))


@schemathesis.hook
def filter_case(context, case) -> bool:
    if not is_good(case):
        return True
    body = case.body if isinstance(case.body, dict) else {}
    given = {**(case.query or {}), **body}
    # A page's cursor is known only from the page before.
    return (
        "cursor" not in given
        and all(len(str(given[name]).encode()) <= MOST_BYTES for name in NAMES & given.keys())
        and (given.get("ttl") or 1) <= LONGEST_TTL
    )


@schemathesis.hook
def map_case(context, case):
    if not is_good(case):
        return case
    if case.operation.label == "GET /api/audit/who":
        case.query = one_question(case.query or {})
    if case.operation.label in ("GET /api/audit/events", "GET /api/audit/who"):
        case.query = in_time(case.query or {})
    if case.operation.label == "GET /api/audit/counts":
        case.query = within_a_year(case.query or {})
    if not isinstance(case.body, dict):
        return case
    body = {name: whole(value) for name, value in case.body.items()}
    if case.operation.label == "POST /api/tokens":
        # Room and name are the token's own where they are given.
        body = {name: value for name, value in body.items() if name not in ("room", "username")}
        body["token"] = token()
    if case.operation.label == "POST /api/livekit/token":
        body = {name: value for name, value in body.items() if name not in NOT_THE_CALLERS}
    case.body = body
    return case
