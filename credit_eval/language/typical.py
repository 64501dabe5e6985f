"""What is typical of a population, those without a value included: what a reason sentence compares with.

>>> Typical.of_numbers([3.0, 5.0, 7.0, float("nan")])
Typical(value=5.0, without=0.25, leaning=0)
>>> Typical.of_numbers([3.0, float("nan"), float("nan")]).value is None
True
>>> Typical.of_counts(Counter({"card": 2, "wallet": 1}), without=1)
Typical(value='card', without=0.25, leaning=0)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike

Leaning = Literal[-1, 0, 1]


@dataclass(frozen=True)
class Typical:
    """What is typical of a population.

    Args:
        value: the median of a number, the commonest of texts; None where having none is typical: half of the population
            or more has no number, or no text is as common as none. (A median of the few who ever failed a payment is
            typical of nobody.)
        without: the share that has no value.
        leaning: +1 if the model was seen to take higher values for riskier, -1 for safer; 0 if neither.
    """

    value: float | str | None
    without: float
    leaning: Leaning = 0

    @classmethod
    def of_numbers(cls, values: ArrayLike) -> Self:
        """Typical of numbers, NaN where there is none."""
        numbers = np.asarray(values, dtype=np.float64)
        known = numbers[~np.isnan(numbers)]
        without = 1 - known.size / numbers.size if numbers.size else 1.0
        return cls(float(np.median(known)) if without < 0.5 else None, without)

    @classmethod
    def of_counts(cls, counted: Counter[str], without: int) -> Self:
        """Typical of texts that were counted, and so many that have none."""
        total = counted.total() + without
        if not total or without >= max(counted.values(), default=0):
            return cls(None, without / total if total else 1.0)
        most = max(counted.values())
        return cls(min(text for text, n in counted.items() if n == most), without / total)
