"""Check a proof of credit_eval with Python alone: python check_proof.py PROOF.json [the root that you wrote down]."""

import json
import sys
from hashlib import sha256
from pathlib import Path


def need(holds, why):
    """End with 1 and a word if something does not hold."""
    return holds or sys.exit(f"THE PROOF DOES NOT HOLD: {why}")


def walk(index, size, path, left, right=None):
    """The root above a leaf (RFC 6962, 2.1.1); with `right`, the two roots of a log that has grown (2.1.2)."""
    need(0 <= index < size, "no such place")
    last = size - 1
    while right and index % 2:  # both proofs go on from the largest whole subtree of the old log
        index, last = index // 2, last // 2
    for beside in map(bytes.fromhex, path):
        if index % 2 or index == last:
            left, right = (one and sha256(b"\1" + beside + one).digest() for one in (left, right))
            while index and index % 2 == 0:
                index, last = index // 2, last // 2
        else:
            new = sha256(b"\1" + (right or left) + beside).digest()
            left, right = (left, new) if right else (new, None)
        need(last > 0, "the path is too long")
        index, last = index // 2, last // 2
    need(last == 0, "the path is too short")
    return [left.hex(), right and right.hex()]


proof = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
if "record" in proof:
    record, entry = (sha256(b"\0" + proof[name].encode()).digest() for name in ("record", "entry"))
    batch, told = json.loads(proof["entry"]), proof["record"]
    need(walk(proof["index"], batch["rows"], proof["path"], record)[0] == batch["root"], "not in this batch")
    known = root = walk(proof["place"], proof["log_size"], proof["log_path"], entry)[0]
else:
    old, path = proof["old_size"], proof["path"]
    path = path if old & (old - 1) else [proof["old_root"], *path]
    known, root = walk(old - 1, proof["log_size"], path[1:], *2 * [bytes.fromhex(path[0])])
    need(known == proof["old_root"], "the log did not only grow")
    told = f"the first {old} entries are what they were under the root {known}"
need(root == proof["log_root"], "not under this root of the log")
need(sys.argv[2:] in ([], [known]), "the log is not the one whose root you wrote down")
print(f"the proof holds: {told}, under the root {root} of {proof['log_size']} entries")
