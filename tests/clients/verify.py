#!/usr/bin/env python3
"""What a record comes to, by its format alone: python3 verify.py RECORD.ndjson [CHECKPOINT]

One event is one line; its place is its `ledgerseq`, and the first is 1. The root is that of the Merkle tree over the lines'
bytes (RFC 6962, section 2.1). With a checkpoint (C2SP tlog-checkpoint: name, size, root in base64), the tree of that size
must have that root. Whether the checkpoint is signed, any program for C2SP signed-note says.
"""
import base64, hashlib, json, sys


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root(subtrees):
    # Over the roots of the complete subtrees, largest first.
    *left, (_, whole) = subtrees or [(0, sha256())]
    for _, subtree in reversed(left):
        whole = sha256(b"\x01", subtree, whole)
    return whole


size, wanted = 0, ""
if len(sys.argv) > 2:
    _, size, wanted = open(sys.argv[2], encoding="utf-8").read().split("\n")[:3]
subtrees, place = [], 0
for place, line in enumerate(open(sys.argv[1], "rb"), 1):
    line = line.rstrip(b"\n")
    if json.loads(line)["ledgerseq"] != str(place):
        sys.exit(f"line {place}: event {json.loads(line)['ledgerseq']} stands here")
    height, node = 0, sha256(b"\x00", line)
    while subtrees and subtrees[-1][0] == height:
        height, node = height + 1, sha256(b"\x01", subtrees.pop()[1], node)
    subtrees.append((height, node))
    if place == int(size) and base64.b64encode(root(subtrees)).decode() != wanted:
        sys.exit(f"one of the first {size} events is not what was signed")
if place < int(size):
    sys.exit(f"the record ends with event {place}, and {size} were signed")
print(f"size {place}\nroot {base64.b64encode(root(subtrees)).decode()}")
