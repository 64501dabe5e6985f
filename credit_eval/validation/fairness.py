"""Whether groups that no model may see are treated alike: restriction, ranking and calibration by group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from credit_eval.core.statistics import auc_interval, ratio_interval
from credit_eval.samples.split import MIN_BADS
from credit_eval.validation.subject import Subject

COLUMNS = ["attribute", "group", "n", "bads", "rate", "predicted", "restricted", "passes", "ratio", "auc", "auc_low",
           "auc_high", "came", "came_low", "came_high"]  # fmt: skip


def by_group(subject: Subject) -> pd.DataFrame:
    """A row per attribute and group of the rows that judge; none where the data tell no such attribute.

    `restricted`: share above the threshold. `passes`: share below it, and `ratio` that share over the highest group's:
    below 0.8, US enforcement (29 CFR 1607.4 D, the four-fifths rule) looks closer. `came`: defaults that came for each
    predicted (95 %, by customer): above 1, the group is flattered, below 1, it is wronged.
    """
    rows, found = subject.judging, []
    for attribute, groups in subject.groups.items():
        of = groups.loc[rows.index]
        told = [_group(str(attribute), str(one), rows[of == one], subject.threshold) for one in sorted(of.unique())]
        best = max(float(one["passes"]) for one in told)
        found += [one | {"ratio": float(one["passes"]) / best if best else np.nan} for one in told]
    return pd.DataFrame(found, columns=COLUMNS)


def _group(attribute: str, group: str, rows: pd.DataFrame, threshold: float) -> dict[str, float | str]:
    bads, above = int(rows["defaulted"].sum()), float((rows["p_default"] > threshold).mean())
    told: dict[str, float | str] = {
        "attribute": attribute,
        "group": group,
        "n": len(rows),
        "bads": bads,
        "rate": float(rows["defaulted"].mean()),
        "predicted": float(rows["p_default"].mean()),
        "restricted": above,
        "passes": 1 - above,
    }
    if min(bads, len(rows) - bads) >= MIN_BADS and rows["customer_id"].nunique() > 1:
        area = auc_interval(rows["defaulted"], rows["p_default"], groups=rows["customer_id"])
        came = ratio_interval(rows["defaulted"], rows["p_default"], groups=rows["customer_id"])
        told |= {"auc": area.value, "auc_low": area.low, "auc_high": area.high}
        told |= {"came": came.value, "came_low": came.low, "came_high": came.high}
    return told
