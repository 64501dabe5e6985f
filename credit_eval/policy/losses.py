"""What a default costs, in the policy's terms: LGD and CCF as measured, or as the policy assumes them.

>>> from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
>>> policy = load_policy(DEFAULT_POLICY)
>>> assumed = losses(policy, None)
>>> assumed.lgd, assumed.lgd_is
(0.6, 'assumed')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from credit_eval.policy.settings import Policy
from credit_eval.samples.exposure import Exposure, Ratio

Floats = npt.NDArray[np.float64]
Source = Literal["measured", "assumed"]


@dataclass(frozen=True)
class Losses:
    """Shares in force, and whether each was measured on the lender's own defaults or assumed by the policy.

    `window_days`: that p_default, and so the expected loss, is of.
    """

    lgd: float
    ccf: float
    lgd_is: Source
    ccf_is: Source
    window_days: int

    def exposure(self, balance: Floats, limit: Floats) -> Floats:
        """EAD of a line: what is owed, and the share of what is free that is drawn by then."""
        return balance + self.ccf * np.maximum(limit - balance, 0.0)


def losses(policy: Policy, measured: Exposure | None, *, window_days: int = 120) -> Losses:
    """Those measured on as many customers as the policy asks for, else those that it assumes."""
    said = policy.expected_loss
    lgd, lgd_is = _chosen(said.lgd, measured.lgd if measured else None, said.fewest_defaults)
    ccf, ccf_is = _chosen(said.ccf, measured.ccf if measured else None, said.fewest_defaults)
    return Losses(lgd, ccf, lgd_is, ccf_is, window_days)


def _chosen(assumed: float, found: Ratio | None, fewest: int) -> tuple[float, Source]:
    return (found.value, "measured") if found and found.customers >= fewest else (assumed, "assumed")
