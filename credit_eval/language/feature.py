"""What a declared feature is made of: which rows, which value, a measure with its words, and what hangs on it.

The functions of `language.py` make the measures; a `Feature` adds the side it belongs to, the direction of risk, the
reason code and where it may lawfully be used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from credit_eval.core.errors import DeclarationError
from credit_eval.language.aggregates import Aggregate
from credit_eval.language.expressions import Expression
from credit_eval.language.measures import Given, Measure, aggregates_of
from credit_eval.language.typical import Typical
from credit_eval.language.words import ABSENT, LESS_THAN_A_DAY, NEVER, NO_LIMIT, Language, Text, Unit, show, unknown
from credit_eval.schema.flat import FLAT
from credit_eval.schema.tables import table_named

#: A typical value is told together with the share of customers that have none, from this share on.
SOME_WITHOUT = 0.10

Lawful = Literal["any", "not_in_eu_credit", "protected", "audit_only"]
#: What the policy reads of a profile: owed now, the limit now, the spending of the last 180 days net of what was
#: cancelled, returned or declined, and the amount last asked for.
Role = Literal["balance", "limit", "requested", "income", "annual_income"]


class Dimension(StrEnum):
    """The five sides from which a customer is looked at."""

    HISTORY = "credit_history"
    CAPACITY = "fulfilment_capacity"
    BEHAVIOUR = "behaviour_preference"
    IDENTITY = "identity_stability"
    NETWORK = "network"

    def in_words(self, language: Language = "en") -> str:
        """Its name, for people.

        >>> Dimension.CAPACITY.in_words(), Dimension.CAPACITY.in_words("zh")
        ('fulfilment capacity', '履约能力')

        Args:
            language: "en" or "zh".

        Returns:
            a few words.
        """
        return _SIDES[self].in_(language)


_SIDES = {
    Dimension.HISTORY: Text("credit history", "信用历史"),
    Dimension.CAPACITY: Text("fulfilment capacity", "履约能力"),
    Dimension.BEHAVIOUR: Text("behaviour and preference", "行为偏好"),
    Dimension.IDENTITY: Text("identity and stability", "身份与稳定性"),
    Dimension.NETWORK: Text("network", "关系网络"),
}


@dataclass(frozen=True)
class Keep:
    """A named condition: which rows, and how a sentence calls them ("payments failed").

    Args:
        label: its part of the feature's name.
        where: a condition on one row.
        phrase: plural, as it stands after a number.
    """

    label: str
    where: Expression
    phrase: str


@dataclass(frozen=True)
class Of:
    """A named value of a row, its unit, and what a sentence calls it ("order value")."""

    label: str
    value: Expression
    unit: Unit
    phrase: str


@dataclass(frozen=True)
class Named:
    """A measure with the name, the unit and the title its declaration gave it."""

    name: str
    measure: Measure
    unit: Unit
    title: str


@dataclass(frozen=True)
class Feature:
    """One declared feature.

    Args:
        named: the measure with its name, unit and title: what `count`, `fold` and `share` give.
        dimension: the side of the customer that it tells of.
        direction: +1 if a higher value can only mean more risk, -1 if only less, 0 if nothing is claimed; a model is
            held to it by a monotone constraint.
        reason: the reason code under which its contribution is counted.
        lawful: where it may be used; `not_in_eu_credit` for social and browsing data, `protected` for what stands
            for a trait that credit may not look at in the US or the EU (age, origin), `audit_only` for what no model
            may see, on which fairness is tested.
        role: what the policy takes it for, None for nothing.
        zh: the title in Chinese; without one the feature is told in English.
        measure_word: what Chinese counts its values with.
        absent: what it means that there is no value, where that is known.

    Raises:
        DeclarationError: a category with a direction, or a column for audit only outside a feature for audit only.
    """

    named: Named
    dimension: Dimension
    direction: Literal[-1, 0, 1]
    reason: str
    lawful: Lawful = "any"
    role: Role | None = None
    zh: str = ""
    measure_word: str = ""
    absent: str = ""

    def __post_init__(self) -> None:
        if self.direction and self.value_type == "category":
            raise DeclarationError(
                f"{self.name} is a category and has no direction", expected="direction 0", received="±1"
            )
        barred = [c for t, cs in self.needs.items() for c in sorted(cs) if table_named(t).column(c).audit_only]
        if barred and self.lawful != "audit_only":
            raise DeclarationError(
                f"{self.name} reads a column that is for audit only",
                expected='lawful="audit_only"',
                received=", ".join(barred),
            )

    @property
    def name(self) -> str:
        """Column name in profiles."""
        return self.named.name

    @property
    def measure(self) -> Measure:
        """What the engines compute."""
        return self.named.measure

    @property
    def unit(self) -> Unit:
        """Unit of the value."""
        return self.named.unit

    @property
    def title(self) -> str:
        """What the value is, in words: "payments failed in the last 30 days"."""
        return self.named.title

    @property
    def value_type(self) -> Literal["number", "category"]:
        """Whether the value is a number or a text."""
        match self.measure:
            case Given(type="category"):
                return "category"
            case Aggregate(is_text=True):
                return "category"
            case _:
                return "number"

    @property
    def tables(self) -> frozenset[str]:
        """Tables read."""
        if isinstance(self.measure, Given):
            return frozenset({FLAT})
        return frozenset(aggregate.table for aggregate in aggregates_of(self.measure))

    @property
    def needs(self) -> dict[str, frozenset[str]]:
        """Columns read, per declared table."""
        needed: dict[str, frozenset[str]] = {}
        for aggregate in aggregates_of(self.measure):
            needed[aggregate.table] = needed.get(aggregate.table, frozenset()) | aggregate.columns
        return needed

    def title_in(self, language: Language) -> str:
        """The title in a language; in English where nobody translated it.

        Args:
            language: "en" or "zh".

        Returns:
            a phrase.
        """
        return (self.zh or self.title) if language == "zh" else self.title

    def show(self, value: object, currency: str = "", language: Language = "en") -> str:
        """A value as a person writes it; an unknown one is told by why there is none, never filled.

        Args:
            value: as a profile holds it.
            currency: code of the data set's currency, such as CNY.
            language: "en" or "zh".

        Returns:
            the value with its unit.
        """
        if unknown(value):
            return self._absent.in_(language)
        if self._tells_since and isinstance(value, float | int):
            value = math.floor(value)  # a wait of 30 days is not over after 29.9
            if value == 0:
                return LESS_THAN_A_DAY.in_(language)
        return show(value, self.unit, currency, language, self.measure_word)

    @property
    def _tells_since(self) -> bool:
        """Whether the value is the time since something happened."""
        return isinstance(self.measure, Aggregate) and self.measure.kind.startswith("days_since")

    @property
    def _absent(self) -> Text:
        """Why there may be no value: it never happened, there is no limit to compare with, or nobody wrote it down."""
        if self.absent:
            return Text(self.absent, self.absent)
        if self._tells_since:
            return NEVER
        return NO_LIMIT if self.reason in ("R_UTILISATION", "R_LIMIT_CHANGES") else ABSENT

    def sentence(self, value: object, typical: Typical, currency: str = "", language: Language = "en") -> str:
        """The reason text: the customer's value, what it is, and what is typical of everybody.

        >>> from credit_eval.language.expressions import column
        >>> from credit_eval.language.constructors import fold
        >>> of = Of("bank", column("bank"), "category", "bank")
        >>> bank = fold("customers", "last", of, when_empty=None, title="bank")
        >>> told = Feature(bank, Dimension.IDENTITY, 0, "R_CUSTOMER_PROFILE", zh="开户银行")
        >>> told.sentence("First Bank", Typical("GT Bank", 0.0))
        'Bank: First Bank; commonest: GT Bank'
        >>> told.sentence("First Bank", Typical(None, 0.6), language="zh")
        '开户银行：First Bank；多数客户无此记录'

        Args:
            value: as a profile holds it.
            typical: what is typical of the population.
            currency: code of the data set's currency, such as CNY.
            language: "en" or "zh".

        Returns:
            one sentence, for a reason.
        """
        shown = self.show(value, currency, language)
        if language == "zh":
            return f"{self.title_in(language)}：{shown}；{self.usual(typical, currency, language)}"
        counts = (self.unit == "count" and value != 1) or self.title.startswith("since ")
        text = f"{shown} {self.title}" if counts and not unknown(value) else f"{self.title}: {shown}"
        return f"{text[0].upper()}{text[1:]}; {self.usual(typical, currency)}"

    def usual(self, typical: Typical, currency: str = "", language: Language = "en") -> str:
        """What is typical, with its words; how many have no value is said where they are no few.

        Args:
            typical: what is typical of the population.
            currency: code of the data set's currency, such as CNY.
            language: "en" or "zh".

        Returns:
            half a sentence.
        """
        if typical.value is None:
            if self._absent == NEVER:
                return "多数客户从未发生" if language == "zh" else "most customers: never"
            return "多数客户无此记录" if language == "zh" else "most customers have none"
        shown, without = self.show(typical.value, currency, language), f"{typical.without:.0%}"
        some = typical.without >= SOME_WITHOUT
        if language == "zh":
            said = f"{'最常见' if self.unit == 'category' else '客户中位数'}：{shown}"
            return said + (f"（{without}的客户无此记录）" if some else "")
        said = f"{'commonest' if self.unit == 'category' else 'typical'}: {shown}"
        return said + (f" ({without.replace('%', ' %')} of customers have none)" if some else "")
