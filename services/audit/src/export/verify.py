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
    try:
        name, number, key = vkey.strip().split("+", 2)
        key = base64.b64decode(key, validate=True)
    except ValueError:
        name, number, key = "", "", b""
    if len(key) != 33 or key[0] != 1 or number != sha256(name.encode(), b"\n", key)[:4].hex():
        sys.exit("the key is not a signed-note key for Ed25519")
    try:
        text, signatures = note.rsplit("\n\n", 1)
        text += "\n"
        for line in signatures.splitlines():
            dash, who, signature = line.split(" ", 2)
            signature = base64.b64decode(signature, validate=True)
            if dash == "\u2014" and who == name and signature[:4].hex() == number:
                if signed(key[1:], text.encode(), signature[4:]):
                    origin, size, root = text.split("\n")[:3]
                    return origin, int(size), base64.b64decode(root, validate=True)
    except ValueError:
        sys.exit("the checkpoint cannot be read")
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


def read(path, missing):
    try:
        return path.read_bytes().decode()
    except (OSError, ValueError):
        sys.exit(missing)


def proved(line, size, root, note):
    """The place of an event that stands in the ledger."""
    try:
        place = int(json.loads(line)["ledgerseq"])
    except (ValueError, KeyError, TypeError):
        sys.exit("there is a line that is no event")
    proof = read(HERE / "proofs" / f"{place}.tlog-proof", f"event {place}: its proof is not here")
    try:
        head, its_note = proof.split("\n\n", 1)
        first, index, *path = head.split("\n")
        path = [base64.b64decode(hash, validate=True) for hash in path]
    except ValueError:
        sys.exit(f"event {place}: its proof cannot be read")
    if first != "c2sp.org/tlog-proof@v1" or index != f"index {place - 1}" or its_note != note:
        sys.exit(f"event {place}: its proof is for something else")
    if place > size or included(sha256(b"\x00", line.encode()), place - 1, size, path) != root:
        sys.exit(f"event {place}: it does not stand in the ledger like this")
    return place


def main():
    own = not sys.argv[1:]
    if not own and (sys.argv[1] != "--vkey" or len(sys.argv) != 3):
        print("usage: verify.py [--vkey KEY]", file=sys.stderr)
        sys.exit(2)
    vkey = read(HERE / "vkey", "there is no key here").split("\n")[0] if own else sys.argv[2]
    note = read(HERE / "checkpoint", "there is no checkpoint here")
    origin, size, root = opened(note, vkey)
    lines = read(HERE / "events.ndjson", "the events are not here, or are no text").split("\n")
    places = [proved(line, size, root, note) for line in lines if line]
    proofs = {path.name.split(".")[0] for path in (HERE / "proofs").glob("*.tlog-proof")}
    for place in sorted(proofs - set(map(str, places))):
        sys.exit(f"event {place}: its proof is here, and the event is not")
    if not places:
        sys.exit("there are no events in this pack")
    whole = places == list(range(places[0], places[0] + len(places)))
    print(f"{len(places)} events stand in the ledger {origin}, as of its checkpoint at {size}")
    print(f"none is missing from {places[0]} to {places[-1]}" if whole else "they are a selection: others lie between")
    if own:
        print("the key is the pack's own: whether it is the server's is for you to find out (--vkey KEY)")


main()
