"""Hold what a source brings to the declared tables, in bounded memory: refuse it, or set bad rows aside.

Every rule of every table is judged before anything is said, so that a reader mends a file once and not rule by
rule. Each table passes these sieves:

1. the row alone: types, missing values, allowed values, ranges, `known_at` not before `occurred_at`;
2. references: an event's customer, a repayment's account, which must be the customer's own; all rows of an order or
   an account are of one customer, and an order is taken back for what it cost at most;
3. the key: of several rows with one key the first in the file stands, the others are bad; and where there is no key,
   of several rows that are the same;
4. where a data set holds rows already (`Stored`): what these rows add to it, see `schema/additions.py`.

With `set_aside`, a row caught by one sieve is not seen by the next, and a row that refers to one set aside is
set aside as well (a repayment whose account was). Tables are therefore judged after those they refer to. Rows an
importer made of one source row are set aside together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from credit_eval.core.errors import TableError
from credit_eval.schema.additions import Stored, addition_rules
from credit_eval.schema.duckdb import DuckDB, Relation, quote, select
from credit_eval.schema.rules import (
    PLAIN,
    SOURCE_FILE,
    SOURCE_ROW,
    Reading,
    Rule,
    Shape,
    cast_row,
    finer,
    holds_zoned,
    raw,
    row_rules,
    trimmed,
    unsure_rule,
    zone_rule,
)

EXAMPLES = 3
_LONGEST_VALUE = 80
_WHERE = f"{SOURCE_FILE}, {SOURCE_ROW}"


@dataclass(frozen=True)
class Incoming:
    """Rows a source brings for one shape.

    `relation` is read several times. It holds the `given` columns as text, and `source_file` and `source_row` that
    tell where a row comes from.
    `reading`: by which clocks times are told, and whether amounts are rounded.
    """

    shape: Shape
    relation: Relation
    given: tuple[str, ...]
    reading: Reading = PLAIN

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", self.shape.narrowed(self.given))


@dataclass(frozen=True)
class Broken:
    """One rule, how many rows break it, and a few of them."""

    table: str
    column: str
    problem: str
    expected: str
    received: str
    n_rows: int
    rows: tuple[str, ...]

    def sentence(self) -> str:
        """The whole finding on one line."""
        more = ", …" if self.n_rows > len(self.rows) else ""
        return (
            f"{self.table}.{self.column} {self.problem}: expected {self.expected}; received {self.received}; "
            f"rows: {self.n_rows:,} ({', '.join(self.rows)}{more})"
        )


class Checked:
    """What validation found: the good rows of each shape, those set aside with their reasons, and what was `mended`."""

    def __init__(self, engine: DuckDB, incoming: Mapping[str, Incoming]) -> None:
        self._engine, self._incoming = engine, incoming
        self.mended: list[str] = []
        self._blank: dict[str, list[tuple[str, str]]] = {}
        engine.run(
            "CREATE TEMP TABLE blanked (shape VARCHAR, of VARCHAR, "
            f"{SOURCE_FILE} VARCHAR, {SOURCE_ROW} BIGINT, value VARCHAR, reason VARCHAR)"
        )
        engine.run(
            f"CREATE TEMP TABLE aside (shape VARCHAR, {SOURCE_FILE} VARCHAR, {SOURCE_ROW} BIGINT, reason VARCHAR)"
        )

    def good(self, name: str) -> Relation:
        """The cast rows of a shape without those set aside."""
        rows = self.all(name)
        if not self.n_aside(name):
            return rows
        return select(f"SELECT r.* FROM {rows} r ANTI JOIN {self._aside(name)} b USING ({_WHERE})")

    def all(self, name: str) -> Relation:
        """All cast rows of a shape."""
        incoming = self._incoming[name]
        rows = cast_row(incoming.shape, incoming.given, incoming.relation, incoming.reading)
        if name not in self._blank:
            return rows
        broken: dict[str, list[str]] = {}
        for column, predicate in self._blank[name]:
            broken.setdefault(column, []).append(f"coalesce({predicate}, false)")
        kept = [f"CASE WHEN NOT ({' OR '.join(any_)}) THEN {column} END AS {column}" for column, any_ in broken.items()]
        return select(f"SELECT * REPLACE ({', '.join(kept)}) FROM {rows}")

    def bad(self, name: str) -> Relation:
        """The rows of a shape set aside: where from, why, and every value as the source wrote it."""
        incoming = self._incoming[name]
        reasons = (
            f"SELECT {_WHERE}, string_agg(reason, '; ' ORDER BY reason) AS reason FROM {self._aside(name)} GROUP BY ALL"
        )
        columns = ", ".join(("reason", *incoming.given))
        return select(f"SELECT {_WHERE}, {columns} FROM {incoming.relation} JOIN ({reasons}) USING ({_WHERE})")

    def n_aside(self, name: str) -> int:
        """Rows of a shape set aside."""
        return int(self._engine.scalar(f"SELECT count(DISTINCT ({_WHERE})) FROM {self._aside(name)}"))

    def put_aside(self, name: str, reason: str, violations: str) -> None:
        """Set the rows of `violations` (source_file, source_row, received) aside."""
        self._engine.run(
            f"INSERT INTO aside SELECT {quote(name)}, {_WHERE}, "
            f"{quote(reason + ', received ')} || coalesce(received, 'nothing') FROM ({violations})"
        )

    def blank(self, name: str, rule: Rule, violations: str) -> None:
        """Take the values of `violations` (source_file, source_row, received) for missing ones; their rows stay."""
        reason = f"{rule.problem}: expected {rule.expected}"
        self._engine.run(
            f"INSERT INTO blanked SELECT {quote(name)}, {quote(rule.column)}, {_WHERE}, received, {quote(reason)} "
            f"FROM ({violations})"
        )
        self._blank.setdefault(name, []).append((rule.column, rule.broken))

    def blanked(self, name: str) -> tuple[dict[str, int], Relation]:
        """How many values of each column of a shape were taken for missing, and which."""
        rows = select(f"SELECT * EXCLUDE (shape) FROM blanked WHERE shape = {quote(name)}")
        counted = self._engine.rows(f"SELECT of, count(DISTINCT ({_WHERE})) FROM {rows} GROUP BY of ORDER BY of")
        return {str(column): int(n) for column, n in counted}, rows

    def reasons(self) -> list[tuple[int, str]]:
        """Why rows are set aside, commonest first; rows that only refer to rows set aside are told as one."""
        told = "shape || '.' || regexp_replace(reason, ', received .*$', '')"
        refers = "reason LIKE '% names an unknown %'"
        return [
            (int(n), str(reason))
            for n, reason in self._engine.rows(
                f"SELECT count(*) AS n, CASE WHEN {refers} THEN 'rows that refer to these' ELSE {told} END AS told "
                "FROM aside GROUP BY told ORDER BY told = 'rows that refer to these', n DESC, told"
            )
        ]

    def shares(self) -> list[tuple[str, int, int]]:
        """Of each shape, how many rows are set aside, of how many."""
        return [
            (name, self.n_aside(name), int(self._engine.scalar(f"SELECT count(*) FROM {one.relation}")))
            for name, one in self._incoming.items()
        ]

    def _aside(self, name: str) -> Relation:
        return select(f"SELECT {_WHERE}, reason FROM aside WHERE shape = {quote(name)}")


def validate(
    engine: DuckDB, incoming: Sequence[Incoming], *, set_aside: bool = False, stored: Stored | None = None
) -> Checked:
    """Judge every rule of every table; beside `stored` rows, which are sound and may be referred to.

    Raises:
        TableError: a column is missing or undeclared; or rows are bad and `set_aside` is false.
    """
    by_name = {one.shape.name: one for one in incoming}
    for one in incoming:
        _check_columns(one)
    checked = Checked(engine, by_name)
    broken = [
        found
        for name in _referenced_first(by_name)
        for found in _Judge(engine, checked, by_name, by_name[name], set_aside, stored).broken()
    ]
    if broken and not set_aside:
        raise as_error(broken)
    return checked


def as_error(broken: Sequence[Broken]) -> TableError:
    """One error for all findings: the first in full, the others a line each."""
    first, *others = broken
    todo = "correct the source, or say --quarantine to set such rows aside"
    if others:
        todo += f"\n  also broken: {len(others)}" + "".join(f"\n    - {other.sentence()}" for other in others)
    return TableError(
        f"{first.table}.{first.column} {first.problem}",
        expected=first.expected,
        received=first.received,
        rows=first.rows,
        n_rows=first.n_rows,
        todo=todo,
    )


class _Judge:
    """Judges the rows of one shape."""

    def __init__(
        self,
        engine: DuckDB,
        checked: Checked,
        incoming: Mapping[str, Incoming],
        one: Incoming,
        set_aside: bool,
        stored: Stored | None,
    ) -> None:
        self._engine, self._checked, self._incoming = engine, checked, incoming
        self._one, self._shape, self._set_aside, self._stored = one, one.shape, set_aside, stored

    def broken(self) -> list[Broken]:
        """The findings of the sieves, in their order."""
        found = self._rows()
        for column, table in self._shape.references:
            if column in self._one.given and table in self._incoming:
                found += self._reference(column, table)
                found += self._of_another(column, table) if column != "customer_id" else []
        found += self._key() if self._shape.key else self._delivered_twice()
        return found + self._one_customer() + self._taken_back() + self._addition()

    def _rows(self) -> list[Broken]:
        """All rules on single rows in one pass over them, and a further pass per broken rule to set aside."""
        rules = row_rules(self._shape, self._one.given, self._one.reading) + self._zone_rules()
        rows = self._checked.all(self._shape.name)
        folds = ", ".join(
            f"count(*) FILTER ({rule.broken}), min({_example(raw(rule.column))}, {EXAMPLES}) FILTER ({rule.broken})"
            for rule in rules
        )
        (counted,) = self._engine.rows(f"SELECT {folds} FROM {rows}")
        self._checked.mended += self._mended(rows)
        found = []
        for rule, n_rows, examples in zip(rules, counted[::2], counted[1::2], strict=True):
            if n_rows:
                violations = f"SELECT {_WHERE}, {raw(rule.column)} AS received FROM {rows} WHERE {rule.broken}"
                if self._set_aside and self._optional(rule.column):
                    self._checked.blank(self._shape.name, rule, violations)
                else:
                    found.append(self._found(rule, n_rows, examples, violations))
        return found

    def _optional(self, name: str) -> bool:
        """Whether a row says the same without this value: not its key, times, money, or what is checked by others."""
        column, shape = self._shape.column(name), self._shape
        tied = {*shape.key, *(own for own, _ in shape.references), *(one.column for one in shape.not_below)}
        return (
            column is not None and not column.required and column.type in ("text", "int", "bool") and name not in tied
        )

    def _mended(self, rows: Relation) -> list[str]:
        """What was cut off or rounded without harm: a note for each column."""
        given = [column for column in self._shape.columns if column.name in self._one.given]
        asked = [
            (c, trimmed(c), "blanks or invisible characters at their ends, cut off") for c in given if c.type == "text"
        ]
        if self._one.reading.rounded:
            asked += [(c, finer(c), "more than two decimals, rounded half up") for c in given if c.type == "decimal"]
        (counted,) = self._engine.rows(
            f"SELECT {', '.join(f'count(*) FILTER ({sql})' for _, sql, _ in asked)} FROM {rows}"
        )
        return [
            f"{n:,} values of {self._shape.name}.{column.name} had {what}"
            for (column, _, what), n in zip(asked, counted, strict=True)
            if n
        ]

    def _zone_rules(self) -> list[Rule]:
        columns = [column.name for column in self._shape.columns if column.type == "timestamp"]
        judged, clocks = [column for column in columns if column in self._one.given], self._one.reading.clocks
        if not judged or clocks.zone is not None:
            refused = clocks.set_forward_and_back and clocks.unsure == "refuse"
            return [unsure_rule(column, clocks) for column in judged] if refused else []
        asked = ", ".join(holds_zoned(column) for column in judged)
        (found,) = self._engine.rows(f"SELECT {asked} FROM {self._one.relation}")
        return [zone_rule(column) for column, holds in zip(judged, found, strict=True) if holds]

    def _reference(self, column: str, table: str) -> list[Broken]:
        """Without quarantine, against all rows of the other table: its own bad rows are reported there."""
        known = f"SELECT {column} FROM {self._rows_of(table, column)}"
        what = f"unknown {table.removesuffix('s')}"
        rule = Rule(column, f"names an {what}", f"a {column} of table {table}", "")
        return self._judge(
            rule,
            f"SELECT {_WHERE}, {raw(column)} AS received FROM {self._checked.good(self._shape.name)} r "
            f"ANTI JOIN ({known}) k USING ({column}) WHERE {column} IS NOT NULL",
        )

    def _of_another(self, column: str, table: str) -> list[Broken]:
        """A row about something of another customer: a payment of somebody else's order, a line of their account."""
        pairs = f"SELECT {column}, customer_id FROM {self._rows_of(table, column)}"
        rule = Rule(
            column,
            f"is another customer's {table.removesuffix('s')}",
            f"the customer_id that the {column} has in table {table}",
            "",
        )
        return self._judge(
            rule,
            f"SELECT {_WHERE}, {raw(column)} || ' of customer ' || {raw('customer_id')} AS received "
            f"FROM {self._checked.good(self._shape.name)} r SEMI JOIN ({pairs}) USING ({column}) "
            f"ANTI JOIN ({pairs}) USING ({column}, customer_id)",
        )

    def _one_customer(self) -> list[Broken]:
        column = self._shape.one_customer
        if column is None:
            return []
        everybody = self._with_stored(f"customer_id, {column}")
        mixed = f"SELECT {column} FROM {everybody} GROUP BY ALL HAVING min(customer_id) <> max(customer_id)"
        first = f"arg_min(customer_id, (is_new, {SOURCE_FILE}, {SOURCE_ROW}))"
        owners = f"SELECT {column}, {first} AS owner FROM {everybody} SEMI JOIN ({mixed}) USING ({column}) GROUP BY ALL"
        rule = Rule("customer_id", f"is not that of other rows of its {column}", f"one customer for each {column}", "")
        return self._judge(
            rule,
            f"SELECT {_WHERE}, {raw(column)} || ' of customer ' || {raw('customer_id')} AS received "
            f"FROM {self._checked.good(self._shape.name)} JOIN ({owners}) USING ({column}) WHERE customer_id <> owner",
        )

    def _taken_back(self) -> list[Broken]:
        """An order is cancelled, declined or returned for what it cost at most, in several parts if need be."""
        if self._shape.name != "orders":
            return []
        rows = self._with_stored("order_id, status, amount, occurred_at")
        cost = "max(amount) FILTER (status = 'placed')"
        ends = "status IN ('cancelled', 'declined', 'returned')"
        over = (
            f"SELECT order_id, {cost} AS cost FROM {rows} GROUP BY order_id HAVING sum(amount) FILTER ({ends}) > {cost}"
        )
        rule = Rule(
            "amount",
            "takes back more than is left of the order",
            "cancelled, declined and returned together at most what was placed: one end, or parts (refund_id)",
            "",
        )
        return self._judge(
            rule,
            f"SELECT {_WHERE}, order_id || ': ' || status || ' ' || amount || ' of ' || cost AS received "
            f"FROM (SELECT *, sum(amount) OVER (PARTITION BY order_id ORDER BY is_new, occurred_at, {_WHERE}) AS upto "
            f"FROM {rows} JOIN ({over}) USING (order_id) WHERE {ends}) WHERE is_new AND upto > cost",
        )

    def _with_stored(self, columns: str) -> Relation:
        """Columns of the rows, and of stored ones of the same things, which are not `is_new`."""
        good = self._checked.good(self._shape.name)
        new = f"SELECT {columns}, true AS is_new, {_WHERE} FROM {good}"
        held = self._stored.relations.get(self._shape.name) if self._stored is not None else None
        if held is None:
            return select(new)
        thing = self._shape.one_customer
        old = f"SELECT {columns}, false AS is_new, '' AS {SOURCE_FILE}, 0 AS {SOURCE_ROW} FROM {held}"
        return select(f"{new} UNION ALL BY NAME {old} SEMI JOIN (SELECT {thing} FROM {good}) USING ({thing})")

    def _rows_of(self, table: str, column: str) -> Relation:
        """Rows of another table that rows of this one refer to, those stored included."""
        rows = self._checked.good(table) if self._set_aside else self._checked.all(table)
        if self._stored is None or table not in self._stored.relations:
            return rows
        named = f"SELECT {column} FROM {self._checked.good(self._shape.name)}"  # few, whatever is stored
        columns = ", ".join(dict.fromkeys(("customer_id", column)))
        held = f"SELECT {columns} FROM {self._stored.relations[table]} SEMI JOIN ({named}) USING ({column})"
        return select(f"SELECT {columns} FROM {rows} UNION ALL {held}")

    def _key(self) -> list[Broken]:
        """Only rows of repeated keys are numbered, so a sound file costs one aggregation."""
        key = ", ".join(self._shape.key)
        rows = self._checked.good(self._shape.name)
        shown = " || ', ' || ".join(f"'{column}=' || coalesce({raw(column)}, '')" for column in self._shape.key)
        whole = " AND ".join(f"{column} IS NOT NULL" for column in self._shape.key)
        repeated = f"SELECT {key} FROM {rows} WHERE {whole} GROUP BY {key} HAVING count(*) > 1"
        unsaid = [column.name for column in self._shape.columns if column.filled and column.name not in self._shape.key]
        expected = f"one row per {key}" + "".join(f", or a {name} that tells them apart" for name in unsaid)
        rule = Rule(self._shape.key[0], "repeats a key", expected, "")
        return self._judge(
            rule,
            f"SELECT {_WHERE}, {shown} AS received FROM {rows} SEMI JOIN ({repeated}) USING ({key}) "
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {_WHERE}) > 1",
        )

    def _delivered_twice(self) -> list[Broken]:
        """Rows of a table without a key that are the same in every column: a file that came twice, a feed replayed."""
        rows, columns = self._checked.good(self._shape.name), ", ".join(raw(column) for column in self._one.given)
        repeated = f"SELECT hash({columns}) AS mark FROM {rows} GROUP BY mark HAVING count(*) > 1"
        rule = Rule(
            "customer_id",
            "stands in a row that is there already",
            "each event once; where the same rows came twice, say `duplicates: drop` for the table in the mapping",
            "",
        )
        return self._judge(
            rule,
            f"SELECT {_WHERE}, {raw('customer_id')} AS received FROM {rows} WHERE hash({columns}) IN ({repeated}) "
            f"QUALIFY row_number() OVER (PARTITION BY {columns} ORDER BY {_WHERE}) > 1",
        )

    def _addition(self) -> list[Broken]:
        if self._stored is None:
            return []
        judged = addition_rules(
            self._shape, self._one.given, lambda: self._checked.good(self._shape.name), self._stored
        )
        return [found for rule, violations in judged for found in self._judge(rule, violations)]

    def _judge(self, rule: Rule, violations: str) -> list[Broken]:
        ((n_rows, examples),) = self._engine.rows(
            f"SELECT count(*), min({_example('received')}, {EXAMPLES}) FROM ({violations})"
        )
        return [self._found(rule, n_rows, examples, violations)] if n_rows else []

    def _found(self, rule: Rule, n_rows: int, examples: Sequence[Mapping[str, object]], violations: str) -> Broken:
        if self._set_aside:
            reason = f"{rule.column} {rule.problem}: expected {rule.expected}"
            self._checked.put_aside(self._shape.name, reason, violations)
        return Broken(
            self._shape.name,
            rule.column,
            rule.problem,
            rule.expected,
            _shown(examples[0]["received"]),
            n_rows,
            tuple(f"{example[SOURCE_FILE]} row {example[SOURCE_ROW]}" for example in examples),
        )


def _check_columns(one: Incoming) -> None:
    """A table that lacks a column cannot be mended row by row, so quarantine does not help it."""
    missing = [column.name for column in one.shape.columns if column.required and column.name not in one.given]
    if missing:
        raise TableError(
            f"{one.shape.name} lacks the column " + ", ".join(missing),
            expected=", ".join(column.name for column in one.shape.columns if column.required),
            received=", ".join(one.given),
            todo="provide the column; quarantine cannot replace it",
        )
    undeclared = [name for name in one.given if one.shape.column(name) is None]
    if undeclared:
        raise TableError(
            f"{one.shape.name} declares no column " + ", ".join(undeclared),
            expected="some of " + ", ".join(column.name for column in one.shape.columns),
            received=", ".join(one.given),
            todo="leave the column out or rename it",
        )


def _referenced_first(incoming: Mapping[str, Incoming]) -> list[str]:
    graph = {name: [table for _, table in one.shape.references if table in incoming] for name, one in incoming.items()}
    return list(TopologicalSorter(graph).static_order())


def _example(received: str) -> str:
    return f"{{'{SOURCE_FILE}': {SOURCE_FILE}, '{SOURCE_ROW}': {SOURCE_ROW}, 'received': {received}}}"


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(str(value))
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
