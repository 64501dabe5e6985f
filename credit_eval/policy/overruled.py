"""What people decided over the policy, as columns beside its other inputs.

A person may allow a customer a limit that the policy would not give, or stop new credit that it would give, for a good
reason and until a day. It is the limit that they decide on: the grade, the rate and the instalments stay the policy's.
Nobody may allow more than the exposure cap or what was asked for, nor anything to whom is in default, or whom a rule of
the policy declines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_eval.core.errors import PolicyError
from credit_eval.policy.facts import Shared

#: Columns of `policy.decide`'s inputs; all of them, or none: nobody was overruled.
COLUMNS = ("override_allowed", "override_stopped", "override_until", "override_why", "override_entry")


@dataclass(frozen=True)
class Overruled:
    """What people decided of n customers.

    Attributes:
        allowed: the limit that a person allows at the least (NaN: nobody did).
        stopped: whether a person stopped new credit.
        until: the last day on which it holds, as text.
        why: of `words.WHY`.
        entry: its place in the ledger's log; -1: nobody decided anything.
    """

    allowed: npt.NDArray[np.float64]
    stopped: npt.NDArray[np.bool_]
    until: npt.NDArray[Any]
    why: npt.NDArray[Any]
    entry: npt.NDArray[np.int64]

    @classmethod
    def of(cls, inputs: pd.DataFrame) -> Overruled:
        """Of n inputs of a decision.

        Args:
            inputs: with all of `COLUMNS` or none of them.

        Returns:
            nobody overruled, where there are none.

        Raises:
            PolicyError: some of the columns are missing, or an amount is none.
        """
        there = [name for name in COLUMNS if name in inputs]
        n = len(inputs)
        if not there:
            text = np.full(n, "", dtype=object)
            return cls(np.full(n, np.nan), np.zeros(n, dtype=bool), text, text, np.full(n, -1))
        absent = [name for name in COLUMNS if name not in there]
        if absent:
            raise PolicyError(
                "what people decided is told in part",
                expected=", ".join(COLUMNS),
                received="no " + ", ".join(absent),
            )
        allowed = inputs["override_allowed"].to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = np.flatnonzero((allowed < 0) | np.isinf(allowed))
        if len(wrong):
            raise PolicyError(
                "override_allowed cannot be used for a decision",
                expected="an amount >= 0, or NaN where nobody allowed anything",
                received=str(allowed[wrong[0]]),
                rows=[f"row {row}" for row in wrong[:5]],
                n_rows=len(wrong),
            )
        stopped, until, why, entry = (inputs[name].to_numpy() for name in COLUMNS[1:])
        return cls(allowed, stopped.astype(bool), until, why, entry.astype(np.int64))

    def told(self, code: str, rows: npt.NDArray[np.int64], *, amounts: bool = False) -> Iterator[Shared]:
        """A fact of each of these rows; each has a reason and a day of its own."""
        for row in rows.tolist():
            said = {"until": str(self.until[row]), "why": str(self.why[row]), "entry": str(self.entry[row])}
            more = {"allowed": float(self.allowed[row])} if amounts else {}
            yield Shared(code, np.array([row]), {**more, **said})
