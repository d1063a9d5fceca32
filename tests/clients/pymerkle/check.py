"""Gets {vkey, lines, checkpoint, proof, older, consistency} on standard input; prints {size, root} or why it is refused.

The tree is pymerkle's, made of the lines, and it checks that the event is in it; the Ed25519 signature is checked by cryptography. Only the texts are read here
(C2SP signed-note, tlog-checkpoint, tlog-proof): `proof` is the .tlog-proof of the event with the index that it names, and
`consistency` the hashes from the `older` checkpoint on.
"""

import base64
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymerkle import InmemoryTree, InvalidProof, verify_inclusion


def opened(note, vkey):
    """The size and the root of a checkpoint that this key signed."""
    name, key_id, key = vkey.split("+", 2)
    text, signatures = note.rsplit("\n\n", 1)
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature)
        if (dash, signer, signature[:4].hex()) == ("\u2014", name, key_id):
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])
            public.verify(signature[4:], (text + "\n").encode())
            origin, size, root = text.split("\n")[:3]
            assert origin == name, "the checkpoint is another log's"
            return int(size), base64.b64decode(root)
    raise AssertionError("this key did not sign it")


def consistent(pair, first, second, path, first_root, second_root):
    """RFC 9162, 2.1.4.2. (pymerkle's own proofs of consistency have other hashes in them than those of the RFC.)"""
    if first & (first - 1) == 0:
        path = [first_root, *path]
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not path:
        return False
    one = other = path[0]
    for hash in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            one, other = pair(hash, one), pair(hash, other)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            other = pair(other, hash)
        at, last = at >> 1, last >> 1
    return (one, other, last) == (first_root, second_root, 0)


def check(asked):
    tree = InmemoryTree(algorithm="sha256")
    leaves = [tree.append_entry(line.encode()) for line in asked["lines"]]
    size, root = opened(asked["checkpoint"], asked["vkey"])
    assert tree.get_root(size) == root, "the tree of the events is not what was signed"

    head, note = asked["proof"].split("\n\n", 1)
    version, index, *hashes = head.split("\n")
    number, at = int(index.removeprefix("index ")), opened(note, asked["vkey"])
    proof = tree.prove_inclusion(number + 1, at[0])
    # pymerkle's path begins with the leaf itself: ours takes the place of what follows.
    proof.path[1:] = [base64.b64decode(text) for text in hashes]
    verify_inclusion(tree.get_leaf(number + 1), at[1], proof, index=number + 1, size=at[0])

    before, then = opened(asked["older"], asked["vkey"])
    assert tree.get_root(before) == then, "what was signed before is not the beginning"
    path = [base64.b64decode(text) for text in asked["consistency"]]
    assert consistent(tree.hash_pair, before, size, path, then, root), "the proof of consistency is not good"
    return {"size": size, "root": base64.b64encode(root).decode(), "leaves": len(leaves)}


try:
    print(json.dumps(check(json.load(sys.stdin))))
except (AssertionError, InvalidProof) as why:
    sys.exit(str(why))
except InvalidSignature:
    sys.exit("the signature is not good")
