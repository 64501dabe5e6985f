"""Decisions on a million customers, beside the same rules written by hand in pandas; and a ledger of twelve months.

    make bench-policy                   [CUSTOMERS=1000000]

Three interleaved rounds, each in a process of its own, measured by the operating system; the floor is making the inputs
and nothing else. The limits of both are compared first. The hand-written rules do less: no sentences, no word on who
decided, no checks of their input. The ledger is SQLite's; nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from credit_eval.policy.decide import decide
from credit_eval.policy.losses import losses
from credit_eval.policy.settings import Policy, load_policy
from credit_eval.scoring.ledger import Ledger, Recorded

POLICY = Path(__file__).parents[1] / "credit_eval" / "policy" / "simulated.yaml"
ROUNDS, MONTHS = 3, 12


def customers(n: int) -> pd.DataFrame:
    """n customers of all kinds."""
    rng = np.random.default_rng(0)
    new = rng.random(n) < 0.1
    limit = np.where(new, np.nan, np.round(rng.lognormal(7.5, 0.8, n), -2))
    months = np.where(new, np.nan, rng.integers(0, 24, n))
    return pd.DataFrame(
        {
            "customer_id": np.char.add("C", np.arange(n).astype(str)),
            "p_default": rng.beta(0.6, 7, n),
            "limit_previous": limit,
            "balance": np.round(np.nan_to_num(limit) * rng.beta(1, 6, n), 2),
            "capacity": np.where(rng.random(n) < 0.05, np.nan, np.round(rng.lognormal(4, 1.2, n), 2)),
            "requested": np.nan,
            "in_default": rng.random(n) < 0.05,
            "overdue": rng.random(n) < 0.05,
            "days_past_due": 0.0,
            "days_since_cure": np.where(rng.random(n) < 0.05, rng.integers(0, 700, n), np.nan),
            "days_since_limit_change": 30.4 * months + 3,
            "months_since_limit_change": months,
            "was_restricted": rng.random(n) < 0.02,
            "days_below": np.where(rng.random(n) < 0.5, 40.0, np.nan),
            "data_age": 0.5,
            "apr_previous": np.nan,
        }
    )


def by_hand(frame: pd.DataFrame, policy: Policy) -> pd.Series:
    """The new limits under the same policy, as an analyst would write them down in pandas."""
    said, grades, out = policy.movement, policy.grades, losses(policy, None)
    p, line = frame["p_default"], frame["limit_previous"].fillna(0.0)
    grade = pd.cut(p, [-1, *(g.up_to for g in grades)], labels=False)
    of = {name: grade.map(dict(enumerate(getattr(g, name) for g in grades))) for name in
          ("limit_cap", "thin_file_cap", "capacity_multiple", "apr")}  # fmt: skip
    affordable = of["capacity_multiple"] * frame["capacity"].fillna(0.0)
    exposure = policy.expected_loss.budget / (p * out.lgd)
    budget = ((exposure - (1 - out.ccf) * frame["balance"]) / out.ccf).where(
        exposure >= frame["balance"], frame["balance"]
    ).clip(lower=0)  # fmt: skip
    money, years = policy.profit, out.window_days / 365
    worst = [
        (1 - g.up_to) * (g.apr - money.funding_rate) * money.use * years > g.up_to * out.lgd * out.ccf for g in grades
    ]
    before = grade.map({i: all(worst[:i]) for i in range(len(grades))})
    earns = ((1 - p) * (of["apr"] - money.funding_rate) * money.use * years > p * out.lgd * out.ccf) & before
    demand = np.maximum(money.demand_months * frame["capacity"].fillna(0.0), money.use * of["thin_file_cap"])
    best = frame["balance"] + (demand / money.use).where(earns, 0.0)
    rests = frame["months_since_limit_change"] < said.months_between_changes
    step = np.maximum(line * said.max_increase_factor, of["thin_file_cap"]).where(~rests, line)
    step = step.where(frame["limit_previous"].notna(), np.inf)
    allowed = pd.concat(
        [
            of["limit_cap"], np.maximum(affordable, of["thin_file_cap"]), budget, best, step,
            pd.Series(np.inf, index=frame.index).where(~frame["overdue"], line),
        ],
        axis=1,
    ).min(axis=1).clip(upper=policy.limits.exposure_cap)  # fmt: skip
    low = np.maximum(said.first_share * allowed, np.minimum(allowed, policy.limits.minimum))
    allowed = low.where(frame["limit_previous"].isna(), allowed)
    still = frame["was_restricted"] & ~((p < 0.4) & (frame["days_below"] >= 30))
    restricted = (p > policy.restriction.threshold) | still | frame["in_default"]
    allowed = allowed.where(~restricted, 0.0)
    size = policy.limits.step
    rounded = ((allowed / size + 1e-9) // 1 * size).round(2)
    rounded = rounded.where(rounded >= policy.limits.minimum, 0.0)
    kept = line.where(allowed >= line, 0.0)
    left = (line * (1 - said.max_decrease)).where(~rests, line)
    floor = np.minimum((np.ceil(left / size - 1e-9) * size).round(2), line).where(~restricted, 0.0)
    limit = np.maximum(np.maximum(np.maximum(rounded, kept), floor), np.minimum(line, frame["balance"]))
    waits = (p > policy.refer.p_default_above) | (frame["days_since_cure"] < policy.refer.cured_within_days)
    return limit.where(~((limit > line) & waits), line)


def decided(n: int) -> pd.Series:
    """Ours."""
    return decide(customers(n), load_policy(POLICY), calibrated=True)["limit_new"]


WAYS = {
    "the inputs, and nothing else": lambda n: customers(n),
    "pandas, by hand": lambda n: by_hand(customers(n), load_policy(POLICY)),
    "ours": decided,
}


def rounds(n: int) -> None:
    """Every way, three times in turn: median seconds, net of the floor, and peak memory."""
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            found[way].append(_measured("--way", way, "--customers", str(n)))
    floor = statistics.median(seconds for seconds, _ in found["the inputs, and nothing else"])
    for way, each in found.items():
        seconds = statistics.median(s for s, _ in each)
        print(
            f"{way:<30} {seconds:6.2f} s, {seconds - floor:6.2f} s net {max(m for _, m in each):7,.0f} MB", flush=True
        )


def ledger(n: int) -> None:
    """Twelve months of n customers, written month by month, and read for the thirteenth run."""
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder) / "decisions.sqlite")
        written = []
        for month in range(MONTHS):
            started = time.monotonic()
            write_month(place, n, month)
            written.append(time.monotonic() - started)
        size = Path(place).stat().st_size / 1e6
        print(f"ledger, a month written        {statistics.median(written):6.2f} s, {size:,.0f} MB in all {MONTHS}")
        seconds, megabytes = _measured("--read", place, "--customers", str(n))
        print(f"ledger, read for a run         {seconds:6.2f} s {megabytes:18,.0f} MB", flush=True)


def write_month(place: str, n: int, month: int) -> None:
    """One run's decisions."""
    rng = np.random.default_rng(month)
    frame = members(n, month).assign(
        p_default=rng.random(n), decision="hold", limit_previous=300.0, limit_new=300.0,
        limit_bound_by=np.where(rng.random(n) < 0.05, "restriction", "grade_cap"),
    )  # fmt: skip
    book = Ledger(place)
    nobody = book.before("bench", frame.iloc[:0])
    book.record(Recorded("bench", f"month {month}", str(month), "p/1", "m/1"), frame, nobody, 0.4)


def members(n: int, month: int) -> pd.DataFrame:
    """Everybody, at the first of a month."""
    at = pd.Timestamp(2025, 1, 1) + pd.DateOffset(months=month)
    names = np.char.add("C", np.char.zfill(np.arange(n).astype(str), 8))
    return pd.DataFrame({"customer_id": names, "as_of": np.full(n, at.to_datetime64().astype("datetime64[us]"))})


def read(place: str, n: int) -> None:
    """What the thirteenth run reads."""
    found = Ledger(place).before("bench", members(n, MONTHS))
    assert len(found) == n


def _measured(*arguments: str) -> tuple[float, float]:
    """Wall seconds and peak megabytes of this script doing one thing."""
    started = time.monotonic()
    child = subprocess.Popen([sys.executable, "-m", "benchmarks.policy", *arguments])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(child.returncode)
    return time.monotonic() - started, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--way", choices=list(WAYS))
    parser.add_argument("--read", metavar="FILE")
    asked = parser.parse_args()
    if asked.way:
        WAYS[asked.way](asked.customers)
    elif asked.read:
        read(asked.read, asked.customers)
    else:
        few = min(asked.customers, 50_000)
        apart = (by_hand(customers(few), load_policy(POLICY)) - decided(few)).abs() > 0.005
        print(f"limits by hand and ours differ for {int(apart.sum())} of {few:,} customers")
        rounds(asked.customers)
        ledger(asked.customers)


if __name__ == "__main__":
    main()
