"""The public data sets there are importers for, by the name a person types.

>>> sorted(IMPORTERS)
['superlender', 'xente']
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from credit_eval.core.errors import SourceError
from credit_eval.core.progress import Tick, silent
from credit_eval.ingest.superlender import import_superlender
from credit_eval.ingest.xente import import_xente
from credit_eval.schema.store import Dataset


class Importer(Protocol):
    """Turns a directory of published files into the data set `root/<name>`."""

    def __call__(
        self, source: Path, root: Path, *, quarantine: bool = False, replace: bool = False, tick: Tick = silent
    ) -> Dataset:
        """Import, or raise a SourceError or TableError and leave nothing."""


IMPORTERS: dict[str, Importer] = {"superlender": import_superlender, "xente": import_xente}


def importer_named(name: str) -> Importer:
    """The importer of that name.

    Raises:
        SourceError: there is none.
    """
    if name not in IMPORTERS:
        raise SourceError(
            "no importer of that name",
            expected="one of " + ", ".join(IMPORTERS),
            received=name,
            todo="describe your own files in a mapping: see docs/bring-your-own-data.md",
        )
    return IMPORTERS[name]
