"""Last night beside the night before: who was decided otherwise, whose scores moved, which feeds stopped.

A run that finished is not yet a run to act on: a feed that stopped, or a mapping that broke, gives decisions as well.
Each check has a bound in settings.yaml (`check:`); what is beyond it is told, and the command leaves with a code of
its own, so that a scheduler can hold back what follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from credit_eval.core.files import is_building
from credit_eval.core.runs import Run
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.store import Dataset
from credit_eval.scoring.sealed import Scored, is_scored, open_scored
from credit_eval.settings import CheckSettings

Floats = NDArray[np.float64]

#: What `credit-eval check` leaves with where something is beyond its bound.
BEYOND = 24
#: Bins of the population stability index: tenths of the earlier run's scores.
_BINS = 10
_NEVER_EMPTY = 1e-4
_WEEKS_BEFORE = 4


@dataclass(frozen=True)
class Check:
    """One check: what was looked at, what came, the bound, and whether it is within."""

    what: str
    value: float
    bound: float
    within: bool
    text: str


def check_run(dataset: Dataset, all_scored: Path, run: Run, settings: CheckSettings) -> tuple[list[Check], Run | None]:
    """Look at a scored run beside the one before it.

    Args:
        dataset: that was scored.
        all_scored: directory of its scored runs.
        run: to be looked at.
        settings: the bounds.

    Returns:
        the checks, and the run it was compared with; None: there is no earlier one of its kind, and feeds alone are
        looked at.

    Raises:
        SourceError: the run is not scored.
        IntegrityError: files of one of the two were changed.
    """
    now, before = open_scored(all_scored / run.label), _before(all_scored, run)
    found = _feeds(dataset, run, settings) if run.as_of else []
    if before is None:
        return found, None
    return [*_beside(now, before, settings), *found], Run.read(before.root.name)


def _before(all_scored: Path, run: Run) -> Scored | None:
    """The run with the latest as_of before this one; of a cohort or a file there is none."""
    if run.as_of is None:
        return None
    labels = [path.name for path in all_scored.glob("as_of=*") if is_scored(path) and not is_building(path)]
    earlier = [one for one in map(Run.read, labels) if one.as_of and one.as_of < run.as_of]
    return open_scored(all_scored / max(earlier, key=lambda one: one.label).label) if earlier else None


def _beside(now: Scored, before: Scored, settings: CheckSettings) -> list[Check]:
    rows = now.manifest["rows"], before.manifest["rows"]
    change = rows[0] / rows[1] - 1
    told = f"{rows[0]:,} customers, {rows[1]:,} before"
    found = [Check("volume", change, settings.volume, abs(change) <= settings.volume, told)]
    moved = {name: _share(now, name) - _share(before, name) for name in _decisions(now, before)}
    most = max(moved, key=lambda name: abs(moved[name]))
    told = f"{most}: {_share(now, most):.1%} of the customers, {_share(before, most):.1%} before"
    found.append(Check("decisions", moved[most], settings.decisions, abs(moved[most]) <= settings.decisions, told))
    index = stability(_scores(before), _scores(now))
    return [*found, Check("scores", index, settings.psi, index <= settings.psi, f"PSI {index:.3f}")]


def stability(before: Floats, now: Floats) -> float:
    """Population stability index of two samples, over tenths of the first.

    >>> scores = np.arange(1000.0)
    >>> round(stability(scores, scores), 6), stability(scores, scores + 300) > 1
    (0.0, True)
    """
    edges = np.unique(np.quantile(before, np.linspace(0, 1, _BINS + 1)[1:-1]))
    was, came = (_shares(one, edges) for one in (before, now))
    return float(((came - was) * np.log(came / was)).sum())


def _shares(scores: Floats, edges: Floats) -> Floats:
    counts = np.bincount(np.searchsorted(edges, scores, side="right"), minlength=len(edges) + 1)
    return np.maximum(counts / len(scores), _NEVER_EMPTY)


def _decisions(now: Scored, before: Scored) -> list[str]:
    return sorted({*now.manifest["decisions"], *before.manifest["decisions"]})


def _share(run: Scored, decision: str) -> float:
    return float(run.manifest["decisions"].get(decision, 0)) / float(run.manifest["rows"])


def _scores(run: Scored) -> Floats:
    with DuckDB() as engine:
        return engine.frame(f"SELECT score::DOUBLE AS score FROM {parquet(run.parts)}")["score"].to_numpy()


def _feeds(dataset: Dataset, run: Run, settings: CheckSettings) -> list[Check]:
    """Of every table, rows known in the last week beside the least of the four weeks before.

    Beside the least, and not the mean: what comes once a month, such as statements, does not stop in the other weeks.
    """
    found = []
    with dataset.reading(), DuckDB() as engine:
        for table in dataset.tables:
            moment = f"TIMESTAMP '{run.as_of}'"
            weeks = ", ".join(
                f"count(*) FILTER (known_at < {moment} - INTERVAL {7 * week} DAY"
                f" AND known_at >= {moment} - INTERVAL {7 * week + 7} DAY)"
                for week in range(_WEEKS_BEFORE + 1)
            )
            ((lately, *before),) = engine.rows(f"SELECT {weeks} FROM {parquet(dataset.paths(table))}")
            if min(before) >= settings.feed_rows:
                share = lately / min(before)
                told = f"{table}: {lately:,} rows in the last week, {min(before):,} in the least of the four before"
                found.append(Check("feed", share, settings.feed, share >= settings.feed, told))
    return found
