"""How well a version ranks: by part, by month, by segment, with and without arrears, beside plain rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from credit_eval.core.statistics import auc_difference, auc_interval, ks_interval
from credit_eval.samples.split import MIN_BADS
from credit_eval.validation.subject import Declared, Subject

#: A row of a table of how well something ranks.
COLUMNS = ["what", "n", "bads", "auc", "auc_low", "auc_high", "gini", "ks", "ks_low", "ks_high", "capture"]
#: Categories of a feature that make segments: at most so many, each with rows enough.
_MOST_SEGMENTS, _LEAST_SHARE = 8, 0.02
_PLAIN_DAYS = 30


def measured(what: str, rows: pd.DataFrame) -> dict[str, object]:
    """Discrimination of rows with defaulted, p_default and customer_id; NaN where there are too few to tell.

    `capture` is the share of bads among the riskiest tenth.
    """
    bads = int(rows["defaulted"].sum())
    told: dict[str, object] = {"what": what, "n": len(rows), "bads": bads}
    if min(bads, len(rows) - bads) < MIN_BADS:
        return told | dict.fromkeys(COLUMNS[3:], np.nan)
    y, p, customers = rows["defaulted"], rows["p_default"], rows["customer_id"]
    area, distance = auc_interval(y, p, groups=customers), ks_interval(y, p, groups=customers, repeats=100)
    return told | {
        "auc": area.value,
        "auc_low": area.low,
        "auc_high": area.high,
        "gini": 2 * area.value - 1,
        "ks": distance.value,
        "ks_low": distance.low,
        "ks_high": distance.high,
        "capture": captured(y, p),
    }


def captured(defaulted: pd.Series[int], p_default: pd.Series[float], share: float = 0.1) -> float:
    """Share of bads among the riskiest `share` of rows.

    >>> captured(pd.Series([1, 0, 0, 0, 1, 0, 0, 0, 0, 0]), pd.Series([.9, .1, .1, .1, .2, .1, .1, .1, .1, .1]))
    0.5
    """
    first = np.argsort(-p_default.to_numpy(), kind="stable")[: round(share * len(p_default))]
    return float(defaulted.to_numpy()[first].sum() / defaulted.sum())


def by_part(subject: Subject) -> pd.DataFrame:
    """Development as the trees knew it, out of fold, in the gap, and out of time."""
    fit = subject.development
    known = fit.assign(p_default=subject.judged.p_default(fit)) if subject.record.split == "time" else None
    parts = {
        "development, by the trees that learnt from it": known,
        "development, out of fold": fit,
        "gap, in no use": subject.part("gap"),
        "out of time": subject.part("oot"),
    }
    return _table([measured(what, rows) for what, rows in parts.items() if rows is not None and len(rows)])


def by_month(subject: Subject) -> pd.DataFrame:
    """A row per month of as_of: what it is, part, mean prediction and default rate beside discrimination."""
    found = []
    for month, rows in subject.rows.groupby(subject.rows["as_of"].dt.strftime("%Y-%m")):
        told = measured(str(month), rows)
        found.append(
            told
            | {"part": rows["part"].iloc[0], "predicted": rows["p_default"].mean(), "rate": rows["defaulted"].mean()}
        )
    return pd.DataFrame(found, columns=[*COLUMNS, "part", "predicted", "rate"])


def by_arrears(subject: Subject) -> pd.DataFrame:
    """Rows that judge, by how late their customers were when observed; empty where nobody is late.

    With nobody late among them, what is ranked is what early lending has to go by.
    """
    rows = subject.judging
    late = subject.days_past_due.loc[rows.index]
    if not (late > 0).any():
        return _table([])
    bands = {"nothing late": late <= 0, "1 to 29 days late": (late > 0) & (late < _PLAIN_DAYS)}
    bands["30 or more days late"] = late >= _PLAIN_DAYS
    return _table([measured(what, rows[mask]) for what, mask in bands.items()] + [measured("all", rows)])


def by_segment(subject: Subject) -> pd.DataFrame:
    """Rows that judge, by the categories of features that have few of them."""
    return _table([measured(what, rows) for what, rows in _segments(subject.judging, subject.features)])


def beside_plain_rules(subject: Subject) -> pd.DataFrame:
    """The model beside what a committee asks for first: days past due, as a score and as a rule.

    `gain` is AUC of the model over the rule's, paired; `flagged`, `share_of_bads` and `rate` are of those with a day or
    more, or 30 days or more, past due.
    """
    rows = subject.judging
    late = subject.days_past_due.loc[rows.index]
    if not (late > 0).any():
        return pd.DataFrame(
            columns=["what", "auc", "gain", "gain_low", "gain_high", "flagged", "share_of_bads", "rate"]
        )
    found = []
    plain = {
        "days past due": (late, 1),
        f"{_PLAIN_DAYS} or more days past due": ((late >= _PLAIN_DAYS) * 1.0, _PLAIN_DAYS),
    }
    for what, (score, least) in plain.items():
        gain = auc_difference(rows["defaulted"], rows["p_default"], score, groups=rows["customer_id"])
        area = auc_interval(rows["defaulted"], score, groups=rows["customer_id"]).value
        mask = late >= least
        found.append(
            {
                "what": what,
                "auc": area,
                "gain": gain.value,
                "gain_low": gain.low,
                "gain_high": gain.high,
                "flagged": float(mask.mean()),
                "share_of_bads": float(rows.loc[mask, "defaulted"].sum() / rows["defaulted"].sum()),
                "rate": float(rows.loc[mask, "defaulted"].mean()) if mask.any() else np.nan,
            }
        )
    return pd.DataFrame(found)


def _segments(rows: pd.DataFrame, features: Sequence[Declared]) -> Iterator[tuple[str, pd.DataFrame]]:
    for feature in features:
        if feature.value_type != "category":
            continue
        said = rows[feature.name].fillna("unknown")
        shares = said.value_counts(normalize=True)
        if 2 <= len(shares) <= _MOST_SEGMENTS:
            for value in shares[shares >= _LEAST_SHARE].index:
                yield f"{feature.title}: {value}", rows[said == value]


def _table(found: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(found, columns=COLUMNS)
