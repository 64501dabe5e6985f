"""What the restriction adds: whom it stops that a plain rule of days past due would not, and which losses it prevents.

A restriction that touches only people already in arrears prevents little: they are stopped anyway. So beside the rule
on p_default stands the plain rule, 30 or more days past due, on the same observations, whose outcomes are known.

- A *live* line is one with a limit above 0; taking away a limit of 0 takes nothing.
- *Preventable* is what was owed at default beyond what was owed when observed: what stopping new purchases would have
  prevented, before recoveries. What was owed already is not prevented by stopping anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

#: Days past due of the plain rule that the restriction stands beside.
PLAIN_DAYS = 30


@dataclass(frozen=True)
class Stopped:
    """Observations that a rule stops: how many, how many of them on live lines, and what became of them.

    `share_of_bads`: of all bads, those among them. `preventable`: money; see above.
    """

    rule: str
    n: int
    live: int
    bads: int
    share_of_bads: float
    preventable: float

    @property
    def default_rate(self) -> float | None:
        """Share of them that defaulted; None where there are none."""
        return self.bads / self.n if self.n else None


def what_it_adds(observed: pd.DataFrame, threshold: float) -> list[Stopped]:
    """The rule on p_default, the plain rule, and where they differ.

    `observed` has a row per observation with p_default, days_past_due, limit (NaN or 0: none), defaulted (0 or 1) and
    drawn_since (what was owed at default beyond what was owed then; 0 for who did not default).

    >>> frame = pd.DataFrame({"p_default": [0.6, 0.7, 0.1, 0.2], "days_past_due": [0, 45, 40, 0],
    ...                       "limit": [100, 0, 9, 9], "defaulted": [1, 1, 0, 1], "drawn_since": [5.0, 7.0, 0.0, 3.0]})
    >>> [(one.rule, one.n, one.live, one.bads, one.preventable) for one in what_it_adds(frame, 0.5)][:2]
    [('p_default above 0.50', 2, 1, 2, 12.0), ('30 or more days past due', 2, 1, 1, 7.0)]
    """
    risky = (observed["p_default"] > threshold).to_numpy()
    late = observed["days_past_due"].to_numpy()
    plain = late >= PLAIN_DAYS
    rules = {
        f"p_default above {threshold:.2f}": risky,
        f"{PLAIN_DAYS} or more days past due": plain,
        "both": risky & plain,
        "by p_default only": risky & ~plain,
        "by p_default, and not in arrears at all": risky & (late <= 0),
        "by days past due only": plain & ~risky,
        "neither": ~plain & ~risky,
    }
    return [_stopped(rule, observed[rows], int(observed["defaulted"].sum())) for rule, rows in rules.items()]


def _stopped(rule: str, rows: pd.DataFrame, all_bads: int) -> Stopped:
    bads = int(rows["defaulted"].sum())
    return Stopped(
        rule=rule,
        n=len(rows),
        live=int(np.sum(rows["limit"].to_numpy(dtype=np.float64) > 0)),
        bads=bads,
        share_of_bads=bads / all_bads if all_bads else 0.0,
        preventable=float(rows["drawn_since"].clip(lower=0).sum()),
    )
