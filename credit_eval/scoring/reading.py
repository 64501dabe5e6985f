"""Scored runs as frames. pandas cannot read the folder as it lies: beside the parts there is a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
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

    Base value + contributions = log_odds, the model's raw log-odds of default, to 1e-5. A feature that no tree asks for
    moved nobody, and has no column.

    Args:
        run: directory of a scored run.

    Returns:
        n rows.

    Raises:
        SourceError: nothing is scored there.
        IntegrityError: the run's files were changed since.
    """
    found = _frame(open_scored(Path(run)).contributions)
    single = found.select_dtypes("float32").columns
    return found.astype(dict.fromkeys(single, "float64"))


def values_of(contributed: pd.DataFrame, features: Sequence[str]) -> npt.NDArray[np.float64]:
    """Contributions (n, f) of features in their order; 0 where no tree asks for one."""
    return contributed.reindex(columns=list(features), fill_value=0.0).to_numpy(dtype=np.float64)


def _frame(parts: list[Path]) -> pd.DataFrame:
    frames: list[pd.DataFrame] = [pq.read_table(part).to_pandas() for part in parts]
    return pd.concat(frames, ignore_index=True)
