"""Files somebody hands us, opened with suspicion: is it there, is it UTF-8, does it have the columns?

Everything in a CSV file is read as text, with no guessing of types or delimiters: what a value means is for the
declared tables to say. A row is called what a spreadsheet calls it: the header is row 1 of a CSV file.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from credit_eval.core.errors import EngineError, SourceError
from credit_eval.schema.duckdb import DuckDB, Relation, literal, parquet, quote, select
from credit_eval.schema.rules import SOURCE_FILE, SOURCE_ROW

#: Lines that may be skipped in one file; with more, the file is not what it seems.
MOST_BROKEN = 1_000

_BLOCK = 1 << 20


@dataclass(frozen=True)
class BrokenLine:
    """A line of a CSV file that cannot be split into the header's columns."""

    source_file: str
    source_row: int
    reason: str
    line: str


@dataclass(frozen=True)
class SourceFile:
    """A file that was looked at: the name it goes by, its columns, and a relation that reads it without `broken` lines.

    `columns` maps the file's own names to what `reader` calls them.
    """

    name: str
    columns: Mapping[str, str]
    reader: Relation
    header_rows: int
    broken: tuple[BrokenLine, ...] = ()

    def numbered(self, columns: Collection[str]) -> Relation:
        """Some columns and where each row comes from."""
        named = "".join(f"{identifier(self.columns[column])} AS {identifier(column)}, " for column in columns)
        return select(
            f"SELECT {named}{quote(self.name)} AS {SOURCE_FILE}, "
            f"{self._row_number()} AS {SOURCE_ROW} FROM {self.reader}"
        )

    def _row_number(self) -> str:
        """Rows read, plus the header, plus the broken lines skipped before."""
        read = f"row_number() OVER () + {self.header_rows}"
        if not self.broken:
            return read
        skipped_from = [line.source_row - nth for nth, line in enumerate(self.broken)]
        return f"{read} + len(list_filter({skipped_from}, lambda first: first <= {read}))"

    def require(self, columns: Collection[str]) -> None:
        """Raise a SourceError unless the file has all of these columns."""
        missing = [column for column in columns if column not in self.columns]
        if missing:
            raise SourceError(
                f"{self.name} lacks the column{'s' if len(missing) > 1 else ''} " + ", ".join(map(repr, missing)),
                expected=", ".join(columns),
                received=", ".join(self.columns),
                todo="check that it is the right file, or name the column as the file does",
            )


class Opened:
    """The CSV files of one import, opened alike; remembers their `paths` and the lines that were skipped.

    With `skip_broken` (under quarantine), else a broken line stops the import when it is read.
    """

    def __init__(self, *, skip_broken: bool) -> None:
        self._skip_broken = skip_broken
        self._broken: set[BrokenLine] = set()
        self.paths: list[Path] = []

    def csv(
        self,
        path: Path,
        *,
        name: str | None = None,
        delimiter: str = ",",
        missing: Sequence[str] = (),
        needs: Collection[str] = (),
    ) -> SourceFile:
        """`open_csv` with the settings of this import."""
        file = open_csv(
            path, name=name, delimiter=delimiter, missing=missing, needs=needs, skip_broken=self._skip_broken
        )
        self._broken.update(file.broken)
        self.paths.append(path)
        return file

    def parquet(self, path: Path, *, name: str | None = None, needs: Collection[str] = ()) -> SourceFile:
        """`open_parquet`, remembered."""
        self.paths.append(path)
        return open_parquet(path, name=name, needs=needs)

    @property
    def broken(self) -> tuple[BrokenLine, ...]:
        """Lines skipped so far, each once, in order."""
        return tuple(sorted(self._broken, key=lambda line: (line.source_file, line.source_row)))


def open_csv(
    path: Path,
    *,
    name: str | None = None,
    delimiter: str = ",",
    missing: Sequence[str] = (),
    needs: Collection[str] = (),
    skip_broken: bool = False,
) -> SourceFile:
    """Look at a CSV file (UTF-8, with or without a byte order mark); texts in `missing` are read as NULL.

    `name` tells it from other files of one import; it is the file's own unless given. A line that does not split
    into the header's columns stops the reading later, unless `skip_broken` finds all such lines now and skips them.

    Raises:
        SourceError: no such file, not UTF-8, no header, a column twice, or a column of `needs` missing.
    """
    _check_exists(path)
    _check_text(path)
    _check_encoding(path)
    header = _header(path, delimiter)
    names = {column: f"column{position}" for position, column in enumerate(header)}
    types = ", ".join(f"{quote(column)}: 'VARCHAR'" for column in names.values())
    nulls = ", ".join(quote(text) for text in ("", *missing))
    options = (
        f"{literal(path)}, auto_detect = false, header = true, delim = {quote(delimiter)}, quote = '\"', "
        f"escape = '\"', nullstr = [{nulls}], columns = {{{types}}}"
    )
    broken = _broken_lines(name or path.name, options) if skip_broken else ()
    reader = Relation(f"read_csv({options}, ignore_errors = {skip_broken})")
    found = SourceFile(name or path.name, names, reader, 1, broken)
    found.require(needs)
    return found


def _header(path: Path, delimiter: str) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header = next(csv.reader(stream, delimiter=delimiter), [])
    if not header or len(set(header)) < len(header):
        raise SourceError(
            f"{path.name} has no usable header",
            expected="a first row of column names, each once",
            received=", ".join(header) or "an empty file",
        )
    return header


def open_parquet(path: Path, *, name: str | None = None, needs: Collection[str] = ()) -> SourceFile:
    """Look at a Parquet file.

    Raises:
        SourceError: no such file, not Parquet, or a column of `needs` missing.
    """
    _check_exists(path)
    with DuckDB() as engine:
        try:
            types = engine.columns(path)
        except EngineError as error:
            raise SourceError(
                f"{path.name} cannot be read",
                expected="a Parquet file",
                received=error.received,
                todo="write it anew to its end: without its last bytes nothing of such a file can be read",
            ) from error
    binary = [identifier(column) for column, type_ in types.items() if type_ == "BLOB"]
    decoded = ", ".join(f"decode({column}) AS {column}" for column in binary)  # texts that nobody marked as such
    reader = select(f"SELECT * REPLACE ({decoded}) FROM {parquet(path)}") if binary else parquet(path)
    found = SourceFile(name or path.name, {column: column for column in types}, reader, 0)
    found.require(needs)
    return found


def identifier(name: str) -> str:
    """A column's name as SQL, whatever it contains.

    >>> identifier('my "best" column')
    '"my ""best"" column"'
    """
    return '"' + name.replace('"', '""') + '"'


def _broken_lines(name: str, options: str) -> tuple[BrokenLine, ...]:
    """One pass over a file for the lines with too few or too many fields, in their order.

    Other errors, a stray quote above all, leave open where the next row begins: such a file is refused.
    """
    with DuckDB(threads=1) as engine:
        try:
            engine.run(
                f"CREATE TEMP TABLE read AS SELECT count(COLUMNS(*)) FROM read_csv({options}, store_rejects = true)"
            )
        except EngineError as error:
            raise _no_rows(name, error.received) from error
        rejected = engine.rows(
            "SELECT line, min(error_message), any_value(csv_line), bool_and(error_type IN "
            "('MISSING COLUMNS', 'TOO MANY COLUMNS')) FROM reject_errors GROUP BY line ORDER BY line "
            f"LIMIT {MOST_BROKEN + 1}"
        )
    fatal = [f"line {row}: {reason.splitlines()[0]}" for row, reason, _, skippable in rejected if not skippable]
    if fatal or len(rejected) > MOST_BROKEN:
        raise _no_rows(name, fatal[0] if fatal else f"more than {MOST_BROKEN:,} such lines")
    return tuple(BrokenLine(name, int(row), reason.splitlines()[0], line) for row, reason, line, _ in rejected)


def _no_rows(name: str, received: str | None) -> SourceError:
    return SourceError(
        f"{name} cannot be split into rows",
        expected="closed quotes, one kind of line ends, and at most "
        f"{MOST_BROKEN:,} lines of another length than the header",
        received=received,
        todo="check the delimiter, the quotes and the line ends",
    )


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise SourceError(
            f"no file {path.name}", expected=f"a file at {path.parent.name}/{path.name}", todo="check the path"
        )


#: How files begin that are no text, what they are, and what to do.
_NO_TEXT = {
    b"PK\x03\x04": ("a spreadsheet or a zip archive", "save the sheet as CSV (UTF-8), or unpack the archive"),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet", "save the sheet as CSV (UTF-8)"),
    b"\x1f\x8b": ("compressed with gzip", "unpack it with `gunzip`"),
    b"BZh": ("compressed with bzip2", "unpack it with `bunzip2`"),
    b"\x28\xb5\x2f\xfd": ("compressed with Zstandard", "unpack it with `unzstd`"),
    b"PAR1": ("a Parquet file", "let its name end in .parquet"),
}


def _check_text(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(_BLOCK)
    for magic, (what, todo) in _NO_TEXT.items():
        if start.startswith(magic):
            raise SourceError(f"{path.name} is {what}", expected="a CSV file in UTF-8", received=what, todo=todo)
    if 0 in start:
        raise _not_utf8(path, "zero bytes", encoding_of(start))


def _check_encoding(path: Path) -> None:
    """Decode the whole file once: an engine that meets a bad byte late would name no line."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    line = 1
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                line += error.object.count(b"\n", 0, error.start)
                found = f"byte 0x{error.object[error.start]:02x} in line {line:,}"
                raise _not_utf8(path, found, encoding_of(error.object)) from None
            line += block.count(b"\n")


def _not_utf8(path: Path, received: str, encoding: str) -> SourceError:
    return SourceError(
        f"{path.name} is not in UTF-8",
        expected="a file in UTF-8",
        received=f"{received}; it looks like {encoding}",
        todo=f"convert it with `iconv -f {encoding} -t UTF-8 {path.name} > utf8-{path.name}`, and read a name in it",
    )


def encoding_of(start: bytes) -> str:
    """What a text that is not UTF-8 is most likely written in, as iconv names it.

    A byte order mark, or zero bytes, tell UTF-16. Chinese letters are pairs of bytes above 0x7f in GB18030, where the
    letters with accents of WINDOWS-1252 stand alone between plain ones.

    >>> encoding_of("客户，上海".encode("gb18030")), encoding_of("Jörg, Köln".encode("cp1252"))
    ('GB18030', 'WINDOWS-1252')
    >>> encoding_of("id,name".encode("utf-16")), encoding_of("id,name".encode("utf-16-be"))
    ('UTF-16', 'UTF-16BE')
    """
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    if start[1::2].count(0) > len(start) // 4 or start[::2].count(0) > len(start) // 4:
        return "UTF-16LE" if start[1::2].count(0) > start[::2].count(0) else "UTF-16BE"
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", start)]
    paired = sum(length for length in runs if length % 2 == 0)
    return "GB18030" if paired > 0.6 * sum(runs) else "WINDOWS-1252"
