"""Room for the nights to come: runs beyond the last ones go, with their profiles and letters.

What a decision was stays in the ledger, and models stay with what they were judged by. A directory is first given a
name that nobody reads, then removed: a kill leaves no half of a run.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from credit_eval.core.errors import CreditEvalError, SourceError
from credit_eval.core.files import is_building
from credit_eval.core.locks import exclusive, hold, let_go
from credit_eval.scoring.sealed import is_scored, open_scored
from credit_eval.settings import Paths


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be: directories and files below the project, and their size in bytes."""

    removed: tuple[str, ...]
    bytes: int


def prune(paths: Paths, dataset: str, *, keep: int, dry: bool = False) -> Pruned:
    """Remove the scored runs of a data set but the last ones.

    Args:
        paths: of the project.
        dataset: its name.
        keep: how many runs stay, by when they finished; with them what they replaced.
        dry: remove nothing, and say what would be.

    Returns:
        what went.

    Raises:
        SourceError: fewer than one run would stay.
        StorageError: the disk refused.
    """
    if keep < 1:
        raise SourceError("nothing would be left", expected="--keep 1 or more", received=str(keep))
    runs = sorted(_runs(paths.all_scored(dataset)), key=lambda label: _finished(paths.all_scored(dataset) / label))
    gone = [place for label in runs[:-keep] for place in _of_run(paths, dataset, label)]
    gone += _left_by_kills(paths, dataset)
    found = Pruned(tuple(place.relative_to(paths.root).as_posix() for place in gone), sum(map(_size, gone)))
    if not dry:
        for place in gone:
            _remove(place)
    return found


def _runs(root: Path) -> list[str]:
    return [path.name for path in root.glob("*") if is_scored(path) and not is_building(path)]


def _finished(scored: Path) -> str:
    try:
        return str(open_scored(scored).manifest["finished"])
    except CreditEvalError:
        return "9"  # a damaged run is looked at by a person before it goes


def _of_run(paths: Paths, dataset: str, label: str) -> list[Path]:
    """Everything that was made for a run, the run itself last, so that a kill leaves what can be pruned again."""
    places = [
        paths.profiles(dataset, label),
        paths.cohort(dataset, label),
        paths.letters(dataset, label, "en").parent,
        paths.replaced(dataset, label),
        *(paths.report(dataset, label, language) for language in ("en", "zh")),
        paths.scored(dataset, label),
    ]
    return [place for place in places if place.exists()]


def _left_by_kills(paths: Paths, dataset: str) -> Iterator[Path]:
    roots = [paths.raw, paths.scratch, *(paths.root / "data").glob(f"*/{dataset}")]
    yield from (path for root in roots for path in root.glob(".*.building") if not _is_held(path))


def _is_held(path: Path) -> bool:
    try:
        let_go(hold(path))
    except (BlockingIOError, FileNotFoundError):
        return True
    return False


def _size(place: Path) -> int:
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)


def _remove(place: Path) -> None:
    with exclusive(place.parent, wait=True):
        if not is_building(place):
            hidden = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.building")
            place.rename(hidden)
            place = hidden
        shutil.rmtree(place) if place.is_dir() else place.unlink()
