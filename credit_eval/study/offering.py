"""What a customer of the latest scored run may be offered for a basket: plans by grade, limit and affordability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
import pandas as pd

from credit_eval.core.errors import CohortError, PolicyError
from credit_eval.policy.plans import Plan, offers
from credit_eval.study.study import Study


@dataclass(frozen=True)
class Offer:
    """Plans for a basket; `why_none` says why there are none."""

    customer_id: str
    amount: Decimal
    grade: str
    available: Decimal
    affordable: Decimal | None
    plans: list[Plan]
    why_none: str | None


def offered(study: Study, customer: str, amount: str) -> Offer:
    """The plans that the policy in force allows a customer, after the decision of the latest run.

    Args:
        study: whose latest run decided.
        customer: its id.
        amount: of the basket, in the currency of the data set.

    Returns:
        plans, or why there are none: no new credit, more than what is left of the limit, or more than a month can bear.

    Raises:
        CohortError: the customer is not in the run.
        PolicyError: an amount that is none.
        SourceError: nothing is scored.
    """
    basket, night = _amount(amount), study.results()
    scored, inputs = night.scored, night.inputs()
    row = scored[scored["customer_id"] == customer]
    if row.empty:
        raise CohortError(f"customer {customer} is not in {night.run.label} of {study.name}", received=customer)
    decided, known = row.iloc[-1], inputs[inputs["customer_id"] == customer].iloc[-1]
    balance, bears = float(known["balance"]), float(known["capacity"])
    left = Decimal(str(round(max(float(decided["limit_new"]) - balance, 0.0), 2)))
    affordable = None if np.isnan(bears) else Decimal(str(round(bears, 2)))
    most = int(decided["max_installments"])
    found: list[Plan] = []
    if most and basket <= left:
        start = pd.Timestamp(decided["as_of"]).date()
        found = offers(
            basket, rate=float(decided["apr"]), most=most, months=study.policy.plans, affordable=affordable, start=start
        )
    return Offer(customer, basket, str(decided["grade"]), left, affordable, found, _why_none(found, most, basket, left))


def tell_offer(found: Offer, currency: str, tell: Callable[..., None]) -> None:
    """Print the plans, each with its payments."""
    tell(f"{found.customer_id}, grade {found.grade}: {found.amount:,} {currency} of {found.available:,} available")
    if found.why_none:
        tell(f"  no plan: {found.why_none}")
    for plan in found.plans:
        tell(
            f"  {len(plan.lines)} payments of {plan.lines[0].payment:,} (the last {plan.lines[-1].payment:,}): "
            f"{plan.total:,} in all, {plan.cost:,} of it cost; "
            f"yearly rate {plan.rate:.2%} nominal, {plan.apr_eu:.2%} effective"
        )
        tell("    " + ", ".join(f"{line.due:%Y-%m-%d} {line.payment:,}" for line in plan.lines))


def _why_none(found: list[Plan], most: int, basket: Decimal, left: Decimal) -> str | None:
    if found:
        return None
    if not most:
        return "the decision gives no new instalment credit"
    if basket > left:
        return f"the basket is more than the {left:,} that are left of the limit"
    return "no plan's payment fits into what is left of a month's own money, or the grade allows fewer months"


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0 or amount != amount.quantize(Decimal("0.01")):
        raise PolicyError("an amount that is none", expected="above 0, with at most two decimals", received=repr(text))
    return amount
