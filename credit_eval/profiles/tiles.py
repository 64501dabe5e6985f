"""Day tiles on disk: written once per file of events, read by every snapshot at a midnight.

    data/tiles/<dataset>/<hash of an event file>/<table>-<clock>/
        days-<hash of its columns>.parquet     a column per partial, sorted by (customer_id, day, known)
        values-<hash of the declaration>.parquet

A file says by its columns' names which declarations it answers: a changed feature finds no column and is tiled anew,
an unchanged one is not. An appended day of events is a file of its own, and so are its tiles; a late event in it
brings tiles of older days that only later snapshots see, and no file is ever changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq

from credit_eval.events.engines.columns import Array, Numbers, numbers
from credit_eval.events.engines.plan import Stream
from credit_eval.events.engines.rows import Rows
from credit_eval.events.engines.snapshot import Cohort, Feed, Read, in_order, later, of_customers
from credit_eval.events.engines.tiles import (
    DayTiles,
    ValueTiles,
    is_valued,
    partials_of,
    tilings,
    value_tile,
)
from credit_eval.events.query import Aggregate
from credit_eval.events.store import Dataset
from credit_eval.features.language import Catalogue


def tile_feeds(dataset: Dataset, catalogue: Catalogue, root: Path) -> list[Feed]:
    """Feeds from the tiles that are there for every file of the data; what they lack is left to the events."""
    provided, _ = catalogue.available(dataset.info)
    feeds: list[Feed] = []
    for tiling in tilings(provided.measures.values()):
        places = [
            tiles_of(dataset, path, tiling.wanted.stream, root) for path in dataset.paths(tiling.wanted.stream.table)
        ]
        found = [(files, a) for a in tiling.wanted.aggregates if (files := tuple(answering(p, a) for p in places))]
        complete = [(files, a) for files, a in found if None not in files]
        for files, group in groupby(sorted(complete, key=repr), key=lambda one: one[0]):
            aggregates = tuple(aggregate for _, aggregate in group)
            paths = [file for file in files if file]
            feeds.append(ValueFeed(paths, aggregates) if is_valued(aggregates[0]) else DayFeed(paths, aggregates))
    return feeds


def tiles_of(dataset: Dataset, source: Path, stream: Stream, root: Path) -> Path:
    """Where the tiles of one file of events lie."""
    name = source.relative_to(dataset.root).as_posix()
    return root / dataset.info.hashes[name][:16] / f"{stream.table}-{stream.clock}"


def answering(place: Path, of: Aggregate) -> Path | None:
    """The file of tiles that answers an aggregate."""
    if is_valued(of):
        path = place / f"{value_tile(of)}.parquet"
        return path if path.exists() else None
    needed = {partial.column for partial in partials_of(of)}
    return next((p for p in sorted(place.glob("days-*.parquet")) if needed <= set(pq.read_schema(p).names)), None)


class DayFeed:
    """Day tiles of some files (one per file of events), for aggregates they all answer."""

    paired = False

    def __init__(self, files: Sequence[Path], aggregates: Sequence[Aggregate]) -> None:
        self.aggregates, self._files = aggregates, files
        self._partials = sorted({p for a in aggregates for p in partials_of(a)}, key=lambda p: p.column)

    def rows(self, read: Read, cohort: Cohort) -> Rows:
        """The tiles of a range's customers."""
        group, day, known, columns = _fetch(read, cohort, self._files, [p.column for p in self._partials])
        return in_order(DayTiles(group, day, known, {}, {}, partials={p: columns[p.column] for p in self._partials}))


class ValueFeed:
    """Value tiles of some files, for the aggregates of one condition and value."""

    paired = False

    def __init__(self, files: Sequence[Path], aggregates: Sequence[Aggregate]) -> None:
        self.aggregates, self._files = aggregates, files

    def rows(self, read: Read, cohort: Cohort) -> Rows:
        """The tiles of a range's customers."""
        group, day, known, columns = _fetch(read, cohort, self._files, ["value", "n"])
        value = self.aggregates[0].value
        assert value is not None  # only valued aggregates have value tiles
        return in_order(ValueTiles(group, day, known, {}, {value: columns["value"]}, n=columns["n"].whole))


def _fetch(
    read: Read, cohort: Cohort, files: Sequence[Path], columns: Sequence[str]
) -> tuple[Array, Array, Array | None, dict[str, Numbers]]:
    """Group, day, known and the columns of a range's tiles."""
    group, table = of_customers(read(files, ["customer_id", "day", "known", *columns]), cohort.customers)
    day, known = (numbers(table[name]).whole for name in ("day", "known"))
    return group, day, later(known, day), {name: numbers(table[name]) for name in columns}
