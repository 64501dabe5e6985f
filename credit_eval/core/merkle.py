"""Merkle trees as RFC 6962 has them: one hash for any number of records, and short proofs of what stands under it.

    hash of a leaf = SHA-256(0x00 | record)        hash of a node = SHA-256(0x01 | left | right)

The left subtree of n leaves holds the largest power of two below n. So neighbours can be joined level by level, a last
one without a neighbour goes up as it is, and every 2^k leaves from a multiple of 2^k on are a subtree of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

Hash = bytes


def leaf(record: bytes) -> Hash:
    """Hash of a record as a leaf."""
    return sha256(b"\x00" + record).digest()


def node(left: Hash, right: Hash) -> Hash:
    """Hash of two subtrees side by side."""
    return sha256(b"\x01" + left + right).digest()


def root(hashes: Sequence[Hash]) -> Hash:
    """Root over leaves, or over the roots of subtrees of equal size of which only the last may hold fewer leaves.

    >>> root([]).hex()[:8], root([leaf(b"a")]) == leaf(b"a")
    ('e3b0c442', True)
    """
    if not hashes:
        return sha256(b"").digest()
    level = list(hashes)
    while len(level) > 1:
        level = _joined(level)
    return level[0]


def subtrees(leaves: Sequence[Hash], size: int) -> list[Hash]:
    """Roots of subtrees of `size` leaves, a power of two; the last may hold fewer."""
    return [root(leaves[start : start + size]) for start in range(0, len(leaves), size)]


def path(hashes: Sequence[Hash], index: int) -> list[Hash]:
    """Audit path of one of them: the neighbours on the way to the root, lowest first (RFC 6962, 2.1.1)."""
    found: list[Hash] = []
    level = list(hashes)
    while len(level) > 1:
        if (beside := index ^ 1) < len(level):
            found.append(level[beside])
        level, index = _joined(level), index // 2
    return found


def consistency(leaves: Sequence[Hash], old: int) -> list[Hash]:
    """Proof that the first `old` leaves are still what they were in a tree that has grown (RFC 6962, 2.1.2).

    Args:
        leaves: all of them now, at least `old`.
        old: how many there were, at least 1.
    """
    return _subproof(leaves, old, whole=True)


def _subproof(leaves: Sequence[Hash], old: int, *, whole: bool) -> list[Hash]:
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*_subproof(leaves[:split], old, whole=whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], old - split, whole=False), root(leaves[:split])]


def root_of_path(found: Hash, index: int, size: int, neighbours: Iterable[Hash]) -> Hash | None:
    """The root to which an audit path leads from a leaf's hash; None if it is no path of a tree of this size."""
    if not 0 <= index < size:
        return None
    last = size - 1
    for beside in neighbours:
        if last == 0:
            return None
        if index & 1 or index == last:
            found = node(beside, found)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = node(found, beside)
        index, last = index >> 1, last >> 1
    return found if last == 0 else None


class Growing:
    """The root of a tree to which leaves are added one by one."""

    def __init__(self) -> None:
        self._peaks: list[tuple[int, Hash]] = []  # whole subtrees from left to right: leaves, root

    def add(self, found: Hash) -> None:
        """Add a leaf's hash."""
        size = 1
        while self._peaks and self._peaks[-1][0] == size:
            before, left = self._peaks.pop()
            found, size = node(left, found), size + before
        self._peaks.append((size, found))

    @property
    def root(self) -> Hash:
        """The root over all leaves so far."""
        if not self._peaks:
            return root([])
        found = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            found = node(left, found)
        return found


def _joined(level: Sequence[Hash]) -> list[Hash]:
    pairs = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + ([level[-1]] if len(level) % 2 else [])
