"""How much is owed at default, and how much of it is lost: measured on the lender's own defaults.

Expected loss is p_default x LGD x EAD. For a customer who owed B of a limit L when observed, EAD = B + CCF x (L - B):

- **CCF** (credit conversion factor): what was owed at default beyond B, over what was free then, summed over all
  observations that a default followed. Every observation of a customer counts (the "cohort approach").
- **LGD** (loss given default): 1 minus what came back of what was owed at default, discounted to it. Defaults of
  last month have had no time to pay; so what comes back is measured period by period, each among the defaults that
  were followed through it (the product-limit estimator of Kaplan and Meier, 1958, weighted by amounts). What would
  come back after the longest time followed counts as lost. Costs of collection are not in the data, nor in it.

Two debts of 100 are in default. Of both 20 come back in the first 30 days, and only one is followed for longer: half of
what it still owes comes back then. So 20 %, and half of the other 80 %: 60 % come back, an LGD of 0.40 undiscounted.

Both are ratios of sums; their 95 % intervals take customers as the independent units. Sources: CRR Article 182,
EBA/GL/2017/16 (chapter 6: recoveries, discounting at a risk-free rate and 5 percentage points).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import TypeAdapter

from credit_eval.core.statistics import Interval, bootstrapped, ratio_interval
from credit_eval.samples.definition import (
    DefaultDefinition,
    account_known_at,
    first_hits,
    known_until,
    lines,
    tells_payments,
)
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.store import Dataset

Floats = NDArray[np.float64]

#: Days of a period of recovery; and a period counts that so many defaults were followed through.
PERIOD, FEWEST_FOLLOWED = 30, 30
#: Of fewer customers nothing is said of a segment.
FEWEST_IN_SEGMENT = 100
_USED = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Ratio:
    """A measured share, its 95 % interval, and the rows and customers that it is of."""

    value: float
    low: float
    high: float
    rows: int
    customers: int

    @classmethod
    def of(cls, found: Interval, rows: int, customers: int) -> Ratio:
        """An interval and what it is of."""
        return cls(found.value, found.low, found.high, rows, customers)


@dataclass(frozen=True)
class Exposure:
    """What defaults cost, as measured; None where the data hold too little to say.

    `ccf_by_use`: by the share of the limit in use when observed. `recovered`: share of what was owed at default that
    had come back, undiscounted, after so many days. `discount_rate`: a year.
    """

    ccf: Ratio | None
    lgd: Ratio | None
    ccf_by_use: dict[str, Ratio]
    recovered: dict[int, float]
    discount_rate: float


def exposure_of(metadata: Mapping[str, Any]) -> Exposure | None:
    """The exposure that a champion's metadata hold."""
    told = metadata.get("exposure")
    return TypeAdapter(Exposure).validate_python(told) if told else None


def measured_exposure(
    engine: DuckDB, dataset: Dataset, cohort: Path, definition: DefaultDefinition, *, discount_rate: float
) -> Exposure:
    """CCF and LGD of a cohort file's members who defaulted within the window; `discount_rate` a year, as a share.

    A source without limits has no CCF, one that does not tell payments has neither.
    """
    defaults = defaulted_members(engine, dataset, cohort, definition)
    curve = recoveries(engine, dataset, defaults, definition)
    ccf, by_use = _ccf(defaults)
    return Exposure(ccf, loss_given_default(curve, discount_rate), by_use, recovered_by(curve), discount_rate)


def defaulted_members(engine: DuckDB, dataset: Dataset, cohort: Path, definition: DefaultDefinition) -> pd.DataFrame:
    """Members who defaulted within the window: customer_id, as_of, hit_at, limit, owed and ead (owed at `hit_at`)."""
    if not tells_payments(dataset) or not dataset.has("accounts"):
        return pd.DataFrame({name: [] for name in ("customer_id", "as_of", "hit_at", "credit_limit", "owed", "ead")})
    limit = "credit_limit" if dataset.has("accounts", "credit_limit") else "NULL"
    return engine.frame(f"""
        WITH cohort AS (SELECT customer_id, as_of FROM {parquet(cohort)}), {lines(dataset, definition)},
        {first_hits(definition)},
        latest AS (
            SELECT customer_id, as_of, arg_max_null(amount, occurred_at) AS amount
            FROM hits JOIN (SELECT customer_id, account_id, occurred_at, {limit}::DOUBLE AS amount,
                                   {account_known_at(dataset)} AS told
                            FROM {parquet(dataset.paths("accounts"))}) USING (customer_id)
            WHERE told < as_of GROUP BY customer_id, as_of, account_id),
        limits AS (SELECT customer_id, as_of, sum(amount) AS credit_limit FROM latest GROUP BY ALL)
        SELECT customer_id, as_of, hits.hit_at, any_value(credit_limit) AS credit_limit,
               coalesce(sum({_owed("as_of")}), 0)::DOUBLE AS owed,
               coalesce(sum({_owed("hits.hit_at")}), 0)::DOUBLE AS ead
        FROM hits JOIN lines USING (customer_id) LEFT JOIN limits USING (customer_id, as_of)
        GROUP BY customer_id, as_of, hits.hit_at ORDER BY ALL""")


def _owed(moment: str) -> str:
    """What a line lacks at a moment: drawn up by then, and not paid."""
    return f"CASE WHEN drawn_at < {moment} AND (paid_at IS NULL OR paid_at >= {moment}) THEN due_amount - part END"


def recoveries(engine: DuckDB, dataset: Dataset, defaults: pd.DataFrame, definition: DefaultDefinition) -> pd.DataFrame:
    """What came back of each default: customer_id, hit_at, ead, followed (days), and by period (`p0`, …) amounts."""
    engine.register("events", defaults[["customer_id", "hit_at"]].drop_duplicates())
    paid = engine.frame(
        f"""WITH {lines(dataset, definition)}
            SELECT customer_id, hit_at, due_amount - part AS amount, lines.paid_at,
                   date_diff('day', hit_at, {known_until(dataset)}) AS followed,
                   date_diff('day', hit_at, lines.paid_at) // {PERIOD} AS period
            FROM events JOIN (SELECT * EXCLUDE (hit_at) FROM lines) lines USING (customer_id)
            WHERE drawn_at < hit_at AND (lines.paid_at IS NULL OR lines.paid_at >= hit_at)"""
    )
    keys = ["customer_id", "hit_at"]
    found = paid.groupby(keys).agg(ead=("amount", "sum"), followed=("followed", "first")).astype(float)
    back = paid.dropna(subset="period").pivot_table(index=keys, columns="period", values="amount", aggfunc="sum")
    periods = range(int(found["followed"].max() // PERIOD) if len(found) else 0)
    back = back.reindex(index=found.index, columns=periods).fillna(0.0).add_prefix("p").astype(float)
    return found.join(back).reset_index()


def loss_given_default(curve: pd.DataFrame, discount_rate: float) -> Ratio | None:
    """1 minus what came back, discounted to the default; None where too few defaults were followed."""
    back, at_risk = _back_and_at_risk(curve)
    if not back.shape[1]:
        return None
    customer, customers = pd.factorize(curve["customer_id"])
    found = bootstrapped(
        lambda times: _loss(back, at_risk, times[customer], discount_rate), customers=len(customers), seed=0
    )
    return Ratio.of(found, len(curve), len(customers))


def recovered_by(curve: pd.DataFrame) -> dict[int, float]:
    """Share that had come back, undiscounted, by days since default."""
    back, at_risk = _back_and_at_risk(curve)
    left = _left(back, at_risk, np.ones(len(curve)))
    return {PERIOD * (period + 1): 1 - float(share) for period, share in enumerate(left[1:])}


def _back_and_at_risk(curve: pd.DataFrame) -> tuple[Floats, Floats]:
    """Amounts back and amounts still owed at its start, (defaults, periods), of periods that enough were followed."""
    back = curve.filter(regex=r"^p\d+$").to_numpy(dtype=np.float64)
    whole = (curve["followed"].to_numpy()[:, None] // PERIOD) > np.arange(back.shape[1])
    enough = int((np.cumsum(whole.sum(axis=0) < FEWEST_FOLLOWED) == 0).sum())
    owed = curve["ead"].to_numpy()[:, None] - np.cumsum(back, axis=1) + back
    return np.where(whole, back, 0.0)[:, :enough], np.where(whole, owed, 0.0)[:, :enough]


def _left(back: Floats, at_risk: Floats, times: Floats) -> Floats:
    """Share still owed at the start of each period and at the end of the last, (periods + 1,)."""
    came, were = times @ back, times @ at_risk
    return np.concatenate([[1.0], np.cumprod(1 - np.divide(came, were, out=np.zeros_like(came), where=were > 0))])


def _loss(back: Floats, at_risk: Floats, times: Floats, discount_rate: float) -> float:
    left = _left(back, at_risk, times)
    years = PERIOD * (np.arange(len(left) - 1) + 0.5) / 365
    return float(1 + np.diff(left) @ (1 + discount_rate) ** -years)


def _ccf(defaults: pd.DataFrame) -> tuple[Ratio | None, dict[str, Ratio]]:
    """Of all observations with something free, and by how much of the limit was in use."""
    free = defaults[defaults["credit_limit"] > defaults["owed"]]
    used = pd.cut(free["owed"] / free["credit_limit"], list(_USED), right=False)
    by_use = {
        f"{low:.0%} to {high:.0%} in use": found
        for low, high in pairwise(_USED)
        if (found := conversion(free[used == pd.Interval(low, high, closed="left")]))
    }
    return conversion(free), by_use


def conversion(free: pd.DataFrame) -> Ratio | None:
    """What was owed at default beyond what was owed when observed, over what was free then; not below 0."""
    customers = free["customer_id"].nunique()
    if customers < FEWEST_IN_SEGMENT:
        return None
    more, room = free["ead"] - free["owed"], free["credit_limit"] - free["owed"]
    found = ratio_interval(more, room, groups=free["customer_id"])
    floored = Interval(*(min(max(end, 0.0), 1.0) for end in (found.value, found.low, found.high)))
    return Ratio.of(floored, len(free), customers)


@dataclass(frozen=True)
class Compared:
    """A quantity as earlier defaults predict it of later ones, and as it came; `of` says how many there were."""

    what: str
    predicted: float
    realised: float
    of: int


def compared(earlier: Exposure, later: pd.DataFrame, curve: pd.DataFrame) -> list[Compared]:
    """What was owed at default and what came back, predicted by earlier defaults and realised by later ones."""
    found, known = [], later.dropna(subset="credit_limit")
    if earlier.ccf and len(known):
        free = (known["credit_limit"] - known["owed"]).clip(lower=0)
        expected = float((known["owed"] + earlier.ccf.value * free).mean())
        found.append(Compared("mean amount owed at default", expected, float(known["ead"].mean()), len(known)))
    both = [days for days in recovered_by(curve) if days in earlier.recovered]
    if both:
        back, days = recovered_by(curve), both[-1]
        what = f"share that had come back {days} days after default"
        found.append(Compared(what, earlier.recovered[days], back[days], len(curve)))
    return found


def segments(found: Exposure) -> Sequence[tuple[str, Ratio]]:
    """Everything that was measured, by what it is, to be told in a table."""
    whole = [("CCF", found.ccf), ("LGD", found.lgd), *((f"CCF, {use}", one) for use, one in found.ccf_by_use.items())]
    return [(name, one) for name, one in whole if one]
