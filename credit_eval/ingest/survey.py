"""What the columns of somebody's flat file are, seen from their texts: numbers, dates, categories, names of rows.

Nothing here is known, all is guessed, and a person edits what comes of it (`ingest.draft`). One pass a column, in SQL.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from credit_eval.ingest.flat_checks import FEW, Seen, seen_of
from credit_eval.ingest.reading import Opened, identifier
from credit_eval.schema.duckdb import DuckDB, quote, select

#: Texts that stand for "no value" in files; in a column of numbers any few texts do. (`none` may be a category.)
MISSING = ("na", "n/a", "#n/a", "nan", "null", "nil", "?", "-", "--", ".")
#: Numbers that are often no amounts: what a bureau writes for "none", and nines to the brim.
CODES = (-7, -8, -9, -77, -88, -99, -97, -98, -999, -9999, -99999, 9999, 99999, 999999, 9999999)
#: Small negative numbers among others that are not negative may be codes, or steps of a scale.
PERHAPS = (-1, -2, -3, -4, -5, -6)
#: How dates are written, the first that fits all.
FORMATS = (
    "",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%d-%b-%Y",
    "%b-%Y",
    "%b-%y",
    "%Y%m%d",
    "%Y-%m",
)
#: Texts of a column that are looked at; and of a category that are told.
MOST_TEXTS = 200
#: A number may have so few texts that are none: they are told, and read as missing.
FEW_TEXTS = 3

#: A rank correlation with the label below this size, or below three times its spread by chance, leans nowhere.
PLAIN_LEANING = 0.05

Kind = Literal["number", "category", "date", "constant", "identifier", "names", "empty"]
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Surveyed:
    """What was seen of a column.

    Attributes:
        name: as the file has it.
        kind: what it is taken for.
        rows: of the file.
        known: rows with a value.
        distinct: different values.
        missing: texts of it that stand for no value.
        special: numbers of it that are surely no amounts; `perhaps`: that may be none.
        format: of a date; empty for ISO 8601.
        low, median, high: of a number, without its special codes.
        texts: the commonest, with their rows.
        whole: of a number, whether all are whole.
        seen: beside the label, if there is one.
        leaning: +1 where the rows with a higher number are worse, -1 where better, 0 where neither is plain.
    """

    name: str
    kind: Kind
    rows: int
    known: int
    distinct: int
    missing: tuple[str, ...] = ()
    special: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    format: str = ""
    low: float = 0.0
    median: float = 0.0
    high: float = 0.0
    texts: tuple[tuple[str, int], ...] = ()
    whole: bool = False
    seen: Seen | None = None
    leaning: int = 0


@dataclass(frozen=True)
class Survey:
    """A file, how it is written, and what its columns are; `balance`: rows per text of the label."""

    delimiter: str
    decimal: str
    columns: tuple[Surveyed, ...]
    rows: int
    label: str | None
    balance: tuple[tuple[str, int], ...]

    def column(self, name: str) -> Surveyed:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


def survey(path: Path, *, label: str | None = None) -> Survey:
    """Look at every column of a CSV or Parquet file.

    Args:
        path: the file.
        label: the column that says what became of a row; None: the one that looks most like it, if any does.

    Returns:
        what was seen.

    Raises:
        SourceError: the file cannot be read, or has no such column.
    """
    opened, delimiter = Opened(skip_broken=False), ","
    if path.suffix == ".parquet":
        file = opened.parquet(path, needs=[label] if label else [])
    else:
        delimiter = delimiter_of(path)
        file = opened.csv(path, delimiter=delimiter, needs=[label] if label else [])
    with DuckDB() as engine:
        text = ", ".join(f"CAST({identifier(name)} AS VARCHAR) AS {identifier(name)}" for name in file.columns)
        engine.run(f"CREATE TEMP TABLE looked AS SELECT {text} FROM {file.numbered(list(file.columns))}")
        rows = int(engine.scalar("SELECT count(*) FROM looked"))
        decimal = _decimal(engine, list(file.columns)) if delimiter != "," else "."
        columns = tuple(_surveyed(engine, name, rows, decimal) for name in file.columns)
        label = label or _label(columns)
        if label is None:
            return Survey(delimiter, decimal, columns, rows, None, ())
        balance = next(column for column in columns if column.name == label).texts
        bad = bad_texts([said for said, _ in balance])
        columns = tuple(_beside(engine, column, label, bad, decimal) for column in columns)
    return Survey(delimiter, decimal, columns, rows, label, balance)


def delimiter_of(path: Path) -> str:
    """The sign that parts most fields of the header, and as many of the rows below it."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        lines = [line for line, _ in zip(stream, range(20), strict=False)]
    counted = {}
    for sign in _DELIMITERS:
        widths = [len(row) for row in csv.reader(lines, delimiter=sign)]
        counted[sign] = widths[0] if widths and len(set(widths[1:])) <= 1 and widths[0] in widths[:2] else 0
    return max(_DELIMITERS, key=lambda sign: counted[sign])


def bad_texts(texts: Sequence[str]) -> list[str]:
    """Which texts of a label stand for a bad: by their words, else the larger of two numbers, else the rarer.

    >>> bad_texts(["good", "bad"]), bad_texts(["1", "0"]), bad_texts(["1", "2"]), bad_texts(["Paid", "Charged Off"])
    (['bad'], ['1'], ['2'], ['Charged Off'])
    """
    worded = [text for text in texts if re.search(r"bad|default|charged|delinq|late|written|yes|true", text.lower())]
    worded = [text for text in worded if not re.search(r"^(not?|never)\b|no default|good", text.lower())]
    if worded and len(worded) < len(texts):
        return worded
    numbers = sorted(texts, key=_as_number)
    if len(texts) == 2 and all(_as_number(text) == _as_number(text) for text in texts):
        return numbers[-1:]
    return list(texts[-1:])


def good_texts(texts: Sequence[str], bad: Sequence[str]) -> list[str]:
    """Of more than two texts those that stand for a good by their words; of two the other one."""
    others = [text for text in texts if text not in bad]
    if len(texts) <= 2:
        return others
    worded = [text for text in others if re.search(r"good|paid|repaid|no\b|false|never|closed", text.lower())]
    return worded or others


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _decimal(engine: DuckDB, names: Sequence[str]) -> str:
    comma = " + ".join(rf"count(*) FILTER (regexp_matches({identifier(n)}, '^-?\d+,\d+$'))" for n in names)
    point = " + ".join(rf"count(*) FILTER (regexp_matches({identifier(n)}, '^-?\d+\.\d+$'))" for n in names)
    ((commas, points),) = engine.rows(f"SELECT {comma}, {point} FROM looked")
    return "," if commas > points else "."


def _surveyed(engine: DuckDB, name: str, rows: int, decimal: str) -> Surveyed:
    column = f"trim({identifier(name)})"
    texts = tuple(
        (str(text), int(n))
        for text, n in engine.rows(
            f"SELECT {column} AS text, count(*) AS n FROM looked WHERE {column} <> '' GROUP BY text "
            f"ORDER BY n DESC, text LIMIT {MOST_TEXTS}"
        )
    )
    missing = tuple(text for text, _ in texts if text.lower() in MISSING)
    if missing and len(missing) == len(texts) and len(texts) > 1:
        missing = ()  # a scale of such words
    value = f"CASE WHEN {column} <> '' {_unless(column, missing)} THEN {column} END"
    engine.run(f"CREATE OR REPLACE TEMP TABLE one AS SELECT {value} AS v FROM looked")
    ((known, distinct, numbers),) = engine.rows(
        f"SELECT count(v), count(DISTINCT v), count({_number('v', decimal)}) FROM one"
    )
    found = Surveyed(name, "category", rows, int(known), int(distinct), missing, texts=_without(texts, missing))
    if known == 0:
        return replace(found, kind="empty")
    if distinct == 1 and known == rows:
        return replace(found, kind="constant")
    if (date := _date_format(engine)) is not None:
        return replace(found, kind="date", format=date)
    strays = [
        text
        for text, _ in found.texts
        if _as_number(text.replace(decimal, ".")) != _as_number(text.replace(decimal, "."))
    ]
    if numbers == known or (
        len(strays) <= FEW_TEXTS and numbers >= 0.5 * known and known - numbers == _rows(found, strays)
    ):
        return _of_number(engine, replace(found, missing=(*missing, *strays)), decimal)
    names = Seen(rows, int(known), int(distinct), whole=False, span=0.0).names
    return replace(found, kind="names" if names else "category")


def _rows(found: Surveyed, texts: Sequence[str]) -> int:
    return sum(n for text, n in found.texts if text in texts)


def _without(texts: tuple[tuple[str, int], ...], missing: Sequence[str]) -> tuple[tuple[str, int], ...]:
    return tuple((text, n) for text, n in texts if text not in missing)


def _unless(column: str, texts: Sequence[str]) -> str:
    return f"AND {column} NOT IN ({', '.join(quote(text) for text in texts)})" if texts else ""


def _number(text: str, decimal: str) -> str:
    plain = text if decimal == "." else f"replace(replace({text}, '.', ''), ',', '.')"
    return f"CASE WHEN isfinite(TRY_CAST({plain} AS DOUBLE)) THEN TRY_CAST({plain} AS DOUBLE) END"


def value_of(column: Surveyed, decimal: str) -> str:
    """SQL of a column's value: a number without special codes, a date as days, a text."""
    text = f"trim({identifier(column.name)})"
    text = f"CASE WHEN {text} <> '' {_unless(text, column.missing)} THEN {text} END"
    if column.kind == "date":
        return f"(epoch({_moment(text, column.format)}) / 86400)"
    if column.kind not in ("number", "identifier"):
        return f"({text})"
    number = f"({_number(text, decimal)})"
    if not column.special:
        return number
    return f"(CASE WHEN {number} NOT IN ({', '.join(column.special)}) THEN {number} END)"


def _moment(text: str, format_: str) -> str:
    return f"try_strptime({text}, {quote(format_)})" if format_ else f"TRY_CAST({text} AS TIMESTAMP)"


def _date_format(engine: DuckDB) -> str | None:
    """The format in which all values are dates of these centuries; a bare number of other than 8 digits is none."""
    if engine.scalar(r"SELECT bool_or(NOT regexp_matches(v, '\d') OR regexp_matches(v, '^-?[\d.]{1,7}$')) FROM one"):
        return None
    for format_ in FORMATS:
        moment = _moment("v", format_)
        fits = (
            f"coalesce(bool_and(coalesce(year({moment}) BETWEEN 1900 AND 2199, false)) FILTER (v IS NOT NULL), false)"
        )
        if engine.scalar(f"SELECT {fits} FROM one"):
            return format_
    return None


def _of_number(engine: DuckDB, found: Surveyed, decimal: str) -> Surveyed:
    number = value_of(replace(found, kind="number"), decimal)
    engine.run(f"CREATE OR REPLACE TEMP TABLE one AS SELECT {number} AS v FROM looked")
    candidates = ", ".join(str(code) for code in (*CODES, *PERHAPS))
    held = {int(code) for (code,) in engine.rows(f"SELECT DISTINCT v FROM one WHERE v IN ({candidates})")}
    others = f"v NOT IN ({', '.join(str(code) for code in CODES)})"
    ((below, high),) = engine.rows(
        f"SELECT count(*) FILTER (v < 0 AND v NOT IN ({candidates})), coalesce(max(v) FILTER ({others}), 0) FROM one"
    )
    special = [code for code in CODES if code in held and ((code < 0 and not below) or (code > 0 and code > 3 * high))]
    perhaps = [code for code in PERHAPS if code in held and not below]
    if special:
        engine.run(f"UPDATE one SET v = NULL WHERE v IN ({', '.join(map(str, special))})")
    ((low, median, top),) = engine.rows(
        "SELECT coalesce(min(v), 0), coalesce(median(v), 0), coalesce(max(v), 0) FROM one"
    )
    seen = seen_of(engine, select("SELECT * FROM one"), "v", number=True)
    return replace(
        found,
        kind="identifier" if seen.identifier else "number",
        special=tuple(map(str, special)),
        perhaps=tuple(map(str, perhaps)),
        low=float(low),
        median=float(median),
        high=float(top),
        whole=seen.whole,
    )


def _label(columns: Sequence[Surveyed]) -> str | None:
    """The column of two values that is called like a label; the last one wins."""
    called = r"default|target|label|bad|class|outcome|delinq|churn|charged|^y$|status|dlq"
    likely = [c.name for c in columns if c.distinct == 2 and re.search(called, c.name.lower())]
    return likely[-1] if likely else None


def _beside(engine: DuckDB, column: Surveyed, label: str, bad: Sequence[str], decimal: str) -> Surveyed:
    """The same column, seen beside the label: whether it knows it, and which way it leans."""
    if column.name == label or column.kind in ("empty", "constant"):
        return column
    text = f"trim({identifier(label)})"
    is_bad = f"CASE WHEN {text} <> '' THEN {text} IN ({', '.join(quote(one) for one in bad)}) END"
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE one AS SELECT {value_of(column, decimal)} AS v, {is_bad} AS b FROM looked"
    )
    number = column.kind in ("number", "identifier", "date")
    seen = seen_of(engine, select("SELECT * FROM one"), "v", number=number, label="b")
    leaning = 0
    if number:
        ranked = "SELECT percent_rank() OVER (ORDER BY v) AS r, b FROM one WHERE v IS NOT NULL AND b IS NOT NULL"
        ((told, n),) = engine.rows(f"SELECT coalesce(corr(r, b::INT), 0), count(*) FROM ({ranked})")
        plain = max(PLAIN_LEANING, 3 / max(n, 1) ** 0.5)
        leaning = 0 if abs(told) < plain else (1 if told > 0 else -1)
    return replace(column, seen=seen, leaning=leaning)


def _plain(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() or abs(number) >= 100 else f"{number:.4g}"


def lines_of(found: Surveyed) -> Iterator[str]:
    """What a person is told of a column, in a few words each."""
    if found.kind == "number":
        yield f"{_plain(found.low)} to {_plain(found.high)}, median {_plain(found.median)}"
        if found.whole and found.distinct <= 10 and found.known >= FEW * found.distinct:
            yield f"only {found.distinct} different values: a category?"
    if found.kind == "category":
        told = ", ".join(text for text, _ in found.texts[:4])
        yield f"{found.distinct} values: {told}{', …' if found.distinct > 4 else ''}"
    if found.known < found.rows:
        yield f"{1 - found.known / found.rows:.1%} missing".replace("%", " %")
    if found.leaning:
        yield f"higher seems {'riskier' if found.leaning > 0 else 'safer'}"
    if found.perhaps:
        yield f"are {', '.join(found.perhaps)} codes?"
