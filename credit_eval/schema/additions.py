"""What rows that come later must satisfy: they add to a data set, and change nothing that a profile may have read.

A data set is complete up to `known_until`: whatever was known strictly before may be in a profile somewhere. So a row
that comes later must be known at or after it, and its key must be new. When it *occurred* does not matter: an order of
last week that arrives tonight is known tonight.

One thing may be said again: a row with columns that are revealed later (`Reveal`), a schedule line above all. It is
drawn up once and paid once, and the row that says so replaces the row that did not yet, as long as

- everything else in it is as it was;
- nothing of what it reveals could be known before `known_until`, of the row as it was and as it is now.

Then at any `as_of` up to `known_until` the old row and the new one read the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from credit_eval.schema.duckdb import Relation, select
from credit_eval.schema.rules import SOURCE_FILE, SOURCE_ROW, Rule, Shape, finished_row
from credit_eval.schema.tables import TABLES, Reveal

_WHERE = f"{SOURCE_FILE}, {SOURCE_ROW}"

#: A rule, and a SELECT of the rows that break it: source_file, source_row, received.
Finding = tuple[Rule, str]


@dataclass(frozen=True)
class Stored:
    """What a data set holds, per shape: all that was known before `known_until`."""

    known_until: datetime
    relations: Mapping[str, Relation]


def later_reveal(shape: Shape, columns: Collection[str]) -> Reveal | None:
    """What rows of the shape reveal later, if these columns of it do: such rows may be said again."""
    reveals = TABLES[shape.name].reveals if shape.name in TABLES else ()
    return next((reveal for reveal in reveals if reveal.by in columns), None)


def of_held_keys(shape: Shape, rows: Relation, stored: Relation) -> Relation:
    """The stored rows whose keys are among `rows`: small, however much is stored."""
    key = ", ".join(shape.key)
    return select(f"SELECT * FROM {stored} SEMI JOIN (SELECT {key} FROM {rows}) USING ({key})")


def addition_rules(
    shape: Shape, given: Collection[str], good: Callable[[], Relation], stored: Stored
) -> Iterator[Finding]:
    """What the rows of a shape may break as additions, one sieve after the other.

    `good` gives the cast rows that passed all sieves up to now.
    """
    columns = [column.name for column in shape.written(given)]
    held = stored.relations.get(shape.name)
    reveal = later_reveal(shape, columns)
    addition = _Addition(shape, given, good, stored.known_until, held)
    if "known_at" in columns:
        yield addition.too_early(but_held=reveal is not None)
    if held is not None and reveal is not None:
        yield addition.changed([name for name in columns if name not in (*reveal.columns, *shape.key)])
        yield addition.told(reveal)
        yield addition.revealed_too_early(reveal)
    elif held is not None and shape.key:
        yield addition.held()


@dataclass(frozen=True)
class _Addition:
    """Rows that come later, beside those held."""

    shape: Shape
    given: Collection[str]
    good: Callable[[], Relation]
    known_until: datetime
    stored: Relation | None

    def too_early(self, *, but_held: bool) -> Finding:
        """Rows known before `known_until`; with `but_held`, those said again are not meant."""
        column = "known_at" if "known_at" in self.given else dict(self.shape.defaults)["known_at"]
        rule = Rule(
            column,
            "is before the data set ends",
            f"a row known at {self.known_until} or later, as profiles may have been made of everything before; for an "
            "event that occurred earlier and arrived late, give the time of its arrival as known_at",
            "",
        )
        anew = f"ANTI JOIN {self._held()} USING ({self._key})" if but_held and self.stored else ""
        early = f"known_at < {self._end}"
        return rule, f"SELECT {_WHERE}, {column}::VARCHAR AS received FROM {self._rows()} {anew} WHERE {early}"

    def held(self) -> Finding:
        """Rows whose key is there already."""
        rule = Rule(self.shape.key[0], "repeats a key of the data set", f"a new {self._key}", "")
        shown = f"concat_ws(', ', {', '.join(_named(column) for column in self.shape.key)})"
        found = f"{self._rows()} SEMI JOIN {self._held()} USING ({self._key})"
        return rule, f"SELECT {_WHERE}, {shown} AS received FROM {found}"

    def changed(self, fixed: Collection[str]) -> Finding:
        """Rows said again with something else in them than what was there."""
        rule = Rule(
            self.shape.key[-1],
            "names a row that is there, and changes what was known of it",
            f"{', '.join(fixed)} as they were",
            "",
        )
        differ = {column: f"r.{column} IS DISTINCT FROM s.{column}" for column in fixed}
        told = ", ".join(
            f"CASE WHEN {unlike} THEN '{column}=' || coalesce(r.{column}::VARCHAR, '') || ' instead of ' || "
            f"coalesce(s.{column}::VARCHAR, 'nothing') END"
            for column, unlike in differ.items()
        )
        return rule, self._again(f"concat_ws(', ', {told})", " OR ".join(differ.values()))

    def told(self, reveal: Reveal) -> Finding:
        """Rows said again of which everything was known."""
        rule = Rule(
            self.shape.key[-1],
            f"names a row whose {reveal.by} is before the data set ends",
            "rows of which nothing more was known: what was revealed once stays",
            "",
        )
        shown = f"concat_ws(', ', {', '.join(_named(column, 'r') for column in self.shape.key)})"
        return rule, self._again(shown, f"s.{reveal.by} < {self._end}")

    def revealed_too_early(self, reveal: Reveal) -> Finding:
        """Rows said again that reveal nothing, or something that would have been known before `known_until`."""
        rule = Rule(
            reveal.by,
            "is missing, or before the data set ends, in a row that is there already",
            f"{reveal.by} at {self.known_until} or later: say when it became known",
            "",
        )
        return rule, self._again(f"r.{reveal.by}::VARCHAR", f"r.{reveal.by} IS NULL OR r.{reveal.by} < {self._end}")

    def _again(self, received: str, broken: str) -> str:
        pairs = f"{self._rows()} r JOIN {self._held()} s USING ({self._key})"
        return f"SELECT r.{SOURCE_FILE}, r.{SOURCE_ROW}, {received} AS received FROM {pairs} WHERE {broken}"

    def _rows(self) -> Relation:
        """The rows as they would be stored, beside where they come from."""
        return select(f"SELECT {_WHERE}, {finished_row(self.shape, self.given)} FROM {self.good()}")

    def _held(self) -> Relation:
        assert self.stored is not None
        return of_held_keys(self.shape, self._rows(), self.stored)

    @property
    def _key(self) -> str:
        return ", ".join(self.shape.key)

    @property
    def _end(self) -> str:
        return f"TIMESTAMP '{self.known_until}'"


def _named(column: str, row: str = "") -> str:
    return f"'{column}=' || {row + '.' if row else ''}{column}::VARCHAR"
