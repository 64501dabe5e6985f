"""The kernel: folds rows sorted by (group, clock) into one answer per observation and aggregate.

All of it is whole numbers, so an answer has the same bits in any order of rows and on any number of processes; doubles
appear only in the last step.

A row that is known later than its clock says is in windows of observations that did not know it yet. These few
get a copy of their rows with only what they knew, and are folded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from credit_eval.engine import gaps, order, totals, variety
from credit_eval.engine.columns import Array
from credit_eval.engine.rows import Observations, Rows
from credit_eval.engine.subject import Answer, Family, Subject
from credit_eval.engine.windows import Windows, as_known, known_late
from credit_eval.language.aggregates import Aggregate
from credit_eval.language.expressions import Expression

#: All kinds of aggregates, and how each is answered.
KINDS: Family = {**totals.KINDS, **order.KINDS, **variety.KINDS, **gaps.KINDS}


def fold(rows: Rows, observations: Observations, aggregates: tuple[Aggregate, ...]) -> list[Answer]:
    """Every aggregate's answer for every observation.

    Args:
        rows: sorted by (group, clock).
        observations: of groups that `rows` may or may not hold.
        aggregates: of the stream the rows are of.
    """
    answers = _answers(Windows(rows, observations), aggregates)
    late = known_late(rows, observations)
    if len(late) == 0:
        return answers
    again = _answers(Windows(*as_known(rows, observations, late)), aggregates)
    return [_replaced(answer, late, by) for answer, by in zip(answers, again, strict=True)]


def _answers(windows: Windows, aggregates: tuple[Aggregate, ...]) -> list[Answer]:
    found: list[Answer | None] = [None] * len(aggregates)
    for places in _by_subject(aggregates):
        subject = Subject(windows, [aggregates[place] for place in places])
        for place in places:
            found[place] = KINDS[aggregates[place].kind](subject, aggregates[place])
    return [answer for answer in found if answer is not None]


@lru_cache(maxsize=64)
def _by_subject(aggregates: tuple[Aggregate, ...]) -> Sequence[Sequence[int]]:
    """The places of those of one condition and value, together."""
    found: dict[tuple[Expression | None, Expression | None], list[int]] = {}
    for place, of in enumerate(aggregates):
        found.setdefault((of.where, of.value), []).append(place)
    return list(found.values())


def _replaced(answer: Answer, at: Array, by: Answer) -> Answer:
    whole, known = answer.whole.astype(np.result_type(answer.whole, by.whole)), answer.known.copy()
    whole[at], known[at] = by.whole, by.known
    return Answer(whole, known, answer.scale, answer.texts)
