"""A flat file as a data set: the `profiles` section of a mapping, and the rows, cohorts and labels that come of it.

file: loans.csv            one view, all text: customer_id, as_of, the columns, defaulted, known_at
  ├─ flat                  the columns, by customer_id and as_of
  ├─ cohorts/train         the rows that have a label; outcomes, what became of them
  ├─ cohorts/unlabelled    those that have none: whom to decide on
  └─ cohorts/rows          all of them
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from credit_eval.core.errors import EngineError
from credit_eval.ingest.selects import STRICT, FileMapping, Selects, column_text
from credit_eval.schema.duckdb import Relation, one_select, quote, select
from credit_eval.schema.flat import MEANING, ROWS, UNLABELLED, FlatColumn, FlatRole, FlatType, Side
from credit_eval.schema.rules import SOURCE_FILE, SOURCE_ROW, Shape, flat_shape
from credit_eval.schema.store import TRAINING_COHORT
from credit_eval.schema.tables import Column

#: The view of a mapping's flat rows.
VIEW = "flat_rows"
#: What a file without dates is observed at, where its mapping does not say.
UNDATED = datetime(2000, 1, 1)
#: Names that profiles, samples and SELECTs need for themselves.
RESERVED = frozenset(
    """customer_id as_of amount defaulted known_at label_known_at part p_default source_file source_row
    amount_asked""".split()
)
#: Words that SQL keeps for itself.
SQL_WORDS = frozenset(
    """all analyse analyze and any array as asc asymmetric at both case cast check collate column constraint create
    default deferrable desc describe distinct do else end except false fetch for foreign from grant group having in
    initially intersect into lambda lateral leading limit not null offset on only or order placing primary qualify
    references returning select show some summarize symmetric table then to trailing true union unique unpivot using
    variadic when where window with""".split()
)
#: Where a number holds a value as such, in the column that says what its special codes mean.
A_VALUE = "a value"

FlatUnit = Literal["count", "money", "days", "share", "ratio", "years", "number"]
_RISK = {"riskier": 1, "safer": -1, "either": 0}
_CAPACITY = ("money",)
#: Reasons of what the policy reads; a limit is the lender's own act, and is told to nobody as a reason.
_REASONS: dict[FlatRole | None, str] = {
    "limit": "R_CREDIT_LINE",
    "debt": "R_DEBT_LEVEL",
    "amount": "R_AMOUNT_ASKED",
}


class FlatColumnMapping(BaseModel):
    """One column: what it is called in the file (`from`; its name unless said), and what it means.

    `higher_is`: what a higher value can only mean, `riskier` or `safer`; the model is held to it. `special`: codes that
    are no amounts, and what they say. `role`: what a policy takes it for; `group` is for fairness alone, and no model
    sees it. `trusted`: why a column that nearly tells the label is not of the future.
    """

    model_config = STRICT

    source: str | None = Field(default=None, alias="from")
    type: FlatType = "number"
    title: str = ""
    zh: str = ""
    unit: FlatUnit = "number"
    higher_is: Literal["riskier", "safer", "either"] = "either"
    reason: str = ""
    dimension: Side | None = None
    special: dict[str, str] = {}
    values: dict[str, str] = {}
    format: str | None = None
    role: FlatRole | Literal["group"] | None = None
    social: bool = False
    trusted: str = ""


class LabelMapping(BaseModel):
    """Which column says what became of a row: texts of `bad`, and of `good` (all others, unless said).

    `window_days`: how long after as_of that was waited for. `known_at`: the column that says when it was known; else
    it was when the window ended. An empty label is none yet, nor is one of `ignore`.
    """

    model_config = STRICT

    column: str
    bad: list[str] = ["1", "1.0", "true", "yes"]
    good: list[str] | None = ["0", "0.0", "false", "no"]
    ignore: list[str] = []
    window_days: int | None = Field(default=None, ge=1, le=3660)
    known_at: str | None = None


class FlatMapping(BaseModel):
    """A flat file, or one SELECT: who each row is of, when it was observed, what became of it, and its columns.

    `id` None: rows are of nobody twice, and are called by their number. `as_of` is a column, `observed_at` one date for
    all rows.
    """

    model_config = STRICT

    file: str = ""
    select: str = ""
    id: str | None = None
    as_of: str | None = None
    observed_at: datetime | None = None
    formats: dict[Literal["as_of", "known_at"], str] = {}
    missing: list[str] = []
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    decimal: str | None = Field(default=None, min_length=1, max_length=1)
    thousands: str | None = Field(default=None, max_length=1)
    label: LabelMapping | None = None
    columns: dict[str, FlatColumnMapping] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.file) == bool(self.select):
            raise ValueError("say `file` or `select`, one of the two")
        return self

    def findings(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """What it may not say, and where."""
        if self.as_of and self.observed_at:
            yield ("observed_at",), "as_of says it already: leave one of them out"
        if self.select and self.id is None:
            yield ("select",), "rows of a SELECT have no number of their own: say `id`"
        label = self.label
        if label and self.as_of and label.window_days is None and label.known_at is None:
            yield (
                ("label",),
                "nobody says when a label was known (expected: window_days, the days after as_of that were waited for, "
                "or known_at, the column with the date), so no model could be judged on later rows",
            )
        if label and label.good is not None and (both := set(label.bad) & set(label.good)):
            yield ("label", "good"), f"{min(both)} is bad as well"
        if self.select:
            try:
                one_select(self.select)
            except EngineError as error:
                yield ("select",), f"is not one SELECT: {error.received}"
        used: dict[str, str] = {}
        for name, column in self.columns.items():
            yield from ((("columns", name), why) for why in _no_name(name))
            yield from ((("columns", name, *where), why) for where, why in _no_column(name, column, label))
            if column.role and column.role != "group" and used.setdefault(column.role, name) != name:
                yield ("columns", name, "role"), f"{used[column.role]} is {column.role} already"


def _no_name(name: str) -> Iterator[str]:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name):
        expected = "small letters, digits and _, beginning with a letter; say the file's own with `from`"
        yield f"no name of a column (expected: {expected})"
    if name in SQL_WORDS | RESERVED:
        yield f"{name} is kept for other uses: call it {name}_given, say, with `from: {name}`"


def _no_column(
    name: str, column: FlatColumnMapping, label: LabelMapping | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    if label and (column.source or name) in (label.column, label.known_at):
        yield (), "is the label itself: a model that sees it has nothing to predict"
    if column.type == "category" and column.higher_is != "either":
        yield ("higher_is",), "a category has no direction"
    if column.special and column.type != "number":
        yield ("special",), "only numbers have special codes; of a category say `values`"
    if column.format and column.type != "date":
        yield ("format",), "only dates have one"
    if column.role not in (None, "group") and column.type != "number":
        yield ("role",), "only a number can be an amount"


@dataclass(frozen=True)
class Flat:
    """A flat file on its way in: its columns, as they will be stored, and how its rows are read."""

    columns: tuple[FlatColumn, ...]
    views: dict[str, Relation]
    rows: Relation
    cohorts: dict[str, Relation]
    outcomes: Relation | None
    window_days: int | None
    anonymous: bool
    goods_known_early: str | None
    immature: str | None
    notes: tuple[str, ...]

    @property
    def shape(self) -> Shape:
        """What its rows are held to."""
        return flat_shape(self.columns)


def flat_of(
    said: FlatMapping, selects: Selects, *, labelled: bool, cohorts: bool, known_until: datetime | None = None
) -> Flat:
    """The relations of a flat file.

    Args:
        said: the section of the mapping.
        selects: opens the files.
        labelled: the file has the label's column; one to be scored need not.
        cohorts: cohorts are made of its rows, as the mapping brings none of its own.
        known_until: up to when the file is complete, where the mapping says so: no window of a label may end later.

    Returns:
        what an import needs of it.
    """
    label = said.label if labelled else None
    columns = tuple(column for name, one in said.columns.items() for column in _columns(name, one))
    names = ["customer_id", "as_of", *(column.name for column in columns)]
    places = _places(said)
    with_label = "FROM {} WHERE defaulted IS NOT NULL"
    keys = ", ".join(["customer_id", "as_of", *places])
    made: dict[str, Relation] = {}
    if label:
        made[TRAINING_COHORT] = select(f"SELECT {keys} {with_label.format(VIEW)}")
    if cohorts:
        made[ROWS] = select(f"SELECT {keys} FROM {VIEW}")
        made |= {UNLABELLED: select(f"SELECT {keys} FROM {VIEW} WHERE defaulted IS NULL")} if label else {}
    outcome = f"SELECT customer_id, as_of, defaulted, known_at{''.join(f', {place}' for place in places)}"
    early = None
    if label and label.window_days and label.known_at:
        early = f"NOT defaulted AND known_at < as_of + to_days({label.window_days})"
    immature = None
    if label and label.window_days and known_until:
        immature = f"as_of + to_days({label.window_days}) > TIMESTAMP {quote(str(known_until))}"
    return Flat(
        columns=columns,
        views={VIEW: _view(said, label, columns, selects, places)},
        rows=select(f"SELECT {', '.join([*names, *places])} FROM {VIEW}"),
        cohorts=made,
        outcomes=select(f"{outcome} {with_label.format(VIEW)}") if label else None,
        window_days=label.window_days if label else None,
        anonymous=said.id is None,
        goods_known_early=early,
        immature=immature,
        notes=tuple(_notes(said)),
    )


def _notes(said: FlatMapping) -> Iterator[str]:
    if said.as_of is None and said.observed_at is None:
        yield f"the flat file has no dates: all rows count as observed on {UNDATED:%Y-%m-%d}, none later than another"
    if said.id is None:
        yield "the flat file has no identifiers: a row is called by its number in the file"


def _columns(name: str, said: FlatColumnMapping) -> Iterator[FlatColumn]:
    """The column, and beside a number with several special codes a category that says what they mean."""
    group, title = said.role == "group", said.title or name.replace("_", " ")
    role: FlatRole | None = None if said.role == "group" else said.role
    capacity = role or said.unit in _CAPACITY
    dimension = said.dimension or ("fulfilment_capacity" if capacity else "identity_stability")
    meanings = list(said.special.values())
    column = FlatColumn(
        name=name,
        type=said.type,
        title=title,
        zh=said.zh,
        direction=_RISK[said.higher_is],  # type: ignore[arg-type]
        unit="days" if said.type == "date" else said.unit,
        reason=_reason(said.reason) or _REASONS.get(role, ""),
        dimension=dimension,
        lawful="audit_only" if group else "not_in_eu_credit" if said.social else "any",
        role=role,
        absent=meanings[0] if len(meanings) == 1 else "",
        trusted=said.trusted,
    )
    yield column
    if len(meanings) > 1:
        yield FlatColumn(
            name=name + MEANING,
            type="category",
            title=f"{title}, as recorded",
            reason=column.reason_code,
            dimension=column.dimension,
            lawful=column.lawful,
            trusted=said.trusted,
        )


def _reason(said: str) -> str:
    """A code, of a code or of words.

    >>> _reason("late payments elsewhere"), _reason("R_DEBT_LEVEL"), _reason("")
    ('R_LATE_PAYMENTS_ELSEWHERE', 'R_DEBT_LEVEL', '')
    """
    words = re.sub(r"[^A-Z0-9]+", "_", said.upper()).strip("_")
    return words if not words or words.startswith("R_") else f"R_{words}"


def _places(said: FlatMapping) -> list[str]:
    """The columns that say where a row comes from; a SELECT need not hand them on."""
    told = bool(said.file) or (SOURCE_FILE in said.select and SOURCE_ROW in said.select)
    return [SOURCE_FILE, SOURCE_ROW] if told else []


def _view(
    said: FlatMapping,
    label: LabelMapping | None,
    columns: tuple[FlatColumn, ...],
    selects: Selects,
    places: list[str],
) -> Relation:
    wanted = [one.source or name for name, one in said.columns.items()]
    wanted += [name for name in (said.id, said.as_of) if name]
    wanted += [name for name in (label.column, label.known_at) if name] if label else []
    needs = list(dict.fromkeys(wanted))
    read = FileMapping.model_validate(
        {"file": said.file or "select", "missing": said.missing, "delimiter": said.delimiter}
        | {"columns": dict(_told_columns(said, label)), "formats": dict(_formats(said))}
        | {"values": {name: one.values for name, one in said.columns.items() if one.values}}
        | ({"decimal": said.decimal} if said.decimal else {})
        | ({"thousands": said.thousands} if said.thousands is not None else {})
    )
    source = selects.rows(read, needs) if said.file else one_select(said.select)
    whole = Shape("flat", (*flat_shape(columns).columns, Column("known_at", "timestamp")))
    text = {name: column_text(whole, name, read) for name in read.columns}
    parts = [
        f"{text.get('customer_id', f'CAST({SOURCE_ROW} AS VARCHAR)')} AS customer_id",
        f"{text.get('as_of', quote(str(said.observed_at or UNDATED)))} AS as_of",
        *(part for name, one in said.columns.items() for part in _read(name, one, text[name])),
        *(_label(said, label, text) if label else ["NULL AS defaulted", "NULL AS known_at"]),
        *places,
    ]
    return select(f"SELECT {', '.join(parts)} FROM {source}")


def _told_columns(said: FlatMapping, label: LabelMapping | None) -> Iterator[tuple[str, str]]:
    if said.id:
        yield "customer_id", said.id
    if said.as_of:
        yield "as_of", said.as_of
    if label:
        yield "defaulted", label.column
        if label.known_at:
            yield "known_at", label.known_at
    for name, one in said.columns.items():
        yield name, one.source or name


def _formats(said: FlatMapping) -> Iterator[tuple[str, str]]:
    yield from said.formats.items()
    for name, one in said.columns.items():
        if one.format:
            yield name, one.format


def _read(name: str, said: FlatColumnMapping, text: str) -> Iterator[str]:
    """A column without its special codes; and what these say, where there are several."""
    if not said.special:
        yield f"{text} AS {name}"
        return
    written = f"trim({text})"
    cases = [(_is(written, code), meaning) for code, meaning in said.special.items()]
    special = " OR ".join(test for test, _ in cases)
    yield f"CASE WHEN NOT coalesce({special}, false) THEN {text} END AS {name}"
    if len(cases) > 1:
        told = " ".join(f"WHEN {test} THEN {quote(meaning)}" for test, meaning in cases)
        yield f"CASE {told} WHEN {written} <> '' THEN {quote(A_VALUE)} END AS {name}{MEANING}"


def _is(text: str, code: str) -> str:
    """SQL for whether a text is a code, however a number is written: -9, -9.0."""
    try:
        float(code)
    except ValueError:
        return f"{text} = {quote(code)}"
    return f"({text} = {quote(code)} OR TRY_CAST({text} AS DOUBLE) = {float(code)!r})"


def _label(said: FlatMapping, label: LabelMapping, text: dict[str, str]) -> Iterator[str]:
    """The label as true or false, what is neither as it was written; and when it was known."""
    written = f"lower(trim({text['defaulted']}))"
    if label.ignore:
        written = (
            f"CASE WHEN {written} NOT IN ({', '.join(quote(one.lower()) for one in label.ignore)}) THEN {written} END"
        )
    bad = ", ".join(quote(one.lower()) for one in label.bad)
    neither = f"WHEN {written} <> '' THEN {text['defaulted']} || ' (neither good nor bad)'"
    if label.good is None:
        good = f"WHEN {written} <> '' THEN 'false'"
    else:
        good = f"WHEN {written} IN ({', '.join(quote(one.lower()) for one in label.good)}) THEN 'false' {neither}"
    yield f"CASE WHEN {written} IN ({bad}) THEN 'true' {good} END AS defaulted"
    if "known_at" in text:
        yield f"{text['known_at']} AS known_at"
    else:
        as_of = text.get("as_of", quote(str(said.observed_at or UNDATED)))
        waited = f"CAST(TRY_CAST({as_of} AS TIMESTAMP) + to_days({label.window_days or 0}) AS VARCHAR)"
        yield f"coalesce({waited}, {as_of}) AS known_at"
