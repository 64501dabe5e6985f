"""Scored runs as frames. pandas cannot read the folder as it lies: beside the parts there is a manifest."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from credit_eval.core.errors import SourceError


def read_scored(run: Path | str) -> pd.DataFrame:
    """The scored file of a run's directory: one row per customer, the columns of `scoring.run.COLUMNS`.

    Args:
        run: directory of a scored run.

    Returns:
        n rows.

    Raises:
        SourceError: nothing is scored there.
    """
    return _parts(Path(run), Path(run))


def read_contributions(run: Path | str) -> pd.DataFrame:
    """How much each feature moved each customer: customer_id, as_of, base_value, log_odds, then log-odds per feature.

    Base value + contributions = log_odds, the model's raw log-odds of default.

    Args:
        run: directory of a scored run.

    Returns:
        n rows.

    Raises:
        SourceError: nothing is scored there.
    """
    return _parts(Path(run), Path(run) / "contributions")


def _parts(run: Path, folder: Path) -> pd.DataFrame:
    parts = sorted(folder.glob("part-*.parquet"))
    if not parts or not (run / "manifest.json").exists():
        raise SourceError(
            "no scored run in this directory",
            expected="part-*.parquet and manifest.json, such as data/scored/simulated/as_of=2026-07-01",
            received=f"{run.parent.name}/{run.name}",
            todo="score first: `credit-eval score`",
        )
    frames: list[pd.DataFrame] = [pq.read_table(part).to_pandas() for part in parts]
    return pd.concat(frames, ignore_index=True)
