"""What is wrong with a column as something to learn from: it is constant, an identifier, or it knows the label.

A column that nearly tells the label by itself was most likely written after it: what was recovered, a status that a
default set, the date of a letter. Two signs are looked at, over bands of a number (ties together) or values of a
category, what is missing being a band too: how well the bands, sorted by their share of bads, rank (AUC); and whether
one band that is no small one holds bads and next to nothing else.

>>> auc_of_bands([(50, 0), (50, 50)]), auc_of_bands([(10, 5), (10, 5)])
(1.0, 0.5)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from credit_eval.core.errors import SourceError
from credit_eval.ingest.flat_table import Flat
from credit_eval.schema.duckdb import DuckDB, Relation, parquet, select
from credit_eval.schema.flat import FlatColumn

#: A column that ranks the label so well alone is taken for a leak: behaviour of months does not come near.
LEAK_AUC = 0.95
#: Of a band that is no small one (so many rows, such a share of all bads) such a share being bad is one, too.
PURE, PURE_ROWS, PURE_BADS = 0.99, 30, 0.10
#: Most bands of a number; rows that a band, or a value of a category, needs to be looked at by itself; and goods and
#: bads without which nothing is seen.
BANDS, FEW, FEWEST = 50, 20, 20
#: Whole numbers that are all different, so many of them, are taken for identifiers; fewer where they are dense.
MANY_IDS, FEW_IDS = 1_000, 100
#: A category of which so large a share of values occurs once is none.
OWN_VALUES = 0.5


@dataclass(frozen=True)
class Seen:
    """What was seen of a column: rows with a value, different values, whether they are whole and how far apart, and per
    band rows and bads (none without labels)."""

    rows: int
    known: int
    distinct: int
    whole: bool
    span: float
    bands: tuple[tuple[int, int], ...] = ()

    @property
    def constant(self) -> bool:
        """Whether all rows say the same, or nothing."""
        return self.distinct == 0 or (self.distinct == 1 and self.known == self.rows)

    @property
    def identifier(self) -> bool:
        """Whether values are names of rows rather than facts about them."""
        if not self.whole:
            return False
        dense = self.known >= FEW_IDS and self.span < 2 * self.known
        return self.distinct == self.known and (dense or self.known >= MANY_IDS)

    @property
    def names(self) -> bool:
        """Whether the values of a category are names of rows."""
        return self.known >= FEW_IDS and self.distinct > OWN_VALUES * self.known

    @property
    def leak(self) -> str:
        """Why it is taken to know the label, in words; empty where it is not."""
        n_known, bads = (sum(band) for band in zip(*self.bands, strict=True)) if self.bands else (0, 0)
        if min(bads, n_known - bads) < FEWEST:
            return ""
        auc = auc_of_bands(self.bands)
        if auc >= LEAK_AUC:
            return f"it ranks the label by itself, AUC {auc:.3f}"
        for n, bad in self.bands:
            if n >= PURE_ROWS and bad >= PURE * n and bad >= PURE_BADS * bads:
                return f"{bad:,} of {n:,} rows of one of its values are bad"
        return ""


def auc_of_bands(bands: Sequence[tuple[int, int]]) -> float:
    """AUC of bands (rows, bads), sorted by their share of bads: how often a bad is in a worse band than a good."""
    goods, bads = sum(n - bad for n, bad in bands), sum(bad for _, bad in bands)
    if not goods or not bads:
        return 0.5
    ahead, below = 0.0, 0
    for n, bad in sorted(bands, key=lambda band: band[1] / band[0]):
        ahead += bad * (below + (n - bad) / 2)
        below += n - bad
    return ahead / (goods * bads)


def seen_of(engine: DuckDB, rows: Relation, column: str, *, number: bool, label: str = "") -> Seen:
    """Look at a column.

    Args:
        engine: that reads it.
        rows: of the flat table.
        column: as SQL names it.
        number: it holds numbers; else texts.
        label: SQL of whether a row is bad, NULL where unknown; empty where there are no labels.

    Returns:
        what was seen.
    """
    whole = f"coalesce(bool_and({column} = round({column})), false)" if number else "false"
    span = f"coalesce(max({column}) - min({column}), 0)" if number else "0"
    ((n, known, distinct, is_whole, wide),) = engine.rows(
        f"SELECT count(*), count({column}), count(DISTINCT {column}), {whole}, {span} FROM {rows}"
    )
    bands: tuple[tuple[int, int], ...] = ()
    if label:
        bands_of_number = max(min(BANDS, int(n) // FEW), 1)
        ranked = f"floor(least(percent_rank() OVER (ORDER BY {column}), 0.9999) * {bands_of_number})"
        large = f"count(*) OVER (PARTITION BY {column}) >= {FEW}"
        band = (
            f"CASE WHEN {column} IS NOT NULL THEN {ranked} END"
            if number
            else f"CASE WHEN {large} THEN {column} ELSE '' END"
        )
        found = engine.rows(
            f"SELECT count(*), count(*) FILTER (bad) FROM (SELECT {band} AS band, {label} AS bad FROM {rows} "
            f"WHERE ({label}) IS NOT NULL) GROUP BY band"
        )
        bands = tuple((int(n), int(bad)) for n, bad in found)
    return Seen(int(n), int(known), int(distinct), bool(is_whole), float(wide), bands)


def check_flat(engine: DuckDB, flat: Flat, building: Path) -> None:
    """Refuse columns that nothing honest can be learnt from, and labels that were known too early.

    Raises:
        SourceError: with everything that was found.
    """
    if flat.outcomes is None:
        return
    outcomes = parquet(building / "outcomes.parquet")
    if flat.goods_known_early:
        expected = "a good is known to be one only when window_days have passed"
        _check_matured(engine, outcomes, flat.goods_known_early, expected)
    if flat.immature:
        expected = "labels of rows whose window_days had passed by known_until: of the others only bads could be known"
        _check_matured(engine, outcomes, flat.immature, expected)
    engine.run(
        f"CREATE TEMP TABLE looked_at AS SELECT f.*, o.defaulted FROM {parquet(building / 'flat.parquet')} f "
        f"JOIN {outcomes} o USING (customer_id, as_of)"
    )
    rows = select("SELECT * FROM looked_at")
    found = [finding for column in flat.columns for finding in _findings(engine, rows, column)]
    engine.run("DROP TABLE looked_at")
    if found:
        raise SourceError(
            f"{len(found)} columns of `profiles` are not to be learnt from",
            expected="facts known at as_of, which differ from row to row",
            received="; ".join(found),
            todo="leave them out of `columns`; one that you vouch for gets `trusted: WHY`",
        )


def _findings(engine: DuckDB, rows: Relation, column: FlatColumn) -> Iterator[str]:
    if column.trusted or column.lawful == "audit_only":
        return
    number = column.type != "category"
    value = f"epoch({column.name}) / 86400" if column.type == "date" else column.name
    seen = seen_of(engine, rows, f"({value})", number=number, label="defaulted")
    if seen.constant:
        yield f"{column.name} is the same in every row"
    elif column.type != "date" and (seen.identifier if number else seen.names):
        yield f"{column.name} looks like an identifier: {seen.distinct:,} different values in {seen.known:,} rows"
    elif seen.leak:
        yield f"{column.name} may be a leak: {seen.leak}"


def _check_matured(engine: DuckDB, outcomes: Relation, early: str, expected: str) -> None:
    of = f"FROM {outcomes} WHERE {early}"
    if n := int(engine.scalar(f"SELECT count(*) {of}")):
        rows = engine.rows(f"SELECT customer_id {of} ORDER BY customer_id LIMIT 3")
        raise SourceError(
            "labels were known before their windows ended",
            expected=expected,
            rows=[str(row[0]) for row in rows],
            n_rows=n,
            todo="leave these labels empty until then, or correct known_at, known_until or window_days",
        )
