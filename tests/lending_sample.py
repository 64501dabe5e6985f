"""A small sample with a known truth, for tests of models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Declared:
    """The part of a feature's declaration that models look at."""

    name: str
    value_type: str = "number"
    direction: int = 0


FEATURES = (
    Declared("late_days", direction=+1),
    Declared("spending", direction=-1),
    Declared("noise"),
    Declared("customers_region", "category"),
    Declared("customers_age"),
)


def lending_sample(customers: int = 1200, seed: int = 0) -> pd.DataFrame:
    """Two rows a customer; risk rises with late days, falls with spending, and depends on the region."""
    rng = np.random.default_rng(seed)
    n = 2 * customers
    late, spending = rng.gamma(1.5, 4, n), rng.lognormal(4, 1, n)
    region = rng.choice(["north", "south", "east"], n)
    raw = -2.2 + 0.12 * late - 0.4 * (np.log(spending) - 4) + 0.8 * (region == "south")
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i:05}" for i in range(customers)], 2),
            "as_of": np.tile(pd.to_datetime(["2026-01-01", "2026-02-01"]).as_unit("us"), customers),
            "late_days": late,
            "spending": spending,
            "noise": rng.normal(size=n),
            "customers_region": region,
            "customers_age": rng.integers(18, 70, n).astype(float),
            "defaulted": (rng.random(n) < 1 / (1 + np.exp(-raw))).astype("int8"),
        }
    )
    frame.loc[rng.random(n) < 0.1, "spending"] = np.nan
    frame.loc[rng.random(n) < 0.1, "customers_region"] = None
    return frame
