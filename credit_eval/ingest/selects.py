"""Files and SELECTs as a mapping names them, and the SQL that turns them into rows of a shape, still as text."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from credit_eval.core.errors import SourceError
from credit_eval.ingest.reading import Opened, SourceFile, identifier
from credit_eval.schema.duckdb import Relation, one_select, quote, select
from credit_eval.schema.rules import SOURCE_FILE, SOURCE_ROW, Shape, shared_abbreviation

#: What a person types: an unknown key is refused.
STRICT = ConfigDict(extra="forbid", frozen=True)


class NamedFile(BaseModel):
    """A file, or a pattern of files, that SELECTs read under a name: every column as text, beside `source_file` and
    `source_row`. `columns`: those that must be there, and the only ones that are seen; None: all there are.
    """

    model_config = STRICT

    file: str
    columns: list[str] | None = None
    missing: list[str] = []
    delimiter: str = Field(default=",", min_length=1, max_length=1)


class FileMapping(BaseModel):
    """Which file, and how its columns become declared ones.

    `columns` maps declared names to the file's; `values` replaces texts (those not listed stay as they are);
    `constants` fills a declared column with one text; `formats` are strptime formats of times; texts in
    `missing` are read as no value. `decimal` and `thousands`: how numbers are written. `duplicates`:
    rows that are the same in every column are refused, or all but the first dropped and counted.
    """

    model_config = STRICT

    file: str
    columns: dict[str, str]
    values: dict[str, dict[str, str]] = {}
    constants: dict[str, str] = {}
    formats: dict[str, str] = {}
    missing: list[str] = []
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str = Field(default="", max_length=1)
    duplicates: Literal["refuse", "drop"] = "refuse"


class SelectMapping(BaseModel):
    """One SELECT over the named files and views; it gives declared columns, of any type."""

    model_config = STRICT

    select: str
    duplicates: Literal["refuse", "drop"] = "refuse"


def _how(said: Any) -> str:
    return "select" if isinstance(said, dict) and "select" in said else "file"


TableMapping = Annotated[
    Annotated[FileMapping, Tag("file")] | Annotated[SelectMapping, Tag("select")], Discriminator(_how)
]
#: A name that SELECTs use.
Word = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$", max_length=60)]


@dataclass(frozen=True)
class Selects:
    """Makes the SELECTs that turn mapped files, found in a folder, into rows of a shape."""

    folder: Path
    opened: Opened

    def named(self, one: str | NamedFile) -> Relation:
        """The rows of a named file: its columns as text, and where each row comes from."""
        one = NamedFile(file=one) if isinstance(one, str) else one
        parts = [self._open(path, one, one.columns or []) for path in self._paths(one)]
        rows = " UNION ALL BY NAME ".join(f"FROM {part.numbered(one.columns or list(part.columns))}" for part in parts)
        return select(rows)

    def of(self, shape: Shape, one: FileMapping | SelectMapping) -> Relation:
        """The rows of one table, cohort, or the outcomes."""
        if isinstance(one, SelectMapping):
            return one_select(one.select)
        columns = [f"{column_text(shape, name, one)} AS {name}" for name in one.columns]
        columns += [f"{quote(value)} AS {name}" for name, value in one.constants.items()]
        columns += [SOURCE_FILE, SOURCE_ROW]
        rows = self.rows(one, list(dict.fromkeys(one.columns.values())))
        return select(f"SELECT {', '.join(columns)} FROM {rows}")

    def rows(self, one: FileMapping, needs: list[str]) -> Relation:
        """Some columns of the mapped files as they are, and where each row comes from."""
        parts = (f"FROM {self._open(path, one, needs).numbered(needs)}" for path in self._paths(one))
        return select(" UNION ALL ".join(parts))

    def _paths(self, one: FileMapping | NamedFile) -> list[Path]:
        pattern = re.search(r"[*?\[]", one.file)
        paths = sorted(self.folder.glob(one.file)) if pattern else [self.folder / one.file]
        if not paths:
            raise SourceError(
                f"no file matches {one.file}", expected=f"a file in {self.folder.name}/", todo="check the pattern"
            )
        return paths

    def _open(self, path: Path, one: FileMapping | NamedFile, needs: list[str]) -> SourceFile:
        name = os.path.relpath(path, self.folder)
        if path.suffix == ".parquet":
            return self.opened.parquet(path, name=name, needs=needs)
        missing = one.missing if isinstance(one, NamedFile) else ()
        return self.opened.csv(path, name=name, delimiter=one.delimiter, missing=missing, needs=needs)


def _number(text: str, one: FileMapping) -> str:
    """A number with its own signs for decimals and thousands, as everybody writes it; thousands are groups of three.

    Where nobody said which signs, `1.250` in a CSV file may be either, and is no number.
    """
    if not one.model_fields_set & {"decimal", "thousands"}:
        either = quote(" (a point for thousands, or three decimals? say `decimal` and `thousands`)")
        unsure = rf"regexp_matches({text}, '^[-+]?\d{{1,3}}\.\d{{3}}$')"
        return text if one.file.endswith(".parquet") else f"CASE WHEN {unsure} THEN {text} || {either} ELSE {text} END"
    decimal, thousands = (re.escape(sign) for sign in (one.decimal, one.thousands or "\0"))
    pattern = quote(rf"^[-+]?(\d+|\d{{1,3}}({thousands}\d{{3}})+)({decimal}\d*)?$")
    plain = f"replace({text}, {quote(one.thousands)}, '')" if one.thousands else text
    plain = f"replace({plain}, {quote(one.decimal)}, '.')"
    like = quote(f" (not like 1{one.thousands}234{one.decimal}50)")
    written = f"WHEN regexp_matches({text}, {pattern}) THEN {plain}"
    return f"CASE WHEN {text} IS NULL OR {text} = '' THEN {text} {written} ELSE {text} || {like} END"


def column_text(shape: Shape, name: str, one: FileMapping) -> str:
    """A declared column from the file's, still as text: values replaced, times of a format written as ISO 8601.

    What does not fit a format is left as text that no cast accepts, so validation reports it as it was written.
    """
    text = f"CAST({identifier(one.columns[name])} AS VARCHAR)"
    if one.missing:
        text = f"CASE WHEN {text} NOT IN ({', '.join(quote(said) for said in one.missing)}) THEN {text} END"
    if name in one.values:
        cases = " ".join(f"WHEN {quote(theirs)} THEN {quote(ours)}" for theirs, ours in one.values[name].items())
        text = f"CASE {text} {cases} ELSE {text} END"
    declared = shape.column(name)
    if declared is not None and declared.type in ("decimal", "int"):
        return _number(text, one)
    if declared is not None and declared.type == "number" and one.model_fields_set & {"decimal", "thousands"}:
        return _number(text, one)
    if declared is None or declared.type != "timestamp" or name not in one.formats:
        return text
    pattern = quote(one.formats[name])
    read = f"CASE WHEN NOT {shared_abbreviation(text)} THEN CAST(try_strptime({text}, {pattern}) AS VARCHAR) END"
    return f"coalesce({read}, {text} || ' (not like ' || {pattern} || ')')"
