"""The language in which features are declared. A feature is said once; everything else comes from it.

From one `Feature` come its column name, its entry in the dictionary, its SQL and its reason sentence. The name
is the declaration's parts in order: table, what is kept, what is measured, how it is folded, which window.

>>> failed = Keep("failed", column("outcome").equals("failed"), "payments failed")
>>> risky = Feature(count("payments", failed, days=30), Dimension.BEHAVIOUR, +1, "R_FAILED_PAYMENTS")
>>> risky.name
'payments_failed_count_30d'
>>> risky.sentence(3.0, 0.0)
'3 payments failed in the last 30 days; most customers: 0'
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from credit_eval.core.errors import DeclarationError
from credit_eval.core.files import sha256_json
from credit_eval.events.query import (
    Aggregate,
    Expression,
    Kind,
    Measure,
    Ratio,
    aggregates_of,
    column,
)
from credit_eval.events.tables import table_named

#: What a sentence calls the rows of a table.
_ROWS = {
    "customers": "registrations",
    "orders": "orders",
    "payments": "payments",
    "browsing": "page events",
    "behaviour": "account events",
    "applications": "requests for credit",
    "accounts": "changes of credit accounts",
    "repayments": "instalments that fell due",
}

Unit = Literal["count", "money", "days", "share", "ratio", "years", "number", "category"]


class Dimension(StrEnum):
    """The five sides from which a customer is looked at."""

    HISTORY = "credit_history"
    CAPACITY = "fulfilment_capacity"
    BEHAVIOUR = "behaviour_preference"
    IDENTITY = "identity_stability"
    NETWORK = "network"


@dataclass(frozen=True)
class Keep:
    """A named condition: which rows, and how a sentence calls them ("payments failed")."""

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
    """A measure with the name and the words its declaration gave it; made by the functions below."""

    name: str
    measure: Measure
    unit: Unit
    title: str


@dataclass(frozen=True)
class Feature:
    """One declared feature.

    `direction`: +1 if a higher value can only mean more risk, -1 if only less, 0 if nothing is claimed; a model
    is held to it by a monotone constraint. `reason`: the reason code under which its contribution is counted.
    """

    named: Named
    dimension: Dimension
    direction: Literal[-1, 0, 1]
    reason: str

    def __post_init__(self) -> None:
        if self.direction and self.value_type == "category":
            raise DeclarationError(
                f"{self.name} is a category and has no direction", expected="direction 0", received="±1"
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
        return "category" if isinstance(self.measure, Aggregate) and self.measure.is_text else "number"

    @property
    def tables(self) -> frozenset[str]:
        """Tables read."""
        return frozenset(aggregate.table for aggregate in aggregates_of(self.measure))

    @property
    def needs(self) -> dict[str, frozenset[str]]:
        """Columns read, per table."""
        needed: dict[str, frozenset[str]] = {}
        for aggregate in aggregates_of(self.measure):
            needed[aggregate.table] = needed.get(aggregate.table, frozenset()) | aggregate.columns
        return needed

    def show(self, value: object, currency: str = "") -> str:
        """A value as a person writes it; unknown is said, never filled."""
        return show(value, self.unit, currency)

    def sentence(self, value: object, typical: object, currency: str = "") -> str:
        """The reason text: the customer's value, what it is, and the usual value.

        >>> of = Of("bank", column("bank"), "category", "bank")
        >>> bank = fold("customers", "last", of, when_empty=None, title="bank")
        >>> Feature(bank, Dimension.IDENTITY, 0, "R_CUSTOMER_PROFILE").sentence("First Bank", "GT Bank")
        'Bank: First Bank; commonest: GT Bank'
        """
        shown, usual = self.show(value, currency), self.show(typical, currency)
        counts = (self.unit == "count" and value != 1) or self.title.startswith("since ")
        text = f"{shown} {self.title}" if counts and not _is_unknown(value) else f"{self.title}: {shown}"
        return f"{text[0].upper()}{text[1:]}; {self.usual(usual)}"

    def usual(self, shown: str) -> str:
        """The typical value with its words; the commonest of many categories is rarely what most customers have."""
        return f"{'commonest' if self.unit == 'category' else 'most customers'}: {shown}"


def show(value: object, unit: Unit, currency: str = "") -> str:
    """A value with its unit.

    >>> show(0.254, "share"), show(1234.6, "money", "UGX"), show(float("nan"), "count"), show(2.04, "days")
    ('25 %', '1,235 UGX', 'unknown', '2.0 days')
    """
    if _is_unknown(value):
        return "unknown"
    if not isinstance(value, int | float):
        return str(value)
    match unit:
        case "count" | "number" if float(value).is_integer():
            return f"{value:,.0f}" if unit == "count" else f"{value:.0f}"
        case "money":
            return f"{value:,.0f} {currency}".rstrip() if abs(value) >= 100 else f"{value:,.2f} {currency}".rstrip()
        case "days":
            return f"{value:,.1f} days" if value < 10 else f"{value:,.0f} days"
        case "years":
            return f"{value:.0f} years"
        case "share":
            return f"{value:.0%}".replace("%", " %")
        case _:
            return f"{value:,.2f}"


def _is_unknown(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value)) or value != value


def count(table: str, keep: Keep | None = None, *, days: int | None = None, clock: str = "occurred_at") -> Named:
    """How many rows; none is 0."""
    what = keep.phrase if keep else _ROWS[table]
    aggregate = Aggregate(table, "count", where=_where(keep), days=days, clock=clock, when_empty=0)
    return Named(_name(table, keep, None, "count", days), aggregate, "count", _words(what, _window(days)))


def fold(
    table: str,
    kind: Kind,
    of: Of,
    keep: Keep | None = None,
    *,
    days: int | None = None,
    clock: str = "occurred_at",
    when_empty: Literal[0] | None,
    title: str | None = None,
) -> Named:
    """A fold of a value: sum, mean, std, min, max, nunique or last; `title` where the made-up words limp."""
    aggregate = Aggregate(table, kind, of.value, _where(keep), days=days, clock=clock, when_empty=when_empty)
    words = {
        "mean": "average",
        "std": "spread of",
        "min": "smallest",
        "max": "largest",
        "nunique": "different",
        "last": "latest",
    }
    said = title or _words(words.get(kind), of.phrase, _window(days))
    unit: Unit = "count" if kind == "nunique" else of.unit
    return Named(_name(table, keep, of, kind, days), aggregate, unit, said)


def since(
    table: str, keep: Keep | None = None, *, first: bool = False, clock: str = "occurred_at", phrase: str
) -> Named:
    """Days from the latest (or first) row to `as_of`; unknown if there is none. `phrase`: "since the last order"."""
    kind: Kind = "days_since_first" if first else "days_since_last"
    aggregate = Aggregate(table, kind, where=_where(keep), clock=clock, when_empty=None)
    return Named(_name(table, keep, None, kind, None), aggregate, "days", phrase)


def share(
    table: str, keep: Keep, *, days: int | None = None, among: Keep | None = None, clock: str = "occurred_at"
) -> Named:
    """Share of rows (of those `among`) that are kept; unknown if there is no row."""
    both = Keep(keep.label, among.where & keep.where, keep.phrase) if among else keep
    over, under = (count(table, k, days=days, clock=clock).measure for k in (both, among))
    assert isinstance(over, Aggregate)
    assert isinstance(under, Aggregate)
    whole = among.phrase if among else f"all {_ROWS[table]}"
    title = _words(keep.phrase, f"as a share of {whole}", _window(days))
    return Named(_name(table, keep, None, "share", days), Ratio(over, under), "share", title)


def ratio(name: str, over: Named, under: Named, *, factor: int = 1, unit: Unit = "ratio", title: str) -> Named:
    """`factor * over / under` of two measures, under a name of its own; unknown where `under` is 0 or unknown."""
    assert isinstance(over.measure, Aggregate)
    assert isinstance(under.measure, Aggregate)
    return Named(name, Ratio(over.measure, under.measure, factor), unit, title)


def trend(table: str, of: Of, keep: Keep | None = None, *, short: int, long: int, clock: str = "occurred_at") -> Named:
    """Daily level of the sum in the short window against the long one: 1 is steady, 2 is doubled."""
    over, under = (fold(table, "sum", of, keep, days=days, clock=clock, when_empty=0) for days in (short, long))
    name = f"{_name(table, keep, of, 'trend', None)}_{short}d_{long}d"
    title = f"{of.phrase} in the last {short} days against the last {long} days (1 = steady)"
    return ratio(name, over, under, factor=long // short, title=title)


def _where(keep: Keep | None) -> Expression | None:
    return keep.where if keep else None


def _name(table: str, keep: Keep | None, of: Of | None, kind: str, days: int | None) -> str:
    parts = [table, keep and keep.label, of and of.label, kind, f"{days}d" if days else None]
    return "_".join(part for part in parts if part)


def _window(days: int | None) -> str:
    return f"in the last {days} days" if days else ""


def _words(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class Catalogue:
    """Features with unique names, in a fixed order.

    Raises:
        DeclarationError: two features of one name.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DeclarationError("two features of one name", expected="unique names", received=", ".join(twice))

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [feature.name for feature in self.features]

    @property
    def measures(self) -> dict[str, Measure]:
        """What the engines compute, by column name."""
        return {feature.name: feature.measure for feature in self.features}

    @property
    def fingerprint(self) -> str:
        """Changes when the order, meaning, direction or words of any feature do."""
        return sha256_json([repr(feature) for feature in self.features])

    def __getitem__(self, name: str) -> Feature:
        for feature in self.features:
            if feature.name == name:
                return feature
        raise DeclarationError("no such feature", received=name, todo="see docs/features.md")

    def available(self, columns: dict[str, list[str]]) -> tuple[Catalogue, dict[str, str]]:
        """The features a source can provide, and for each other the table or column that it lacks."""
        absent = {f.name: lack for f in self.features if (lack := _lack(f, columns))}
        return Catalogue(tuple(f for f in self.features if f.name not in absent)), absent


def _lack(feature: Feature, columns: dict[str, list[str]]) -> str | None:
    for table, needed in sorted(feature.needs.items()):
        if table not in columns:
            return f"table {table_named(table).name}"
        missing = needed - set(columns[table])
        if missing:
            return f"column {table}.{min(missing)}"
    return None


def merge(*parts: Iterable[Feature]) -> Catalogue:
    """One catalogue of several modules' features."""
    return Catalogue(tuple(feature for part in parts for feature in part))


__all__ = [
    "Catalogue",
    "Dimension",
    "Feature",
    "Keep",
    "Named",
    "Of",
    "column",
    "count",
    "fold",
    "merge",
    "ratio",
    "share",
    "show",
    "since",
    "trend",
]
