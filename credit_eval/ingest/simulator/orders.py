"""What people order, what becomes of it, and whether they would like to pay later.

An order's fate (kept, cancelled before payment, returned) and the wish to pay later depend on the customer alone,
not on the month, so the rate of kept orders on the line in a month is known when the month begins. That is what
makes the true probability of a bill, and so of a default, computable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from credit_eval.ingest.simulator.parameters import Parameters
from credit_eval.ingest.simulator.population import Population
from credit_eval.ingest.simulator.rhythm import MINUTE_US, Bools, Calendar, Floats, Ints, choose, sigmoid
from credit_eval.ingest.simulator.states import States

CATEGORIES = ("beauty", "books", "electronics", "fashion", "games", "groceries", "home", "travel")
_SHARES = np.array([0.12, 0.08, 0.12, 0.20, 0.08, 0.22, 0.12, 0.06])
_LEANING = np.array([0.1, -0.2, 0.15, 0.2, 0.35, -0.3, -0.1, 0.15])  # log odds per unit of impulsiveness
_FACTORS = np.array([0.8, 0.4, 3.5, 1.0, 0.7, 0.6, 1.5, 4.0])  # times the customer's median order
LEAST = 500  # cents: no order is smaller

KEPT, CANCELLED, RETURNED = 0, 1, 2


@dataclass(frozen=True)
class Orders:
    """Orders of a block, sorted by (customer, time). `customer` is the position in the block, amounts are cents."""

    customer: Ints
    month: Ints
    sequence: Ints
    at: Ints
    amount: Ints
    category: Ints
    merchant: Ints
    fate: Ints
    wants_credit: Bools
    installments: Ints

    def __len__(self) -> int:
        return len(self.customer)


def draw_orders(
    rng: np.random.Generator, people: Population, states: States, calendar: Calendar, world: Parameters
) -> Orders:
    """All orders of a block from registration to the end of the data."""
    customer, month = occurrences(rng, states.order_rate[:, :-1])
    # A minute is left to pay for the order in its own month: see `purchases`.
    at = np.minimum(calendar.moments(rng, month, people.night[customer]), calendar.closing(month) - MINUTE_US)
    customer, month, at = in_time_order(customer, month, at, at >= people.registered[customer])
    size = len(at)
    category = choose(rng, _category_chances(people)[customer])
    amount = _amounts(rng, people, customer, category, world)
    return Orders(
        customer=customer,
        month=month,
        sequence=running_number(customer),
        at=at,
        amount=amount,
        category=category,
        merchant=category * 50 + np.floor(50 * rng.random(size) ** 2.5).astype(np.int64),
        fate=_fates(rng, people, customer),
        wants_credit=rng.random(size) < credit_wish(people, world)[customer],
        installments=_installments(rng, amount),
    )


def occurrences(rng: np.random.Generator, rate: Floats) -> tuple[Ints, Ints]:
    """Customer and month of Poisson events with the given rate (customers, months)."""
    counts = rng.poisson(rate)
    cell = np.repeat(np.arange(counts.size), counts.ravel())
    return cell // rate.shape[1], cell % rate.shape[1]


def in_time_order(customer: Ints, month: Ints, at: Ints, keep: Bools) -> tuple[Ints, Ints, Ints]:
    """The rows to keep, sorted by (customer, time)."""
    customer, month, at = customer[keep], month[keep], at[keep]
    order = np.lexsort((at, customer))
    return customer[order], month[order], at[order]


def running_number(customer: Ints) -> Ints:
    """0, 1, 2 … within each customer, for rows sorted by customer.

    >>> running_number(np.array([0, 0, 2, 2, 2])).tolist()
    [0, 1, 0, 1, 2]
    """
    return np.arange(len(customer)) - np.searchsorted(customer, customer, side="left")


def credit_wish(people: Population, world: Parameters) -> Floats:
    """Probability per customer of choosing the line for an order."""
    return sigmoid(
        world.bnpl_level + world.bnpl_impulsiveness * people.impulsiveness + world.bnpl_capacity * people.capacity
    )


def fate_chances(people: Population) -> tuple[Floats, Floats]:
    """Probabilities per customer that an order is cancelled before payment, and returned after it."""
    lean = -0.40 * people.willingness + 0.20 * people.impulsiveness
    return sigmoid(-3.1 + lean), sigmoid(-2.7 + lean)


def chance_amount_fits(people: Population, room: Floats, world: Parameters) -> Floats:
    """Probability that an order's amount is at most `room` cents (customers,): a mixture over categories."""
    from scipy.special import ndtr

    ratio = np.maximum(room, 1.0)[:, None] / (_median_order(people, world)[:, None] * _FACTORS)
    fits = (_category_chances(people) * ndtr(np.log(ratio) / world.order_spread)).sum(axis=1)
    return np.where(room >= LEAST, fits, 0.0)


def _median_order(people: Population, world: Parameters) -> Floats:
    cents: Floats = 100 * world.order_median * np.exp(0.6 * world.income_sd * people.capacity)
    return cents


def _category_chances(people: Population) -> Floats:
    weights = _SHARES * np.exp(np.outer(people.impulsiveness, _LEANING))
    chances: Floats = weights / weights.sum(axis=1, keepdims=True)
    return chances


def _amounts(rng: np.random.Generator, people: Population, customer: Ints, category: Ints, world: Parameters) -> Ints:
    median = _median_order(people, world)[customer] * _FACTORS[category]
    amount = median * np.exp(world.order_spread * rng.standard_normal(len(customer)))
    cents: Ints = np.maximum(np.round(amount).astype(np.int64), LEAST)
    return cents


def _fates(rng: np.random.Generator, people: Population, customer: Ints) -> Ints:
    cancel, give_back = fate_chances(people)
    drawn = rng.random(len(customer))
    returned = drawn < (cancel + give_back)[customer]
    return np.where(drawn < cancel[customer], CANCELLED, np.where(returned, RETURNED, KEPT))


def _installments(rng: np.random.Generator, amount: Ints) -> Ints:
    large = sigmoid(np.log(amount / 40_000.0))
    drawn = rng.random(len(amount))
    return np.where(drawn < 0.35 * large, 6, np.where(drawn < 0.9 * large, 3, 1)).astype(np.int64)
