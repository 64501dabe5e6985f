"""A cohort in memory: who is observed, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from credit_eval.core.clock import EPOCH
from credit_eval.engine.columns import Array, moments, one_chunk


@dataclass(frozen=True)
class Cohort:
    """Rows of (customer_id, as_of), m of them, sorted by both.

    Attributes:
        keys: the rows, as an Arrow table.
        customer: (m,) the number of each row's customer, from 0, in the order of the rows.
        as_of: (m,) microseconds since 1970, UTC.
    """

    keys: pa.Table
    customer: Array
    as_of: Array

    @classmethod
    def of(cls, keys: pa.Table) -> Cohort:
        """From a table of customer_id and as_of, sorted by both."""
        keys = keys.select(["customer_id", "as_of"]).combine_chunks()
        codes = one_chunk(keys["customer_id"]).dictionary_encode()
        return cls(keys, np.asarray(codes.indices).astype(np.int64), moments(one_chunk(keys["as_of"]))[0])

    def __len__(self) -> int:
        return len(self.as_of)

    @property
    def customers(self) -> pa.Array:
        """Each customer once, in the order of their numbers."""
        first = np.flatnonzero(np.diff(self.customer, prepend=-1))
        return one_chunk(self.keys["customer_id"]).take(pa.array(first))

    @property
    def last(self) -> datetime:
        """The latest `as_of`: events known from then on concern nobody."""
        return EPOCH + timedelta(microseconds=int(self.as_of.max()))


@dataclass(frozen=True)
class Ranges(Sequence[Cohort]):
    """A cohort cut into ranges of customers, each made when it is asked for.

    Attributes:
        keys: customer_id and as_of, sorted by both.
        cuts: the first row of each range, and the number of rows; a customer's rows lie in one range.
    """

    keys: pa.Table
    cuts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.cuts) - 1

    def __getitem__(self, number: int) -> Cohort:  # type: ignore[override]
        """One range, as a copy: a slice would take the whole cohort along to another process."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        return Cohort.of(self.keys.take(pa.array(np.arange(*self.cuts[number : number + 2]))))
