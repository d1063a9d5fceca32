#!/usr/bin/env python3
"""Checks this pack with nothing but Python 3: every line of events.ndjson stands in the ledger whose checkpoint is
here, at the place that it names, and the checkpoint is signed with the key in the file `vkey` (or in --vkey: use the
one that you were given on another way). The formats are C2SP signed-note, tlog-checkpoint and tlog-proof, and the
tree is that of RFC 6962, so that other people's programs can check the same."""
import base64, hashlib, json, pathlib, sys

HERE = pathlib.Path(__file__).resolve().parent


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# Ed25519, as RFC 8032, section 5.1 has it.
P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def recover(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise ValueError("no point of the curve")
    return (P - x if x & 1 != sign else x), y


def point(data):
    number = int.from_bytes(data, "little")
    return recover(number & ((1 << 255) - 1), number >> 255)


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    e, f = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    g, h = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    i, j, k, l = f - e, h - g, h + g, f + e
    return i * j % P, k * l % P, j * k % P, i * l % P


def times(number, base):
    total, step = (0, 1, 1, 0), (base[0], base[1], 1, base[0] * base[1] % P)
    while number:
        total, step, number = add(total, step) if number & 1 else total, add(step, step), number >> 1
    return total


def signed(key, message, signature):
    try:
        r, a, s = point(signature[:32]), point(key), int.from_bytes(signature[32:], "little")
    except ValueError:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left = times(s, recover(4 * pow(5, P - 2, P) % P, 0))
    right = add((r[0], r[1], 1, r[0] * r[1] % P), times(h, a))
    same = (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0
    return len(signature) == 64 and s < Q and same


def opened(note, vkey):
    """The size and the root that a checkpoint names, if that key signed it."""
    name, number, key = vkey.strip().split("+", 2)
    key = base64.b64decode(key, validate=True)
    if key[0] != 1 or number != sha256(name.encode(), b"\n", key)[:4].hex():
        sys.exit("the key is not a signed-note key for Ed25519")
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    for line in signatures.splitlines():
        dash, who, signature = line.split(" ", 2)
        signature = base64.b64decode(signature, validate=True)
        if dash == "\u2014" and who == name and signature[:4].hex() == number:
            if signed(key[1:], text.encode(), signature[4:]):
                origin, size, root = text.split("\n")[:3]
                return origin, int(size), base64.b64decode(root, validate=True)
    sys.exit("the checkpoint is not signed with this key")


def included(leaf, index, size, path):
    """The root that a leaf and its path lead to (RFC 9162, section 2.1.3.2)."""
    node, last, path = leaf, size - 1, list(path)
    for hash in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = sha256(b"\x01", hash, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\x01", node, hash)
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


def main():
    vkey = sys.argv[2] if sys.argv[1:2] == ["--vkey"] else (HERE / "vkey").read_text().splitlines()[0]
    note = (HERE / "checkpoint").read_text(encoding="utf-8")
    origin, size, root = opened(note, vkey)
    places = []
    for line in (HERE / "events.ndjson").read_bytes().splitlines():
        place = int(json.loads(line)["ledgerseq"])
        proof = (HERE / "proofs" / f"{place}.tlog-proof").read_text(encoding="utf-8")
        head, its_note = proof.split("\n\n", 1)
        first, index, *path = head.split("\n")
        if first != "c2sp.org/tlog-proof@v1" or index != f"index {place - 1}" or its_note != note:
            sys.exit(f"event {place}: its proof is for something else")
        path = [base64.b64decode(hash, validate=True) for hash in path]
        if place > size or included(sha256(b"\x00", line), place - 1, size, path) != root:
            sys.exit(f"event {place}: it does not stand in the ledger like this")
        places.append(place)
    if not places:
        sys.exit("there are no events in this pack")
    whole = places == list(range(places[0], places[0] + len(places)))
    print(f"{len(places)} events stand in the ledger {origin}, as of its checkpoint at {size}")
    print(f"none is missing from {places[0]} to {places[-1]}" if whole else "they are a selection: others lie between")


main()
