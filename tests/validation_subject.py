"""A version and its rows with a known truth, for tests of what a validator asks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from lending_sample import lending_sample
from scored_run import RECORD

from credit_eval.core.odds import probability
from credit_eval.models.model import CreditModel
from credit_eval.models.training import TrainingSettings, grow
from credit_eval.validation.subject import Subject

SETTINGS = TrainingSettings(num_iterations=60, early_stopping_round=10, folds=3)


@dataclass(frozen=True)
class Asked:
    """A feature as a validator knows it."""

    name: str
    value_type: str = "number"
    direction: int = 0
    table: str = "orders"

    @property
    def tables(self) -> frozenset[str]:
        return frozenset({self.table})

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")


ASKED = (
    Asked("late_days", direction=+1, table="repayments"),
    Asked("spending", direction=-1),
    Asked("noise", table="browsing"),
    Asked("customers_region", "category", table="customers"),
    Asked("customers_age", table="customers"),
)


def truth(rows: pd.DataFrame) -> pd.Series[float]:
    """The true probability of default behind `lending_sample`, where spending and region are known."""
    raw = (
        -2.2
        + 0.12 * rows["late_days"]
        - 0.4 * (np.log(rows["spending"]) - 4)
        + 0.8 * (rows["customers_region"] == "south")
    )
    return pd.Series(probability(raw.to_numpy()), index=rows.index)


def subject() -> Subject:
    """Grown on one sample, judged on later months of other customers."""
    taught = lending_sample(1_500)
    later = lending_sample(1_500, seed=9)
    later = later.assign(customer_id="new_" + later["customer_id"], as_of=later["as_of"] + pd.DateOffset(months=6))
    grown = grow(taught, ASKED, SETTINGS)
    rows = pd.concat(
        [
            taught.assign(part="fit", p_default=grown.p_out_of_fold),
            later.assign(part="oot", p_default=grown.model.p_default(later)),
        ],
        ignore_index=True,
    )
    return of(rows, grown.model)


def of(rows: pd.DataFrame, model: CreditModel, **changes: object) -> Subject:
    """A subject of these rows."""
    importance = dict.fromkeys((one.name for one in ASKED), 0.1)
    late = np.where(rows["late_days"] > 15, rows["late_days"], 0.0)
    made = Subject(
        record=replace(RECORD, split="time", importance=importance),
        rows=rows,
        judged=model,
        champion=model,
        features=ASKED,
        days_past_due=pd.Series(late, index=rows.index),
        tested=rows[rows["part"] == "oot"],
        groups={"sex": pd.Series(np.where(rows.index % 2, "f", "m"), index=rows.index)},
    )
    return replace(made, **changes)  # type: ignore[arg-type]
