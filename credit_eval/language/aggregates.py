"""What can be asked of events: frozen nodes, one meaning, many engines.

An `Aggregate` asks one number of one customer's events in one table as they were known at `as_of`:

1. *Seen.* Rows with `known_at < as_of`. Columns under a `Reveal` read as NULL unless revealed before `as_of`.
2. *In the window.* `as_of - days <= clock < as_of`, where `clock` is a timestamp column (`occurred_at` unless
   said otherwise); `days=None` means ever.
3. *Kept.* Rows for which `where` is true (NULL is not true) and `value` is not NULL.
4. *Folded* by `kind`. No row kept: the answer is `when_empty`, 0 or None (unknown). There is no default.

Values are exact (integers, decimals), so a sum is the same in any order and on any number of threads; doubles
appear only when an exact fold is finished. `engine/reference.py` is the meaning in plain Python.

>>> from credit_eval.language.expressions import column
>>> failed = Aggregate("payments", "count", days=30, where=column("outcome").equals("failed"), when_empty=0)
>>> failed.days, failed.clock
(30, 'occurred_at')
"""

from __future__ import annotations

from typing import Literal as OneOf

from credit_eval.language.expressions import Expression, columns_in, node, require
from credit_eval.language.types import EXACT, ValueType, type_of
from credit_eval.schema.tables import table_named

Kind = OneOf[
    "count",
    "sum",
    "mean",
    "std",
    "min",
    "max",
    "median",
    "nunique",
    "entropy",
    "last",
    "decayed_sum",
    "gap_mean",
    "gap_std",
    "days_since_last",
    "days_since_first",
]
_WITHOUT_VALUE = frozenset({"count", "gap_mean", "gap_std", "days_since_last", "days_since_first"})
_OF_ANY_TYPE = frozenset({"nunique", "entropy", "last"})


@node
class Aggregate:
    """One number (or text) per customer and `as_of`; the module's docstring gives the meaning.

    Kinds:

    - count; sum, mean, std (sample), min, max, median (of an even number, the mean of the two in the middle) of an
      exact value; nunique of any value;
    - entropy: of the values' shares, in bits; one value only is 0;
    - last: the value, no time, of the row that is `nth` from the latest clock (ties: the largest value first);
    - decayed_sum: the sum of `value * weight(age)`, where age is the number of calendar days (by `zone`'s clocks) from
      the row's to `as_of`'s and the weight halves every `half_life` days, in whole steps of 2**-`WEIGHT_BITS`;
    - gap_mean, gap_std (sample): of the days between successive calendar days with a kept row; with fewer than one
      gap, or two, unknown;
    - days_since_last / days_since_first: days, with their fraction, from the latest / earliest kept row's clock.
    """

    table: str
    kind: Kind
    value: Expression | None = None
    where: Expression | None = None
    days: int | None = None
    clock: str = "occurred_at"
    when_empty: OneOf[0] | None = None
    nth: int = 1
    half_life: int | None = None
    zone: str = "UTC"

    def __post_init__(self) -> None:
        table = table_named(self.table)
        require(self.days is None or self.days > 0, self, "a window of at least one day, or None for ever")
        require(table.column(self.clock).type == "timestamp", self, "a timestamp column as clock")
        needs_value = self.kind not in _WITHOUT_VALUE
        require(needs_value == (self.value is not None), self, f"{'a' if needs_value else 'no'} value")
        require(self.where is None or type_of(self.where, table) == "bool", self, "a condition as where")
        require(self.nth == 1 or (self.kind == "last" and self.nth > 1), self, "nth for `last` only, from 1")
        decays = self.kind == "decayed_sum"
        require(decays == (self.half_life is not None), self, f"{'a' if decays else 'no'} half-life")
        require(self.half_life is None or self.half_life > 0, self, "a half-life of at least one day")
        if self.value is not None:
            found = type_of(self.value, table)
            require(found in EXACT or self.kind in _OF_ANY_TYPE, self, "an integer or decimal value")
            no_moment = found != "timestamp" or self.kind in ("nunique", "entropy")
            require(no_moment, self, "a value that a profile can hold; for times there is days_since_last")
        require(self.when_empty is None or not self.is_text, self, "unknown for a text without rows")

    @property
    def columns(self) -> frozenset[str]:
        """Columns of the table that this aggregate reads, beyond the common three."""
        named = columns_in(self.value) | columns_in(self.where) | {self.clock}
        return frozenset(named - {"customer_id", "occurred_at", "known_at"})

    @property
    def on_a_calendar(self) -> bool:
        """Whether it counts calendar days, which begin when `zone`'s clocks say so."""
        return self.kind in ("decayed_sum", "gap_mean", "gap_std")

    @property
    def is_text(self) -> bool:
        """Whether the answer is a text rather than a number."""
        return self.kind == "last" and type_of_value(self) in ("text", "bool")


def type_of_value(aggregate: Aggregate) -> ValueType | None:
    """Type of the aggregate's value expression, None if it has none."""
    return None if aggregate.value is None else type_of(aggregate.value, table_named(aggregate.table))


#: Weights of a decayed sum are whole multiples of 2**-WEIGHT_BITS, so that the sum is exact in any order.
WEIGHT_BITS = 20


def weight_of(age: int, half_life: int) -> int:
    """Weight of a row `age` days old, in units of 2**-WEIGHT_BITS.

    >>> weight_of(0, 30) / 2**WEIGHT_BITS, weight_of(60, 30) / 2**WEIGHT_BITS
    (1.0, 0.25)
    """
    return int(2.0 ** (WEIGHT_BITS - age / half_life))
