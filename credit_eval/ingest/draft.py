"""A first mapping for somebody's flat file, to edit: what its columns seem to be, and what is better left out.

The file that comes of it imports as it stands where a label was found; what is doubtful stands in it as a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from credit_eval.core.errors import OutputExistsError, SourceError
from credit_eval.core.files import atomic_file
from credit_eval.ingest.flat_table import RESERVED, SQL_WORDS
from credit_eval.ingest.survey import Survey, Surveyed, bad_texts, good_texts, lines_of, survey

#: Words in names, and what they say of the unit.
_UNITS = {
    "money": r"amount|amt|income|salary|balance|bal|price|bill|limit|loan$|payment|debt|revenue|cost|value$|sum",
    "years": r"^age$|age_in_years|_years$",
    "days": r"days",
    "share": r"percent|pct|share",
    "ratio": r"ratio|rate$|dti",
}
_GROUP = r"^sex$|gender|race|ethnic|religion|nationality|marital|marriage"
_IDS = (
    r"(^|[^a-z])(id|no|nr|num|number|key|ref)$|^(id|loan|client|customer|account|applicant|contract|index|unnamed.*)$"
)
_DATES = r"as_of|asof|ask|appl|request|issue|open|snapshot|observ|period|month|date"


@dataclass(frozen=True)
class Draft:
    """A mapping as text, and what a person should know before editing it."""

    path: Path
    text: str
    told: list[str]


def draft(path: Path, *, label: str | None = None, into: Path | None = None, replace: bool = False) -> Draft:
    """Write a first mapping for a flat file, beside it.

    Args:
        path: a CSV or Parquet file.
        label: its column that says what became of a row; None: guessed.
        into: where the mapping is written; None: beside the file, ending in `.yaml`.
        replace: write over what is there.

    Returns:
        the mapping, and what was found.

    Raises:
        SourceError: the file cannot be read, or has no such column.
        OutputExistsError: there is a mapping already.
    """
    target = into or path.with_suffix(".yaml")
    if target.exists() and not replace:
        raise OutputExistsError(
            f"{target.name} is there already", expected="a name that is free", todo="say --replace, or --into FILE"
        )
    found = survey(path, label=label)
    if not found.rows:
        raise SourceError(f"{path.name} holds no rows", expected="a header and rows below it")
    drafted = _Drafted(path, found)
    text = "\n".join(drafted.lines()) + "\n"
    with atomic_file(target) as building:
        building.write_text(text, encoding="utf-8")
    return Draft(target, text, list(drafted.told()))


@dataclass(frozen=True)
class _Drafted:
    path: Path
    found: Survey

    @property
    def id(self) -> Surveyed | None:
        """The first column that names rows; else one that is called like it, with several rows each, perhaps."""
        called = [c for c in self.found.columns if re.search(_IDS, c.name.lower()) and c.known == c.rows]
        unique = [c for c in self.found.columns if c.distinct == c.rows and c.known == c.rows]
        named = [c for c in unique if c in called or c.kind in ("identifier", "names")]
        several = [c for c in called if c.kind in ("identifier", "names", "number", "category") and c.distinct > 1]
        return next(iter(named + several), None)

    @property
    def as_of(self) -> Surveyed | None:
        """The first date that is called like a date of observation, and is there in every row."""
        dates = [c for c in self.found.columns if c.kind == "date" and c.known == c.rows and not _leaks(c)]
        called = [column for column in dates if re.search(_DATES, column.name.lower())]
        return called[0] if called else None

    def left_out(self) -> Iterator[tuple[Surveyed, str]]:
        """Columns that are better not learnt from, and why."""
        for column in self.found.columns:
            if column.name in (self.found.label, self.id and self.id.name, self.as_of and self.as_of.name):
                continue
            if column.kind in ("constant", "empty"):
                yield column, "the same in every row" if column.kind == "constant" else "empty"
            elif column.kind in ("identifier", "names"):
                yield column, f"names of rows: {column.distinct:,} different values"
            elif leak := _leaks(column):
                yield column, f"may be a leak: {leak}"

    def lines(self) -> Iterator[str]:
        """The mapping, line by line."""
        found, label = self.found, self.found.label
        yield f"# A first mapping for {self.path.name}, {found.rows:,} rows, drafted from what they look like. Check:"
        yield "# the label, the dates, what higher can only mean, units, codes, and what was left out at the end."
        yield f"dataset: {_slug(self.path.stem)}"
        yield "currency: XXX  # of all amounts, such as EUR"
        yield "profiles:"
        yield f"  file: {_said(self.path.name)}"
        yield (
            f"  id: {_said(self.id.name)}"
            if self.id
            else "  # id: who a row is of; without it rows are called by their number"
        )
        yield from self._dates()
        if found.delimiter != ",":
            yield f"  delimiter: {_said(found.delimiter)}"
        if found.decimal != ".":
            yield f'  decimal: {_said(found.decimal)}\n  thousands: "."'
        missing = sorted({text for column in found.columns for text in column.missing})
        if missing:
            yield f"  missing: [{', '.join(_said(text) for text in missing)}]"
        yield from (
            self._label() if label else ['  # label: {column: …, bad: ["1"], good: ["0"]}  # what became of each row']
        )
        yield "  columns:"
        out = {column.name for column, _ in self.left_out()}
        taken: set[str] = set()
        roles: set[str] = set()
        for column in found.columns:
            kept = column.name not in {label, self.id and self.id.name, self.as_of and self.as_of.name} | out
            if kept:
                yield _line(column, taken, roles)
        if out:
            yield "  # left out:"
        for column, why in self.left_out():
            yield f"  #   {column.name}: {why}"

    def _dates(self) -> Iterator[str]:
        if self.as_of:
            yield f"  as_of: {_said(self.as_of.name)}"
            if self.as_of.format:
                yield f"  formats: {{as_of: {_said(self.as_of.format)}}}"
        else:
            yield "  # as_of: the column of the date at which each row was observed; or observed_at: one date for all"

    def _label(self) -> Iterator[str]:
        texts = [text for text, _ in self.found.balance]
        bad = bad_texts(texts)
        good = good_texts(texts, bad)
        ignored = [text for text in texts if text not in bad + good]
        yield "  label:"
        yield f"    column: {_said(str(self.found.label))}  # {_balance(self.found)}"
        yield f"    bad: [{', '.join(_said(text) for text in bad)}]"
        yield f"    good: [{', '.join(_said(text) for text in good)}]"
        if ignored:
            yield f"    ignore: [{', '.join(_said(text) for text in ignored)}]  # neither good nor bad yet"
        if self.as_of:
            yield "    window_days: 365  # how long was waited for the label? Or known_at: the column with its date"

    def told(self) -> Iterator[str]:
        """What to know before editing."""
        found = self.found
        yield f"{found.rows:,} rows, {len(found.columns)} columns"
        if found.label:
            bad = ", ".join(bad_texts([text for text, _ in found.balance]))
            yield f"label {found.label}: {_balance(found)}; bad is {bad}"
        else:
            yield "no column looks like a label: say --label COLUMN"
        yield f"id {self.id.name}" if self.id else "no column names every row: rows are called by their number"
        yield (
            f"observed at {self.as_of.name}"
            if self.as_of
            else "no date of observation: nothing can be judged out of time"
        )
        for column, why in self.left_out():
            yield f"left out {column.name}: {why}"
        for column in found.columns:
            if column.special:
                yield f"{column.name}: {', '.join(column.special)} are codes, say what they mean"


def _balance(found: Survey) -> str:
    total = sum(n for _, n in found.balance)
    return ", ".join(f"{text} {n:,} ({n / total:.1%})".replace("%", " %") for text, n in found.balance[:6])


def _leaks(column: Surveyed) -> str:
    return column.seen.leak if column.seen else ""


def _line(column: Surveyed, taken: set[str], roles: set[str]) -> str:
    name = _name(column.name, taken)
    said = [] if name == column.name else [f"from: {_said(column.name)}"]
    lower = column.name.lower()
    if re.search(_GROUP, lower):
        said += ["type: category", "role: group"]
    elif column.kind != "number":
        said.append(f"type: {column.kind}")
    if column.format:
        said.append(f"format: {_said(column.format)}")
    if column.kind == "number" and "role: group" not in said:
        said += [f"unit: {unit}" for unit in _unit(lower)]
        said += [f"role: {role}" for role in _role(lower, roles)]
        if column.special:
            codes = ", ".join(f"{_said(code)}: say what {code} means" for code in column.special)
            said.append(f"special: {{{codes}}}")
    told = "; ".join(lines_of(column))
    return f"    {name}: {{{', '.join(said)}}}" + (f"  # {told}" if told else "")


def _unit(name: str) -> Iterator[str]:
    yield from [unit for unit, pattern in _UNITS.items() if re.search(pattern, name)][:1]


def _role(name: str, taken: set[str]) -> Iterator[str]:
    patterns = {
        "annual_income": r"annual.*inc|inc.*annual|yearly.*inc",
        "income": r"income|salary",
        "amount": r"loan_am|loan_amount|credit_amount|amount_requested|^amount$|requested",
    }
    for role, pattern in patterns.items():
        if re.search(pattern, name):
            if role not in taken and not {"income", "annual_income"} & taken & {role}:
                taken.add(role)
                yield role
            return


def _name(column: str, taken: set[str]) -> str:
    """A name for SQL and profiles, of the file's own.

    >>> _name("default.payment (%)", set()), _name("Order", set()), _name("2nd", set()), _name("age", {"age"})
    ('default_payment', 'order_given', 'c_2nd', 'age_2')
    """
    name = _slug(column).replace("-", "_").strip("_") or "column"
    name = name if name[0].isalpha() else f"c_{name}"
    name = f"{name[:50]}_given" if name in SQL_WORDS | RESERVED else name[:58]
    unique, n = name, 2
    while unique in taken:
        unique, n = f"{name}_{n}", n + 1
    taken.add(unique)
    return unique


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "mine"


def _said(text: str) -> str:
    """A text as YAML, in quotes where it needs them; mappings read every scalar as text."""
    dumped = yaml.safe_dump(text, default_flow_style=True, allow_unicode=True, width=1000).strip()
    plain = dumped.removesuffix("\n...").strip()
    return f'"{text}"' if re.fullmatch(r"[-+.\d]+", text) else plain
