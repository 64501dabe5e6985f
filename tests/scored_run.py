"""A small scored run with its validation record, written as the batch run and training would write them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from credit_eval.core.odds import ScoreScale
from credit_eval.core.seals import sha256_file
from credit_eval.models.model import Calibration
from credit_eval.models.record import Record
from credit_eval.profiles.store import DESCRIBED, ProfilesInfo, describe_profiles
from credit_eval.samples.cohorts import Drawn
from credit_eval.samples.definition import DefaultDefinition
from credit_eval.schema.store import DatasetInfo
from credit_eval.scoring.records import leaf_hashes, write_tree
from credit_eval.scoring.run import COLUMNS
from credit_eval.scoring.sealed import open_scored, seal_scored

FEATURES = ("payments_failed_count_30d", "orders_placed_days_since_last", "customers_region_last")
CODES = ("R_FAILED_PAYMENTS", "R_ORDER_ACTIVITY", "R_CUSTOMER_PROFILE", "R_LATE_REPAYMENTS", "R_RETURNS")
GRADES = (("A", 0.05), ("B", 0.20), ("C", 0.50), ("D", 1.0))
AS_OF = datetime(2026, 3, 1)

INFO = DatasetInfo(
    name="toy",
    source="a test",
    currency="CNY",
    known_from=datetime(2025, 1, 1),
    known_until=datetime(2026, 3, 1),
    label_source="repayments",
    columns={"customers": ["customer_id", "occurred_at", "known_at"], "orders": ["customer_id", "amount"]},
    rows={"customers": 400, "orders": 5_000},
    hashes={"customers.parquet": "11" * 32, "orders.parquet": "22" * 32},
    notes=["times are taken as UTC as written"],
)


def scored_frame(customers: int = 400, seed: int = 0, *, adverse: bool = True, lines: bool = True) -> pd.DataFrame:
    """The scored file; a few customers have no line, some reasons are missing. Without `adverse`, all are approved."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.6, 4, customers)
    previous = np.where(rng.random(customers) < 0.2, np.nan, rng.integers(0, 30, customers) * 100.0)
    granted = np.round(2000 * (1 - p) ** 3, 2)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:05}" for i in range(customers)],
            "as_of": pd.Series([AS_OF] * customers).astype("datetime64[us]"),
            "p_default": p,
            "score": ScoreScale().whole_points(p),
            "grade": np.array([g for g, _ in GRADES], dtype=object)[np.searchsorted([b for _, b in GRADES], p)],
            "decision": "approve",
            "limit_previous": previous if lines else np.nan,
            "limit_new": granted,
            "limit_bound_by": np.where(rng.random(customers) < 0.5, "grade_cap", "affordability"),
            "apr": 0.12,
            "max_installments": 6,
            "policy_reason": "limit set by the cap of grade A, 500",
            "policy_facts": '[["grade_cap",{"grade":"A","cap":500.0}]]',
            "apr_previous": np.nan,
            "balance": 0.0,
            "exposure": granted * 0.5,
            "revenue": granted * 0.02,
            "exposure_before": np.nan_to_num(previous) * 0.5,
            "expected_loss_before": 1.5,
            "revenue_before": np.nan_to_num(previous) * 0.02,
            "profit_before": 2.0,
            "model_version": "toy/1",
            "policy_version": "default/2026-1",
            "expected_loss": 1.25,
            "profit": 2.5,
            "profit_below": 2.4,
            "profit_above": 2.45,
            "decided_by": np.where(rng.random(customers) < 0.7, "score", "affordability"),
        }
    )
    chosen = rng.permuted(np.tile(CODES, (customers, 1)), axis=1)
    for rank in (1, 2, 3, 4):
        code = chosen[:, rank - 1].astype(object)
        code[rng.random(customers) < 0.05 * rank] = None
        frame[f"reason_code_{rank}"] = code
        frame[f"reason_text_{rank}"] = [None if each is None else f"said of {each}" for each in code]
    return (_adverse(frame) if adverse else frame).loc[:, list(COLUMNS)]


def _adverse(frame: pd.DataFrame) -> pd.DataFrame:
    line = frame["limit_previous"].notna()
    risky, lower = frame["p_default"] > 0.5, frame["limit_new"] < frame["limit_previous"]
    frame.loc[line & lower, "decision"] = "reduce"
    by_budget = line & lower & (np.arange(len(frame)) % 3 == 0)
    frame.loc[by_budget, "limit_bound_by"] = "expected_loss_budget"
    frame.loc[risky, "limit_bound_by"] = "restriction"
    frame.loc[risky, "decided_by"] = "score"
    late = np.arange(len(frame)) % 29 == 0
    frame.loc[late & line & (np.arange(len(frame)) % 2 == 0), "limit_previous"] = 0.0
    frame.loc[late, ["limit_bound_by", "decided_by"]] = "in_default"
    frame.loc[(risky | late) & line, "decision"] = "restrict"
    frame.loc[(risky | late) & ~line, "decision"] = "decline"
    frame.loc[risky | late, "limit_new"] = 0.0
    return frame


def contributions_of(frame: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(size=(len(frame), len(FEATURES)))
    table = frame[["customer_id", "as_of"]].assign(base_value=-2.0, log_odds=values.sum(axis=1) - 2.0)
    return table.assign(**dict(zip(FEATURES, values.T, strict=True)))


def profiles_of(frame: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    rng, n = np.random.default_rng(seed), len(frame)
    recency = np.where(rng.random(n) < 0.2, np.nan, rng.gamma(2, 10, n))
    return frame[["customer_id", "as_of"]].assign(
        payments_failed_count_30d=rng.poisson(0.5, n).astype(float),
        orders_placed_days_since_last=recency,
        customers_region_last=rng.choice(["north", "south"], n),
    )


def write_parts(frame: pd.DataFrame, directory: Path, parts: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), parts)):
        frame.iloc[rows].to_parquet(directory / f"part-{number:05}.parquet", index=False)


def write_run(root: Path, frame: pd.DataFrame, *, parts: int = 2) -> Path:
    """`<root>/toy/as_of=2026-03-01`: the scored file, its contributions and its manifest."""
    scored = root / "toy" / "as_of=2026-03-01"
    write_parts(frame, scored, parts)
    write_parts(contributions_of(frame), scored / "contributions", parts)
    write_profiles(root / "profiles", profiles_of(frame), parts=parts)
    leaves = [one for part in sorted(scored.glob("part-*.parquet")) for one in leaf_hashes(pq.read_table(part))]
    described = sha256_file(root / "profiles" / DESCRIBED)
    seal_scored(scored, manifest(len(frame), described) | {"tree": write_tree(scored, leaves)})
    return scored


def write_profiles(directory: Path, frame: pd.DataFrame, *, parts: int = 2) -> None:
    """Profiles as the build writes them, but for what their features mean."""
    write_parts(frame, directory, parts)
    described = ProfilesInfo("toy", INFO.fingerprint, "ab" * 32, "as_of=2026-03-01", len(frame), [*FEATURES], {}, [])
    describe_profiles(directory, described)


def edit_manifest(scored: Path, **said: object) -> None:
    """Let a run's manifest say something else, as if the run had written that."""
    seal_scored(scored, {**open_scored(scored).manifest, **said})


def manifest(rows: int, profiles: str = "00" * 32) -> dict[str, Any]:
    return {
        "dataset": "toy",
        "cohort": "as_of=2026-03-01",
        "data_fingerprint": INFO.fingerprint,
        "catalogue_fingerprint": "ab" * 32,
        "model_version": 1,
        "model_fingerprint": "cd" * 32,
        "policy": {},
        "policy_name": "default",
        "policy_version": "2026-1",
        "code_version": "0.1.0",
        "definition": {"days_past_due": 60, "window_days": 120},
        "revolving": True,
        "jurisdiction": "any",
        "rows": rows,
        "features_absent": {},
        "never_seen_unknown": {},
        "never_seen": {},
        "calibrated_on": "out of fold",
        "currency": "CNY",
        "decisions": {},
        "explained_by": {},
        "language": "en",
        "losses": {"lgd": 0.5, "ccf": 0.5, "lgd_is": "assumed", "ccf_is": "assumed", "window_days": 120},
        "model_of": "toy",
        "profiles": profiles,
        "replaced": [],
        "typical": {},
        "started": "2026-03-02 01:00:00",
        "finished": "2026-03-02 01:00:05",
    }


@dataclass(frozen=True)
class Quality:
    """Metrics of a record."""

    auc: float = 0.80
    n: int = 5_000
    default_rate: float = 0.10

    def flat(self) -> dict[str, float]:
        values = {"auc": self.auc, "gini": 2 * self.auc - 1, "ks": 0.5, "brier": 0.07}
        ends = {f"{name}_low": value - 0.01 for name, value in values.items()}
        ends |= {f"{name}_high": value + 0.01 for name, value in values.items()}
        bads = round(self.n * self.default_rate)
        counts = {
            "n": self.n,
            "bads": bads,
            "default_rate": self.default_rate,
            "log_loss": 0.3,
            "ece": 0.01,
            "ece_by_chance": 0.008,
        }
        return values | ends | counts


#: A model with nothing to warn of.
RECORD = Record(
    dataset="toy",
    model_version=1,
    identity="ab",
    judged_on="out-of-time snapshots",
    metrics=Quality().flat(),
    metrics_by_part={"fit": Quality(0.84).flat(), "oot": Quality().flat()},
    baselines={"logistic regression": Quality(0.75).flat()},
    gains={"logistic regression": {"value": 0.05, "low": 0.03, "high": 0.07}},
    reliability=[{"n": 2_500, "predicted": p, "observed": p} for p in (0.05, 0.15)],
    capture=[{"share": k / 100, "bads": (k / 100) ** 0.4, "goods": (k / 100) ** 1.1} for k in range(101)],
    split="time",
    why="Judged out of time, on 2026-01-01 to 2026-02-01.",
    definition=DefaultDefinition(60, 120),
    label_source="repayments",
    rows_by_part={"oot": 5_000, "fit": 20_000},
    left_out={"already_in_default": 321},
    drawn=Drawn(5_000, 30_000, 5_000, 30_000),
    n_features=3,
    features_absent={},
    rounds=88,
    calibration=Calibration(0.1, 1.05, 900, 90, "customers kept aside"),
    judged_calibration=Calibration(0.1, 1.05, 900, 90, "customers kept aside"),
    importance=dict(zip(FEATURES, (0.3, 0.2, 0.1), strict=True)),
)


def record(**changes: Any) -> Record:
    """`RECORD` with some fields replaced."""
    return replace(RECORD, **changes)


def with_metrics(**changes: float) -> Record:
    """A copy of `RECORD` with metrics replaced."""
    return record(metrics=RECORD.metrics | changes)
