"""Who looked at how much, how often they agree with decisions and with each other, and of which reasons they do not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from credit_eval.review.appeals import Appeal
from credit_eval.review.opinions import Opinion
from credit_eval.scoring.overrides import Override


@dataclass(frozen=True)
class Person:
    """What one person did: looks at customers, opinions and how many agreed, overrides, seconds, answers to appeals."""

    name: str
    looks: int
    opinions: int
    agreed: int
    overrides: int
    seconded: int
    answered: int


@dataclass(frozen=True)
class Reason:
    """How often decisions with this first reason (empty: a rule's) were looked at, agreed with, and overruled.

    `doubted`: how often somebody said that this reason, first or not, does not fit.
    """

    code: str
    opinions: int
    agreed: int
    overruled: int
    doubted: int = 0


@dataclass(frozen=True)
class Load:
    """Everything on one page.

    Attributes:
        people: by how many opinions they gave.
        reasons: by how many opinions were given of them.
        because: of `opinions.BECAUSE`, how often it was said.
        pairs: pairs of opinions of different people on the same decision.
        same: of those, how many say the same.
    """

    people: list[Person]
    reasons: list[Reason]
    because: dict[str, int]
    pairs: int
    same: int


def load_of(
    opinions: Sequence[Opinion],
    overrides: Sequence[Override],
    appeals: Sequence[Appeal],
    looked: Sequence[Mapping[str, str]],
) -> Load:
    """What people did, counted.

    Args:
        opinions: of decisions.
        overrides: of the policy.
        appeals: with their answers.
        looked: who looked at whom, with `who`.
    """
    looks = Counter(one["who"] for one in looked)
    said, agreed = (Counter(one.who for one in some) for some in (opinions, _agreeing(opinions)))
    overruled = Counter(one.who for one in overrides)
    seconded = Counter(one.seconded_by for one in overrides if one.seconded_by not in ("", one.who))
    answered = Counter(one.answered_by for one in appeals if one.answered_by)
    names = sorted({*looks, *said, *overruled, *seconded, *answered}, key=lambda name: (-said[name], name))
    people = [
        Person(name, looks[name], said[name], agreed[name], overruled[name], seconded[name], answered[name])
        for name in names
    ]
    pairs = _pairs(opinions)
    return Load(
        people,
        _reasons(opinions, overrides),
        dict(Counter(one.because for one in opinions if one.because).most_common()),
        len(pairs),
        sum(one == other for one, other in pairs),
    )


def _agreeing(opinions: Sequence[Opinion]) -> list[Opinion]:
    return [one for one in opinions if one.verdict == "agree"]


def _reasons(opinions: Sequence[Opinion], overrides: Sequence[Override]) -> list[Reason]:
    said, agreed = (Counter(one.first_reason for one in some) for some in (opinions, _agreeing(opinions)))
    overruled = Counter(one.first_reason for one in overrides)
    doubted = Counter(code for one in opinions for code in one.doubted.split(",") if code)
    codes = sorted({*said, *overruled, *doubted}, key=lambda code: (-said[code], -overruled[code], code))
    return [Reason(code, said[code], agreed[code], overruled[code], doubted[code]) for code in codes]


def _pairs(opinions: Sequence[Opinion]) -> list[tuple[str, str]]:
    """The last verdicts of any two people on the same decision."""
    last: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for one in opinions:
        last[one.customer_id, one.as_of][one.who] = one.verdict
    return [pair for verdicts in last.values() for pair in combinations(verdicts.values(), 2)]
