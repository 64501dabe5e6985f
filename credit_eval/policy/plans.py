"""Instalment plans as real schedules: every payment to the cent, what they cost in all, and the rate that a law asks
for.

>>> plan = schedule(Decimal("1200.00"), rate=0.24, months=3, start=date(2026, 1, 31))
>>> [(line.due.isoformat(), str(line.payment)) for line in plan.lines]
[('2026-02-28', '416.11'), ('2026-03-31', '416.11'), ('2026-04-30', '416.10')]
>>> str(plan.cost), round(plan.apr_eu, 4), round(plan.apr_us, 4)
('48.32', 0.2683, 0.24)

A payment is the level payment of an annuity, rounded to the cent; interest of a month is a twelfth of the yearly rate
on what is owed, rounded to the cent; the last payment is what is then left. Months are calendar months, of a day that
a month lacks its last one.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from credit_eval.core.errors import PolicyError

_CENT = Decimal("0.01")
#: Yearly rates between which one is looked for.
_LOWEST, _HIGHEST = -0.99, 1e4


@dataclass(frozen=True)
class Line:
    """A payment: when, how much, what of it is interest and what pays off, and what is owed after it."""

    due: date
    payment: Decimal
    interest: Decimal
    principal: Decimal
    owed: Decimal


@dataclass(frozen=True)
class Plan:
    """A loan and its payments. `rate`: nominal, a year; `fee`: taken when the loan is paid out."""

    amount: Decimal
    rate: float
    fee: Decimal
    start: date
    lines: tuple[Line, ...]

    @property
    def cost(self) -> Decimal:
        """Interest and fee: what is paid beyond what was lent."""
        return sum((line.payment for line in self.lines), Decimal(0)) - self.amount + self.fee

    @property
    def total(self) -> Decimal:
        """All that is paid, the fee included."""
        return self.amount + self.cost

    @property
    def payment(self) -> Decimal:
        """The largest payment: what a month must bear."""
        return max(line.payment for line in self.lines)

    @property
    def apr_eu(self) -> float:
        """The annual percentage rate of charge: effective, a year.

        The rate X at which what is lent and what is paid are worth the same, each discounted by (1 + X) ** -t,
        t in years; months count as twelfths. Source: Directive (EU) 2023/2225, Annex III (2008/48/EC, Annex I).
        """
        return effective_rate(self._flows)

    @property
    def apr_us(self) -> float:
        """The annual percentage rate of the actuarial method: the rate of a month, times twelve.

        Source: Regulation Z, 12 CFR 1026, Appendix J, for payments a month apart.
        """
        return float(12 * ((1 + self.apr_eu) ** (1 / 12) - 1))

    @property
    def _flows(self) -> list[tuple[float, float]]:
        """Years after the start, and money: to the customer above 0."""
        return [(0.0, float(self.amount - self.fee))] + [
            ((number + 1) / 12, -float(line.payment)) for number, line in enumerate(self.lines)
        ]


def schedule(amount: Decimal, *, rate: float, months: int, start: date, fee: Decimal = Decimal(0)) -> Plan:
    """A loan in equal monthly payments.

    Args:
        amount: lent, to the cent, above 0.
        rate: nominal, a year; 0 for none.
        months: payments.
        start: when it is paid out.
        fee: taken from it, to the cent.

    Returns:
        payments that add up to the cent.

    Raises:
        PolicyError: an amount that is none, no month, a fee that eats the loan, or so little that a payment were 0.
    """
    if amount <= 0 or months < 1 or rate < 0 or not 0 <= fee < amount:
        raise PolicyError(
            "a loan that cannot be paid back in instalments",
            expected="an amount above 0, one month or more, a rate and a fee of 0 or more, the fee below the amount",
            received=f"{amount} at {rate:.2%} in {months} months, fee {fee}",
        )
    monthly = Decimal(repr(rate)) / 12
    level = _cents(amount / months if not monthly else amount * monthly / (1 - (1 + monthly) ** -months))
    lines: list[Line] = []
    owed = amount
    for number in range(1, months + 1):
        interest = _cents(owed * monthly)
        payment = owed + interest if number == months else level
        principal = payment - interest
        owed -= principal
        if principal <= 0 or owed < 0:
            raise PolicyError(
                "an amount too small to be paid back in so many months",
                expected="payments that each pay something off, the last one included",
                received=f"{amount} in {months} months: payment {number} pays off {principal}, {owed} is left",
                todo="offer fewer months",
            )
        lines.append(Line(_months_after(start, number), payment, interest, principal, owed))
    return Plan(amount, rate, fee, start, tuple(lines))


def offers(
    amount: Decimal, *, rate: float, most: int, months: Iterable[int], affordable: Decimal | None, start: date
) -> list[Plan]:
    """The plans among which a customer may choose, the shortest first.

    Args:
        amount: of the basket.
        rate: of the customer's grade, a year.
        most: instalments that the grade allows; 0: none.
        months: that the policy offers.
        affordable: what is left of a month's own money; None: unknown, which bounds nothing here.
        start: when it is paid out.

    Returns:
        none where a month could not bear any.
    """
    made = (schedule(amount, rate=rate, months=count, start=start) for count in sorted(set(months)) if count <= most)
    return [plan for plan in made if affordable is None or plan.payment <= affordable]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _months_after(start: date, months: int) -> date:
    month = start.month - 1 + months
    year, month = start.year + month // 12, month % 12 + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def effective_rate(flows: Sequence[tuple[float, float]]) -> float:
    """The yearly rate X at which flows of money are worth nothing in all, each discounted by (1 + X) ** -years.

    >>> round(effective_rate([(0, 1000.0), (1.5, -1200.0)]), 4)
    0.1292

    Args:
        flows: years after the start, and money: lent above 0, paid back below.

    Returns:
        as a share: 0.1292 is 12.92 % a year.
    """
    from scipy.optimize import brentq

    def left(rate: float) -> float:
        return float(sum(money * (1 + rate) ** -years for years, money in flows))

    return float(brentq(left, _LOWEST, _HIGHEST, xtol=1e-14, rtol=1e-14, maxiter=500))
