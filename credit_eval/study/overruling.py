"""How customers did whom people decided over the policy: overrides beside what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from credit_eval.samples.definition import label_cohort
from credit_eval.scoring.overrides import HOLDS, WAITS, as_table, overrides
from credit_eval.study.study import Study

_KEYS = ["customer_id", "as_of"]


def overruled(study: Study) -> pd.DataFrame:
    """Every override of a data set, and what became of its customer within the window after the decision.

    Args:
        study: of the data set.

    Returns:
        the fields of `scoring.overrides.Override`, a row each in their order, and `defaulted` (Int8; NA: not known
        yet, or not to be judged) with `exclusion`, why not.

    Raises:
        IntegrityError: the log of the ledger was changed.
    """
    found = as_table(overrides(study.ledger.log(study.name)))
    members = found[_KEYS].assign(as_of=pd.to_datetime(found["as_of"]).astype("datetime64[us]"))
    members = members.drop_duplicates().sort_values(_KEYS, ignore_index=True)
    if members.empty:
        return found.assign(defaulted=pd.Series(dtype="Int8"), exclusion=pd.Series(dtype=object))
    with study.engine() as engine, study.file_of(members) as path:
        labels = label_cohort(engine, study.dataset, path, study.definition)
    labels = labels[[*_KEYS, "defaulted", "exclusion"]].assign(as_of=labels["as_of"].astype(str))
    return found.merge(labels, on=_KEYS, how="left", validate="many_to_one")


def monitored(told: pd.DataFrame, today: datetime) -> pd.DataFrame:
    """What overrides come to by what they did and why.

    Who was allowed something was chosen by a person, and what they were allowed changes what they can fail on: the
    defaults say how such decisions went, not what the policy's would have come to.

    Args:
        told: as `overruled` gives it.
        today: up to when the data are known; an override that ended before no longer holds.

    Returns:
        then, why, `said`, `waiting`, `holding` (now), `judged` (whose window has passed, of those that ever held),
        `defaulted` of them, and `expected` of them by the model's probabilities.
    """
    held = told["state"].isin([HOLDS, "withdrawn"])
    judged = held & told["defaulted"].notna()
    columns: dict[str, pd.Series[Any]] = {
        "said": pd.Series(1, index=told.index),
        "waiting": told["state"].eq(WAITS).astype(int),
        "holding": (told["state"].eq(HOLDS) & (told["until"] >= f"{today:%Y-%m-%d}")).astype(int),
        "judged": judged.astype(int),
        "defaulted": told["defaulted"].where(judged, 0).astype(int),
        "expected": told["p_default"].astype(float).where(judged, 0.0),
    }
    return told[["then", "why"]].assign(**columns).groupby(["then", "why"], as_index=False).sum()
