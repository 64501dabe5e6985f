"""What a row must satisfy, derived from the declared tables: the casts, and predicates true of a *bad* row.

Whatever a source brings is read as text first and cast here, so that a Parquet file, a CSV file and a frame
are held to one meaning:

- text: as it stands but for blanks and invisible characters at its ends; an empty text is a missing one; an identifier
  in scientific notation (1.23457E+17) is refused, as a spreadsheet made one of many;
- int: a whole number (`30.0` is one, `3.7` is not and is never rounded);
- number: a finite one, as a double;
- decimal: a finite number of at most 10^12 in size (`nan` and `inf` are no numbers), of at most two decimals unless
  somebody said that amounts are rounded (half up);
- timestamp: ISO 8601, from 1900 until 2199 (a year 19 is a two-digit year read wrongly). A zone in the text wins and is
  applied once: an offset, Z, UTC, GMT or an area with a slash; other letters are refused (CST is China's and
  Chicago's). A time without one is by the zone that somebody said, else UTC; but where nobody said, a column in
  which some times have one and some do not is refused. So is a time in an hour that clocks skipped or repeated,
  unless somebody said how to read it;
- bool: true/false, t/f, yes/no, y/n, 1/0, 1.0/0.0, in small letters or capitals.

>>> [rule.expected for rule in row_rules(shape_of(TABLES["customers"]), ["kyc_level"])]
['a whole number', 'kyc_level >= 0']
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from credit_eval.core.zones import zone_named
from credit_eval.schema.duckdb import Relation, select
from credit_eval.schema.flat import FLAT, FlatColumn, FlatType
from credit_eval.schema.tables import (
    COMMON,
    DEFAULTS,
    LARGEST_AMOUNT,
    REFERENCES,
    TABLES,
    Column,
    NotBelow,
    Table,
    Type,
)

#: Columns that say where a row comes from: the file's name, and the row as a spreadsheet counts it.
SOURCE_FILE, SOURCE_ROW = "source_file", "source_row"

SQL_TYPES: dict[Type, str] = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "decimal": "DECIMAL(18,2)",
    "number": "DOUBLE",
    "timestamp": "TIMESTAMP",
    "bool": "BOOLEAN",
}

_EXPECTED_TYPES: dict[Type, str] = {
    "text": "text",
    "int": "a whole number",
    "decimal": f"a finite number of at most {LARGEST_AMOUNT:,}",
    "number": "a finite number",
    "timestamp": "a time such as 2026-03-01 or 2026-03-01T12:30:00Z, from 1900 to 2199",
    "bool": "true or false",
}


@dataclass(frozen=True)
class Shape:
    """What rows are held to: a declared table, or a cohort or outcome file beside it.

    `defaults` are (column, other): a missing `column` is filled from `other`, a given one must not be before
    it. `references` are (column, table): its values must exist in the column of that name of `table`.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    not_below: tuple[NotBelow, ...] = ()
    one_customer: str | None = None

    def narrowed(self, given: Collection[str]) -> Shape:
        """The shape of a source that gives these columns: its key is of these alone."""
        return replace(self, key=tuple(column for column in self.key if column in given))

    def column(self, name: str) -> Column | None:
        """The column of that name, if the shape has one."""
        return next((column for column in self.columns if column.name == name), None)

    def written(self, given: Collection[str]) -> tuple[Column, ...]:
        """Columns a source that gives `given` ends up with, in declared order: those, and what defaults to them."""
        filled = {column for column, other in self.defaults if other in given}
        return tuple(column for column in self.columns if column.name in filled.union(given))


@dataclass(frozen=True)
class Rule:
    """A promise about a column; `broken` is an SQL predicate over the cast row, true of a bad one.

    `problem` completes the sentence "orders.amount …".
    """

    column: str
    problem: str
    expected: str
    broken: str


def shape_of(table: Table) -> Shape:
    """The shape of a declared table; every table's customer must be in `customers`."""
    names = {column.name for column in table.all_columns}
    refers = [(column, to) for name, column, to in REFERENCES if name == table.name]
    if table.name != "customers":
        refers.insert(0, ("customer_id", "customers"))
    defaults = tuple((column, other) for column, other in DEFAULTS.items() if column in names)
    return Shape(table.name, table.all_columns, table.key, defaults, tuple(refers), table.not_below, table.one_customer)


def cohort_shape(name: str) -> Shape:
    """The shape of a cohort file, named `cohorts/<name>`; `amount` is what is asked for at `as_of`, if it is a loan."""
    return Shape(f"cohorts/{name}", (*JUDGED, AMOUNT_ASKED), JUDGED_KEY, references=JUDGED_REFERENCES)


AMOUNT_ASKED = Column("amount", "decimal", at_least=0, unit="money")
#: Who is judged, and when: the key of cohorts, of outcomes and of a flat table.
JUDGED = (COMMON[0], Column("as_of", "timestamp", required=True))
JUDGED_KEY = ("customer_id", "as_of")
JUDGED_REFERENCES = (("customer_id", "customers"),)

OUTCOMES = Shape(
    "outcomes",
    (*JUDGED, Column("defaulted", "bool"), Column("known_at", "timestamp", required=True)),
    JUDGED_KEY,
    (("known_at", "as_of"),),
    JUDGED_REFERENCES,
)

_OF_FLAT: dict[FlatType, Type] = {"number": "number", "category": "text", "date": "timestamp"}


def flat_shape(columns: Iterable[FlatColumn]) -> Shape:
    """What the rows of a flat table are held to: a key of customer_id and as_of, and columns that may be empty."""
    own = (Column(column.name, _OF_FLAT[column.type]) for column in columns)
    return Shape(FLAT, (*JUDGED, *own), JUDGED_KEY, references=JUDGED_REFERENCES)


SHAPES: dict[str, Shape] = {name: shape_of(table) for name, table in TABLES.items()}


def raw(column: str) -> str:
    """Name under which the cast row keeps a column's value as the source wrote it."""
    return f"raw_{column}"


def zoned(text: str) -> str:
    """SQL for whether a time says its own offset or zone: 2026-03-01T12:00Z, 2026-03-01 12:00:00+02, … 12:00 UTC.

    After a colon a sign is that of an offset, and a letter at the end is that of a zone.
    """
    return f"({text} LIKE '%:%+%' OR {text} LIKE '%:%-%' OR ascii({text}[-1]) > ascii('9'))"


@dataclass(frozen=True)
class Clocks:
    """By which clocks times without a zone are told.

    `zone` None: nobody said, and they are UTC. `unsure`: a time in an hour that clocks skipped or repeated is refused,
    or taken by the clocks as they were before (`first`) or after (`second`) they were set.
    """

    zone: str | None = None
    unsure: Literal["refuse", "first", "second"] = "refuse"

    @property
    def set_forward_and_back(self) -> bool:
        """Whether these clocks are set at all."""
        return self.zone is not None and zone_named(self.zone).changes.size > 0

    def moment(self, local: str) -> str:
        """SQL for the moment that a time on these clocks means."""
        if self.set_forward_and_back:
            return f"clocks_{self.unsure}({local})"
        ahead = 0 if self.zone is None else int(zone_named(self.zone).ahead[0]) // 1_000_000
        return f"({local} - to_seconds({ahead}))" if ahead else local


#: Nobody said by which clocks.
BY_UTC = Clocks()


@dataclass(frozen=True)
class Reading:
    """How values are read: times by which clocks, and whether amounts are rounded to the cent."""

    clocks: Clocks = BY_UTC
    rounded: bool = False


#: As nobody said anything.
PLAIN = Reading()


def cast_row(shape: Shape, given: Collection[str], relation: Relation, reading: Reading) -> Relation:
    """Text rows with every given column cast, beside what was written and where.

    A value that cannot be cast is NULL in the cast column and present in the raw one.
    """
    columns = [
        f"{_cast(column, reading)} AS {column.name}, {column.name} AS {raw(column.name)}"
        for column in shape.columns
        if column.name in given
    ]
    return select(f"SELECT {SOURCE_FILE}, {SOURCE_ROW}, {', '.join(columns)} FROM {relation}")


def finished_row(shape: Shape, given: Collection[str]) -> str:
    """The SELECT list of the row as it is stored: cast columns, defaults filled."""
    default = dict(shape.defaults)
    columns = [_filled(column.name, default.get(column.name), given) for column in shape.written(given)]
    return ", ".join(columns)


def row_rules(shape: Shape, given: Collection[str], reading: Reading = PLAIN) -> list[Rule]:
    """Every promise that can be judged on a row alone, for the columns given."""
    columns = [column for column in shape.columns if column.name in given]
    rules = [rule for column in columns for rule in _column_rules(column, reading)]
    for column, other in shape.defaults:
        if column in given and other in given:
            rules.append(Rule(column, f"is before {other}", f"not before {other}", f"{column} < {other}"))
    return rules + [
        _not_below_rule(promise)
        for promise in shape.not_below
        if {promise.column, promise.other, promise.given} <= set(given)
    ]


def zone_rule(column: str) -> Rule:
    """Of a column with times that say their offset: those are sure, and all others are bad."""
    return Rule(
        column,
        "has no offset, as other times of the column have",
        "times all with an offset or all without; or say in the mapping, as `timezone`, what those without mean",
        f"{column} IS NOT NULL AND NOT {zoned(raw(column))}",
    )


def holds_zoned(column: str) -> str:
    """SQL, over rows as text, for whether a column holds a time that says its own offset."""
    return f"bool_or(CASE WHEN {zoned(column)} THEN TRY_CAST({column} AS TIMESTAMPTZ) IS NOT NULL END)"


def _not_below_rule(promise: NotBelow) -> Rule:
    return Rule(
        promise.column,
        f"is below {promise.other} though {promise.given} is given",
        f"{promise.column} >= {promise.other}: {promise.todo}",
        f"{promise.given} IS NOT NULL AND {promise.column} < {promise.other}",
    )


def _column_rules(column: Column, reading: Reading) -> Iterator[Rule]:
    name = column.name
    if column.required:
        yield Rule(name, "lacks a value", "a value in every row", f"nullif({raw(name)}, '') IS NULL")
    if column.type != "text":
        unread = f"nullif({raw(name)}, '') IS NOT NULL AND {name} IS NULL"
        yield Rule(name, "cannot be read", _EXPECTED_TYPES[column.type], unread)
    if column.values is not None:
        allowed = ", ".join(f"'{value}'" for value in column.values)
        expected = "one of " + ", ".join(column.values)
        yield Rule(name, "holds a value that is not declared", expected, f"{name} NOT IN ({allowed})")
    if column.at_least is not None:
        too_small = f"{name} < {column.at_least}"
        yield Rule(name, "is too small", f"{name} >= {column.at_least}", too_small)
    if column.type == "decimal":
        too_large = f"abs({name}) > {LARGEST_AMOUNT}"
        yield Rule(name, "is too large", _EXPECTED_TYPES["decimal"], too_large)
        if not reading.rounded:
            expected = "amounts of at most two decimals; say `rounding: half_up` in the mapping to round, or `decimal` "
            expected += "and `thousands` if a point parts thousands"
            yield Rule(name, "has more than two decimals", expected, finer(column))
    if column.name.endswith("_id"):
        many = f"regexp_matches({raw(name)}, '^[0-9]+([.,][0-9]+)?[eE][+]?[0-9]+$')"
        expected = "identifiers as they were: a spreadsheet writes long ones so, and makes many the same"
        yield Rule(name, "is in scientific notation", expected, many)


def finer(column: Column) -> str:
    """SQL, over a cast row, for whether an amount was written with more than two decimals.

    A double that is not quite its decimals, as files of numbers hold them, is none of these.
    """
    written = f"TRY_CAST({raw(column.name)} AS DOUBLE)"
    return f"abs({written} - {column.name}::DOUBLE) > greatest(1e-6, abs({written}) * 1e-14)"


def trimmed(column: Column) -> str:
    """SQL, over a cast row, for whether a text had blanks or invisible characters at its ends."""
    return f"{raw(column.name)} <> {column.name}"


#: Blanks and invisible characters: spaces (plain, no-break, narrow, wide), tabs, line ends, those of no width, marks of
#: direction, the byte order mark.
_INVISIBLE = (32, 9, 10, 13, 160, 8201, 8203, 8204, 8205, 8206, 8207, 8239, 8288, 12288, 65279)
_BLANKS = "||".join(f"chr({code})" for code in _INVISIBLE)

_TRUE, _FALSE = "('true', 't', 'yes', 'y', '1', '1.0')", "('false', 'f', 'no', 'n', '0', '0.0')"


def _cast(column: Column, reading: Reading) -> str:
    name = column.name
    if column.type == "text":
        text = f"nullif(trim({name}, {_BLANKS}), '')"
        return text if column.filled is None else f"coalesce({text}, '{column.filled}')"
    if column.type == "bool":
        said = f"lower(trim({name}, {_BLANKS}))"
        return f"CASE WHEN {said} IN {_TRUE} THEN true WHEN {said} IN {_FALSE} THEN false END"
    if column.type == "int":
        whole = f"TRY_CAST({name} AS BIGINT)"
        return f"CASE WHEN TRY_CAST({name} AS DOUBLE) = {whole} THEN {whole} END"
    if column.type == "timestamp":
        return _moment(name, reading.clocks)
    if column.type == "number":
        return f"CASE WHEN isfinite(TRY_CAST({name} AS DOUBLE)) THEN TRY_CAST({name} AS DOUBLE) END"
    return f"TRY_CAST({name} AS {SQL_TYPES[column.type]})"


def _moment(name: str, clocks: Clocks) -> str:
    """A cast straight to TIMESTAMP would silently drop an offset; through TIMESTAMPTZ it is converted."""
    said = f"make_timestamp(epoch_us(TRY_CAST({name} AS TIMESTAMPTZ)))"
    local = clocks.moment(f"TRY_CAST({name} AS TIMESTAMP)")
    moment = f"CASE WHEN NOT {zoned(name)} THEN {local} WHEN NOT {shared_abbreviation(name)} THEN {said} END"
    return f"CASE WHEN year({moment}) BETWEEN 1900 AND 2199 THEN {moment} END"


def shared_abbreviation(text: str) -> str:
    """SQL for whether a time ends in letters that name no zone, or several: CST, IST, BST."""
    return (
        f"(regexp_matches({text}, '[A-Za-z]$') AND NOT regexp_matches({text}, '(Z|UTC|GMT|[A-Za-z]+/[A-Za-z_/+-]+)$'))"
    )


def unsure_rule(column: str, clocks: Clocks) -> Rule:
    """Of a column with times by clocks that are set forward and back: those that never were, or were twice."""
    return Rule(
        column,
        f"is a time that the clocks of {clocks.zone} skipped or showed twice",
        "times with their offset; or say in the mapping, as `daylight_saving`, whether to read them by the clocks as "
        "they were before (first) or after (second) they were set",
        unsure(raw(column)),
    )


def unsure(text: str) -> str:
    """SQL for whether a time is on clocks (those of `DuckDB.set_clocks`) that skipped it or showed it twice."""
    return f"(NOT {zoned(text)} AND clocks_unsure(TRY_CAST({text} AS TIMESTAMP)))"


def _filled(name: str, default: str | None, given: Collection[str]) -> str:
    if name not in given:
        return f"{default} AS {name}"
    return name if default is None or default not in given else f"coalesce({name}, {default}) AS {name}"
