"""What a credit committee reads first: the money before and after, who moves, whether the risk holds, and who signed.

Plain numbers, counted by the engine or handed in; `paper_page` puts them into words, in English or Chinese.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from credit_eval.core.statistics import ratio_interval
from credit_eval.language.reasons import label
from credit_eval.models.model import GradeScale
from credit_eval.policy.losses import Losses
from credit_eval.policy.pricing import prices
from credit_eval.policy.settings import Policy
from credit_eval.report.intervals import share_interval
from credit_eval.report.summary import ADVERSE_SQL, opened
from credit_eval.schema.duckdb import DuckDB
from credit_eval.validation.truth import by_grade

#: Bands of predicted risk, whatever the policy's grades: up to the threshold at which half default, and beyond.
BANDS = (0.02, 0.05, 0.10, 0.20, 0.30, 0.40, 0.50)
_TOP = 6
Row = dict[str, Any]


@dataclass(frozen=True)
class Judged:
    """Rows that judged the model: customer_id, as_of, defaulted, p_default; and by row days past due and groups.

    Attributes:
        rows: as they were judged.
        days_past_due: (n,); 0 where nothing was late.
        groups: by attribute that no model may see, of these rows.
    """

    rows: pd.DataFrame
    days_past_due: pd.Series[float]
    groups: Mapping[str, pd.Series[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Paper:
    """The numbers of the paper.

    Attributes:
        numbers: before and after, by the names of `paper_words.NUMBERS` (of loans: asked for and granted, `LOANS`);
            None where the policy says nothing of profit.
        revolving: whether there are lines.
        moves: n, before, after (sums of limits; of rates, means) by the names of `paper_words.MOVES`.
        adverse: how many decisions are.
        customers: how many were scored.
        decided: what decided adverse decisions: code, n, and the commonest first reason of the model, if any.
        grades: as `validation.truth.by_grade`, and `now`, the customers in each, and `apr`, the mean rate.
        bands: the same by bands of risk: of all rows, and `current` and `late` apart.
        fair: attribute, group, kept, goods_stopped and bads_stopped, each an interval or None; `apart` rows end each.
    """

    numbers: dict[str, tuple[float | None, float | None]]
    moves: dict[str, Row]
    adverse: int
    customers: int
    decided: list[Row]
    grades: list[Row]
    bands: dict[str, list[Row]]
    fair: list[Row]
    revolving: bool = True


def paper(
    scored: Path,
    policy: Policy,
    *,
    revolving: bool,
    judged: Judged | None,
    groups: Callable[[pd.DataFrame], Mapping[str, pd.Series[str]]],
) -> Paper:
    """Count a scored directory, and hold it against the rows that judged the model.

    Args:
        scored: directory of the run.
        policy: under which it was decided.
        revolving: whether there are lines; of loans all that is granted is drawn.
        judged: None: nothing is kept.
        groups: gives the groups of rows with customer_id and as_of, by attribute.

    Returns:
        the numbers.
    """
    threshold = policy.restriction.threshold
    with opened(scored) as engine:
        adverse, customers = engine.rows(f"SELECT count(*) FILTER ({ADVERSE_SQL}), count(*) FROM scored")[0]
        kept = engine.frame(f"SELECT customer_id, as_of, NOT {ADVERSE_SQL} AS kept FROM scored")
        now = engine.frame("SELECT grade, count(*) AS now, avg(apr) AS apr FROM scored GROUP BY grade")
        return Paper(
            numbers=_numbers(engine, threshold, revolving=revolving),
            moves=_moves(engine) if revolving else _loans(engine),
            adverse=adverse,
            customers=customers,
            decided=_decided(engine),
            grades=_grades(judged, policy, now),
            bands=_bands(judged),
            fair=_fair(kept, groups(kept), judged, threshold),
            revolving=revolving,
        )


def _numbers(engine: DuckDB, threshold: float, *, revolving: bool) -> dict[str, tuple[float | None, float | None]]:
    asked = "(exposure_before - balance)"  # a loan is drawn whole
    limits = ("coalesce(limit_previous, 0)", "limit_new") if revolving else (asked, "limit_new")
    free = [f"greatest({limit} - balance, 0)" for limit in limits] if revolving else limits
    counted = [f"count(*) FILTER ({limit} > 0)" for limit in limits]
    sums = [f"sum({limit})" for limit in limits]
    average = [f"{total} / nullif({n}, 0)" for total, n in zip(sums, counted, strict=True)]
    of = {
        "lines": counted,
        "limits": sums,
        "free" if revolving else "average": [f"sum({one})" for one in free] if revolving else average,
        "free_risky": [f"coalesce(sum({one}) FILTER (p_default > {threshold}), 0)" for one in free],
        "risk_of_free": [f"sum(p_default * {one}) / nullif(sum({one}), 0)" for one in free],
        "exposure": ["sum(exposure_before)", "sum(exposure)"],
        "expected_loss": ["sum(expected_loss_before)", "sum(expected_loss)"],
        "loss_rate": [f"sum(expected_loss{w}) / nullif(sum(exposure{w}), 0)" for w in ("_before", "")],
        "revenue": ["sum(revenue_before)", "sum(revenue)"],
        "margin": ["sum(profit_before)", "sum(profit)"],
    }
    found = engine.rows("SELECT " + ", ".join(sql for pair in of.values() for sql in pair) + " FROM scored")[0]
    values = [None if value is None or np.isnan(float(value)) else float(value) for value in found]
    return {name: (values[2 * i], values[2 * i + 1]) for i, name in enumerate(of)}


def _moves(engine: DuckDB) -> dict[str, Row]:
    moved = (
        "CASE WHEN decision = 'restrict' THEN 'stopped' WHEN limit_previous IS NULL AND limit_new = 0 THEN 'refused' "
        "WHEN limit_previous IS NULL THEN 'opened' WHEN limit_new > limit_previous THEN 'raised' "
        "WHEN limit_new < limit_previous THEN 'lowered' ELSE 'kept' END"
    )
    found = engine.rows(
        f"SELECT {moved}, count(*), sum(coalesce(limit_previous, 0)), sum(limit_new) FROM scored GROUP BY 1"
    )
    rates = engine.rows(
        "SELECT CASE WHEN apr > apr_previous THEN 'dearer' ELSE 'cheaper' END, count(*), avg(apr_previous), avg(apr) "
        "FROM scored WHERE apr <> apr_previous GROUP BY 1"
    )
    return {name: {"n": n, "before": before, "after": after} for name, n, before, after in [*found, *rates]}


def _loans(engine: DuckDB) -> dict[str, Row]:
    """Loans by what was decided: asked for, and granted."""
    found = engine.rows(
        "SELECT 'loan_' || decision, count(*), sum(exposure_before - balance), sum(limit_new) FROM scored GROUP BY 1"
    )
    return {name: {"n": n, "before": asked, "after": granted} for name, n, asked, granted in found}


def _decided(engine: DuckDB) -> list[Row]:
    """What decided adverse decisions, commonest first, and the first reason that the model gave most often."""
    found = engine.rows(
        f"SELECT decided_by, count(*), mode(reason_code_1) FROM scored WHERE {ADVERSE_SQL} "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP}"
    )
    return [{"code": code, "n": n, "reason": reason} for code, n, reason in found]


def _grades(judged: Judged | None, policy: Policy, now: pd.DataFrame) -> list[Row]:
    scale = GradeScale(tuple(g.up_to for g in policy.grades[:-1]), tuple(g.grade for g in policy.grades))
    order = pd.DataFrame({"grade": scale.labels}).merge(now, on="grade", how="left")
    if judged is not None:
        order = order.merge(by_grade(judged.rows, scale), on="grade", how="left")
    return _records(order)


def _bands(judged: Judged | None) -> dict[str, list[Row]]:
    if judged is None:
        return {}
    edges = (0.0, *BANDS, 1.0)
    names = tuple(f"{low:.0%}–{high:.0%}" for low, high in pairwise(edges))
    late = judged.days_past_due.to_numpy() > 0
    parts = {"all": np.ones(len(late), dtype=bool), "current": ~late, "late": late}
    return {name: _records(by_grade(judged.rows[mask], GradeScale(BANDS, names))) for name, mask in parts.items()}


def _fair(
    kept: pd.DataFrame, groups: Mapping[str, pd.Series[str]], judged: Judged | None, threshold: float
) -> list[Row]:
    """By group: decisions that are not adverse, and errors on the rows that judged; and the largest differences.

    Selection rate, false and true positive rates and their largest differences between groups are what fairlearn
    calls demographic parity and equalized odds (Hardt, Price and Srebro, 2016).
    """
    found: list[Row] = []
    for attribute, of in groups.items():
        rows = [
            _group(attribute, group, kept[(of == group).to_numpy()], judged, threshold) for group in sorted(set(of))
        ]
        found += [*rows, _apart(attribute, rows)]
    return found


def _group(attribute: str, group: str, kept: pd.DataFrame, judged: Judged | None, threshold: float) -> Row:
    row: Row = {"attribute": attribute, "group": group, "n": len(kept)}
    row["kept"] = share_interval(int(kept["kept"].sum()), len(kept))
    mine = None if judged is None or attribute not in judged.groups else judged.groups[attribute] == group
    for name, label_ in (("goods_stopped", 0), ("bads_stopped", 1)):
        row[name] = None
        if judged is not None and mine is not None:
            some = judged.rows[mine.to_numpy() & (judged.rows["defaulted"] == label_).to_numpy()]
            if some["customer_id"].nunique() > 1:
                above = (some["p_default"] > threshold).astype(float)
                row[name] = ratio_interval(above, np.ones(len(some)), groups=some["customer_id"])
    return row


def _apart(attribute: str, rows: list[Row]) -> Row:
    told: Row = {"attribute": attribute, "group": None, "n": sum(row["n"] for row in rows)}
    for name in ("kept", "goods_stopped", "bads_stopped"):
        values = [row[name].value for row in rows if row[name] is not None]
        told[name] = max(values) - min(values) if values else None
    return told


def _records(frame: pd.DataFrame) -> list[Row]:
    return [
        {str(name): None if isinstance(value, float) and np.isnan(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def losing_grades(policy: Policy, losses: Losses, scored: Path) -> list[Row]:
    """Grades whose rate does not bear what their credit costs: grade, apr, needed, and who signed (None: nobody)."""
    with opened(scored) as engine:
        seen = engine.frame(
            "SELECT grade, avg(p_default) AS p, count(*) AS n, coalesce(avg(balance) FILTER (balance > 0), 0) AS owed "
            "FROM scored GROUP BY grade"
        )
    table = prices(policy, losses, seen)
    lends = {grade.grade for grade in policy.grades if grade.limit_cap > 0}
    return [row for row in _records(table) if row["short"] > 0 and row["grade"] in lends]


def reason_label(code: str | None, language: Any) -> str:
    """The label of a reason code; nothing for none."""
    return label(code, language) if code else ""
