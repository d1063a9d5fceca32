"""Reads {token, key, secret} from standard input; prints the claims, or says why not and exits 1."""

import dataclasses
import json
import sys

from livekit.api import TokenVerifier


def main() -> int:
    request = json.load(sys.stdin)
    try:
        claims = TokenVerifier(request["key"], request["secret"]).verify(request["token"])
    except Exception as refusal:
        print(f"{type(refusal).__name__}: {refusal}", file=sys.stderr)
        return 1
    print(json.dumps(dataclasses.asdict(claims)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
