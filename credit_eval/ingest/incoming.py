"""People nobody has seen: rows or events that are in no data set, read as the mapping of one says, to be scored.

They become a data set of their own, for as long as it takes: the same checks, the same times, the same meaning.
Labels are not asked for. Where a data set came without a mapping (the simulator's), files are called as the declared
tables are, and their columns too.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping as Mapped
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from credit_eval.core.errors import SourceError
from credit_eval.ingest.importing import write_dataset
from credit_eval.ingest.mapping import Mapping, read_mapping, relations_of
from credit_eval.ingest.reading import open_csv, open_parquet
from credit_eval.ingest.selects import FileMapping, SelectMapping
from credit_eval.schema.flat import ROWS
from credit_eval.schema.store import TRAINING_COHORT, Dataset, DatasetInfo
from credit_eval.schema.tables import TABLES


def import_incoming(
    info: DatasetInfo, source: Path, root: Path, name: str, *, as_of: datetime | None = None
) -> Dataset:
    """Import a file of rows, or a folder of event files, beside a data set.

    Args:
        info: of the data set whose mapping is theirs.
        source: a flat file; or a folder with the files that the mapping names.
        root: an empty directory.
        name: of the cohort that is to be scored; written where the source says whom.
        as_of: up to when events are complete; None: as the mapping says, else the midnight after the last one.

    Returns:
        the data set of these people alone, with the windows and labels of the other one.

    Raises:
        SourceError: a file is missing or lacks columns, all of which are named.
        TableError: rows break the declarations.
    """
    said, folder = _said(info, source, root)
    relations = relations_of(said, folder, labelled=False)
    cohorts = {other: rows for other, rows in relations.cohorts.items() if other != TRAINING_COHORT}
    chosen = cohorts.get(ROWS) or next(iter(cohorts.values()), None)
    dataset = write_dataset(
        root,
        info.name,
        replace(relations, cohorts={name: chosen} if chosen else {}, outcomes=None),
        source=f"{source.name}, to be scored",
        currency=info.currency,
        timezone=info.timezone,
        known_until=as_of or (None if said.profiles else said.moment(said.known_until)),
    )
    same = replace(dataset.info, window_days=info.window_days, label_source=info.label_source)
    return replace(dataset, info=same)


def rows_as_file(lines: Sequence[str], info: DatasetInfo, into: Path) -> tuple[Path, list[str]]:
    """JSON objects, one a line, as the flat file that the mapping describes.

    Args:
        lines: objects of the file's own columns; null is no value.
        info: of the data set whose mapping is theirs.
        into: an empty directory.

    Returns:
        the file, and the customer_id of each row.

    Raises:
        SourceError: a line that is no object, or a data set without a flat table.
    """
    said, _ = _said(info, into, into)
    if said.profiles is None or said.tables:
        raise SourceError(
            f"data set {info.name} is not of a flat table alone",
            expected="rows of a flat file",
            todo="give the events as files: --file FOLDER",
        )
    rows = [_object(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise SourceError("no rows to score", expected="a JSON object a line", received="nothing")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    decimal = said.profiles.decimal or "."
    path = into / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=said.profiles.delimiter)
        writer.writerow(columns)
        writer.writerows([_text(row.get(column), decimal) for column in columns] for row in rows)
    called = said.profiles.id
    return path, [_text(row.get(called), decimal) if called else str(n) for n, row in enumerate(rows, 2)]


def _object(number: int, line: str) -> Mapped[str, object]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        raise SourceError(f"line {number} is no JSON", expected="an object", received=str(error)) from None
    if not isinstance(found, dict) or any(isinstance(value, dict | list) for value in found.values()):
        raise SourceError(f"line {number} is no row", expected="an object of plain values", received=line[:80])
    return found


def _text(value: object, decimal: str) -> str:
    """A value as a file has it.

    >>> [_text(value, ",") for value in (None, True, 2, 2.0, 2.5, "a")]
    ['', 'true', '2', '2', '2,5', 'a']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value).replace(".", decimal)
    return str(value)


def _said(info: DatasetInfo, source: Path, scratch: Path) -> tuple[Mapping, Path]:
    """The mapping of the data set, made to fit the source, and the folder of its files."""
    if not info.mapping:
        return _declared(info, source), source
    path = scratch / "mapping.yaml"
    path.write_text(info.mapping, encoding="utf-8")
    said = _without_labels(read_mapping(path))
    path.unlink()
    if source.is_dir():
        return said, source
    if said.tables or said.profiles is None or not said.profiles.file:
        raise SourceError(
            f"data set {info.name} was imported from several files, or by a SELECT",
            expected="a folder with all of them, named as in its mapping",
            received=source.name,
            todo="say --file FOLDER",
        )
    if re.search(r"[*?\[]", source.name):
        expected = "a name without *, ? and ["
        raise SourceError("a file to score cannot be called so", expected=expected, received=source.name)
    profiles = said.profiles.model_copy(update={"file": source.name})
    return said.model_copy(update={"profiles": profiles}), source.parent


def _without_labels(said: Mapping) -> Mapping:
    """The mapping without what is asked of data to learn from alone: labels, and groups for fairness."""
    cohorts = {name: one for name, one in said.cohorts.items() if name != TRAINING_COHORT}
    changed: dict[str, object] = {"outcomes": None, "notes": [], "cohorts": cohorts}
    if said.profiles:
        columns = {name: one for name, one in said.profiles.columns.items() if one.role != "group"}
        changed["profiles"] = said.profiles.model_copy(update={"columns": columns})
    return said.model_copy(update=changed)


def _declared(info: DatasetInfo, folder: Path) -> Mapping:
    """A mapping of files that are called as the declared tables are."""
    tables: dict[str, FileMapping | SelectMapping] = {}
    for name, table in TABLES.items():
        for path in (folder / f"{name}.parquet", folder / f"{name}.csv"):
            if path.is_file():
                opened = open_parquet(path) if path.suffix == ".parquet" else open_csv(path)
                columns = [column.name for column in table.all_columns if column.name in opened.columns]
                tables[name] = FileMapping(file=path.name, columns={column: column for column in columns})
    if not tables:
        raise SourceError(
            f"nothing to score in {folder.name}",
            expected="a folder with files called "
            + ", ".join(f"{name}.csv" for name in info.columns)
            + ", or .parquet",
            todo="say --file FOLDER",
        )
    return Mapping(dataset=info.name, currency=info.currency, timezone=info.timezone, tables=tables)
