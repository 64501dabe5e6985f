"""Scored runs as frames. pandas cannot read the folder as it lies: beside the parts there is a manifest."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from credit_eval.scoring.sealed import open_scored


def read_scored(run: Path | str) -> pd.DataFrame:
    """The scored file of a run's directory: one row per customer, the columns of `scoring.run.COLUMNS`.

    Args:
        run: directory of a scored run.

    Returns:
        n rows.

    Raises:
        SourceError: nothing is scored there.
        IntegrityError: the run's files were changed since.
    """
    return _frame(open_scored(Path(run)).parts)


def read_contributions(run: Path | str) -> pd.DataFrame:
    """How much each feature moved each customer: customer_id, as_of, base_value, log_odds, then log-odds per feature.

    Base value + contributions = log_odds, the model's raw log-odds of default.

    Args:
        run: directory of a scored run.

    Returns:
        n rows.

    Raises:
        SourceError: nothing is scored there.
        IntegrityError: the run's files were changed since.
    """
    return _frame(open_scored(Path(run)).contributions)


def _frame(parts: list[Path]) -> pd.DataFrame:
    frames: list[pd.DataFrame] = [pq.read_table(part).to_pandas() for part in parts]
    return pd.concat(frames, ignore_index=True)
