"""Reads [{headers, body}] from standard input, each a message of the bus, and prints them as CloudEvents' own SDK
understands them: {specversion, type, source, id, time, datacontenttype, dataschema, ledgerseq, data}. What it does not
understand, it says in one line and exits 1."""

import json
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_http_event


def read(message: dict) -> dict:
    event = from_http_event(HTTPMessage(message["headers"], message["body"].encode()))
    read = {name: event.get_attributes()[name] for name in event.get_attributes()}
    read["time"] = event.get_time().isoformat()
    read["data"] = event.get_data()
    return read


def main() -> int:
    try:
        events = [read(message) for message in json.load(sys.stdin)]
    except Exception as refusal:
        print(f"{type(refusal).__name__}: {' '.join(str(refusal).split())}", file=sys.stderr)
        return 1
    print(json.dumps(events))
    return 0


if __name__ == "__main__":
    sys.exit(main())
