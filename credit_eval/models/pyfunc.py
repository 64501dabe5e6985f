"""What MLflow loads: profiles in; p_default, score and grade out.

The registered model names this module as its loader and holds a saved `CreditModel` as its data, so nothing is
pickled, and category maps, feature order and calibration travel with the booster.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from credit_eval.models.model import CreditModel


@dataclass(frozen=True)
class Scorer:
    """The pyfunc interface of a `CreditModel`."""

    model: CreditModel

    def predict(self, profiles: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """p_default, score and grade of each profile; `params` is part of the interface and not used."""
        return self.model.score_frame(profiles)


def _load_pyfunc(path: str) -> Scorer:
    """Called by MLflow with the directory that `CreditModel.save` wrote."""
    return Scorer(CreditModel.load(Path(path)))
