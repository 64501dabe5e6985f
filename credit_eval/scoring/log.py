"""The log of the ledger, one entry each, in order, for ever: every batch of decisions, every move of a champion, and
everything that people say of decisions: opinions, overrides and what second persons say of them, appeals and answers.

An entry is canonical JSON. The entries of a data set are the leaves of a Merkle tree that only grows, and each names
the root of the tree before it (`log_root`). So who once wrote down a head, the size and the root, can be shown later
that what stood under it then stands under it still (`consistency`), and any decision can be led to it:

    decision -> root of its batch -> entry of the batch -> head of the log

This is what a block chain would promise, records that nobody can change unseen and anybody can check, without a chain:
it takes somebody else who keeps a head, such as an auditor, a regulator, or a newspaper.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from credit_eval.core.canonical import canonical
from credit_eval.core.errors import IntegrityError
from credit_eval.core.merkle import Growing, Hash, leaf, root

#: Kinds of entries.
BATCH, MOVE = "batch", "champion"


@dataclass(frozen=True)
class Head:
    """What the log of a data set comes to: how many entries, and the root of the tree over them."""

    size: int
    root: str

    def __str__(self) -> str:
        return f"{self.size} {self.root}"

    @classmethod
    def read(cls, text: str) -> Head:
        """A head as `str` writes it."""
        size, _, root = text.partition(" ")
        return cls(int(size), root)


@dataclass(frozen=True)
class Log:
    """The entries of a data set's log, canonical JSON, in order."""

    dataset: str
    entries: tuple[str, ...] = ()

    @property
    def leaves(self) -> list[Hash]:
        """Hashes of the entries."""
        return [leaf(entry.encode()) for entry in self.entries]

    @property
    def head(self) -> Head:
        """Size and root."""
        return self.head_at(len(self.entries))

    def head_at(self, size: int) -> Head:
        """Size and root when there were so many entries."""
        return Head(size, root(self.leaves[:size]).hex())

    def head_of(self, manifest: str) -> Head:
        """Size and root once the batch with this manifest was recorded.

        Raises:
            IntegrityError: the log holds no such batch, though the ledger recorded the run; or it was changed.
        """
        place = self.batches().get(manifest)
        if place is None:
            raise IntegrityError(
                f"the ledger recorded a run of {self.dataset} that its log does not hold",
                expected=f"an entry with the manifest {manifest[:12]}…",
                todo="score it anew with --replace, and find out who changed the ledger",
            )
        return self.head_at(place + 1)

    def next(self, kind: str, content: Mapping[str, object]) -> str:
        """The entry that would follow."""
        at = {"dataset": self.dataset, "kind": kind, "place": len(self.entries), "log_root": self.head.root}
        return canonical(dict(content) | at)

    def with_(self, kind: str, content: Mapping[str, object]) -> Log:
        """The log with one more entry."""
        return Log(self.dataset, (*self.entries, self.next(kind, content)))

    def batches(self) -> dict[str, int]:
        """By the hash of a batch's manifest the place of its entry.

        Raises:
            IntegrityError: as `read`.
        """
        return {str(said["manifest"]): int(said["place"]) for said in self.read() if said["kind"] == BATCH}

    def read(self) -> list[dict[str, Any]]:
        """What the entries say, in order.

        Raises:
            IntegrityError: one was changed, left out or put in between: it does not name the root before it.
        """
        found: list[dict[str, Any]] = []
        tree = Growing()
        for place, text in enumerate(self.entries):
            try:
                said = json.loads(text)
                whole = canonical(said) == text and said["place"] == place and said["dataset"] == self.dataset
                named = said["log_root"] == tree.root.hex()
            except (ValueError, KeyError, TypeError):
                whole = named = False
            if not (whole and named):
                raise IntegrityError(
                    f"entry {place} of the log of {self.dataset} is not what was written, or one before it is missing",
                    expected="the root of the entries before it",
                    todo="put back the ledger as it was, and find out who changed it",
                )
            found.append(said)
            tree.add(leaf(text.encode()))
        return found


def check_grown(log: Log, old: Sequence[Head]) -> None:
    """Hold a log against heads that were written down elsewhere.

    Raises:
        IntegrityError: entries are missing, or are others than they were.
    """
    for head in old:
        if head.size > len(log.entries) or log.head_at(head.size) != head:
            raise IntegrityError(
                f"the log of {log.dataset} is not the one that had the head {head.root[:12]}… of {head.size:,} entries",
                expected="a log that only grew",
                received=f"{len(log.entries):,} entries, head {log.head.root[:12]}…",
                todo="put back the ledger as it was, and find out who changed it",
            )
