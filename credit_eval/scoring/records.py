"""Decisions as records under a Merkle tree, so that any of them can be proved to stand in its batch.

A record is a row of the scored file as canonical JSON (`core.canonical`), with all its columns. Records are the leaves
of the batch's tree in the order of the file. Beside the file lies

    records.merkle      roots of subtrees of 256 records, 32 bytes each, in order

so that a proof reads 256 records and no million; its root stands in the manifest, and in the log of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.core.canonical import records
from credit_eval.core.errors import IntegrityError
from credit_eval.core.merkle import Hash, leaf, path, root, subtrees

TREE = "records.merkle"
#: Records of a subtree whose root is kept; a power of two.
SUBTREE = 256
_HASH_BYTES = 32
#: Rows whose records are made at once.
_AT_ONCE = 16_384


@dataclass(frozen=True)
class Proved:
    """A record, its place in the batch, and the way from its hash to the batch's root."""

    record: str
    index: int
    size: int
    path: tuple[Hash, ...]


def leaf_hashes(table: pa.Table) -> list[Hash]:
    """Hashes of the records of a table, in its order."""
    return [leaf(record) for batch in _some(table) for record in records(batch)]


def write_tree(folder: Path, leaves: Sequence[Hash]) -> dict[str, object]:
    """Write the tree of a batch; returns its root and size, for the manifest."""
    found = subtrees(leaves, SUBTREE)
    (folder / TREE).write_bytes(b"".join(found))
    return {"root": root(found).hex(), "size": len(leaves)}


def check_tree(folder: Path, parts: Sequence[Path], tree: dict[str, Any], called: str) -> None:
    """Make all records of a batch anew and hold them against its root.

    Raises:
        IntegrityError: records or subtrees are others than those that were sealed.
    """
    leaves = [one for part in parts for one in leaf_hashes(pq.read_table(part))]
    found = subtrees(leaves, SUBTREE)
    if (root(found).hex(), len(leaves)) != (tree["root"], tree["size"]) or found != read_tree(folder, called):
        raise _other(called)


def read_tree(folder: Path, called: str) -> list[Hash]:
    """Roots of the subtrees of a batch.

    Raises:
        IntegrityError: there are none.
    """
    try:
        content = (folder / TREE).read_bytes()
    except FileNotFoundError:
        raise _other(called) from None
    return [content[at : at + _HASH_BYTES] for at in range(0, len(content), _HASH_BYTES)]


def prove_record(folder: Path, parts: Sequence[Path], tree: dict[str, Any], index: int, called: str) -> Proved:
    """The record of a row, and the way to the root of its batch; as many rows are read as a group and a subtree hold.

    Raises:
        IntegrityError: the rows or the tree are others than those that were sealed.
    """
    kept, first = read_tree(folder, called), index // SUBTREE * SUBTREE
    made = [record for some in rows(parts, first, min(SUBTREE, tree["size"] - first)) for record in records(some)]
    leaves = [leaf(record) for record in made]
    if root(kept).hex() != tree["root"] or root(leaves) != kept[first // SUBTREE]:
        raise _other(called)
    way = (*path(leaves, index - first), *path(kept, index // SUBTREE))
    return Proved(made[index - first].decode(), index, tree["size"], way)


def rows(parts: Sequence[Path], first: int, n: int, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Rows `first` to `first + n` of files that follow each other, of whose groups no other is read."""
    before = 0
    for part in parts:
        file = pq.ParquetFile(part)
        for group in range(file.num_row_groups):
            there = file.metadata.row_group(group).num_rows
            start, stop = max(first - before, 0), min(first + n - before, there)
            if start < stop:
                yield file.read_row_group(group, columns=columns).slice(start, stop - start)
            before += there


def _some(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, len(table), _AT_ONCE):
        yield table.slice(start, _AT_ONCE)


def _other(called: str) -> IntegrityError:
    return IntegrityError(
        f"the decisions of {called} are not those that were sealed",
        expected=f"the root of the Merkle tree in the manifest, and {TREE} beside it",
        todo="put the files back as they were, and find out who changed them",
    )
