"""Orders and the attempts to pay for them, as the platform records them.

Every order is placed, and then cancelled before payment, or paid after one to three attempts, or cancelled because
no attempt succeeded. A returned order is returned some days after it was paid. Orders on the line are always paid in
the end (the line itself is the money), so that a bill never depends on luck at the till. They are paid, and known to
be paid, before their month's billing cycle closes: a bill holds nothing that happens, or becomes known, after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from credit_eval.core.clock import DAY_US
from credit_eval.ingest.simulator.encode import assemble, coded, money, numbered, times, whole
from credit_eval.ingest.simulator.orders import CANCELLED, CATEGORIES, RETURNED, Orders
from credit_eval.ingest.simulator.parameters import Parameters
from credit_eval.ingest.simulator.population import NEVER, Population
from credit_eval.ingest.simulator.rhythm import (
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    Bools,
    Calendar,
    Floats,
    Ints,
    choose,
    draw,
    sigmoid,
)

METHODS = ("wallet", "card", "bank", "bnpl", "cod")
CHANNELS = ("app", "mini_program", "web", "qr")
AUTHENTICATIONS = ("biometric", "password", "sms_code")
CAUSES = ("insufficient_funds", "authentication", "technical")
STATUSES = ("cancelled", "paid", "placed", "returned")
BNPL, COD = METHODS.index("bnpl"), METHODS.index("cod")
_ATTEMPTS = 3


@dataclass(frozen=True)
class Purchases:
    """How each order was paid. `tried`, `failed`, `cause` and `tried_at` are (orders, attempts)."""

    orders: Orders
    method: Ints
    channel: Ints
    installments: Ints
    tried: Bools
    failed: Bools
    cause: Ints
    tried_at: Ints
    known_at: Ints

    @property
    def paid(self) -> Bools:
        """Whether an attempt succeeded."""
        succeeded: Bools = np.any(self.tried & ~self.failed, axis=1)
        return succeeded

    @property
    def settled_at(self) -> Ints:
        """Time of the last attempt."""
        last: Ints = np.where(self.tried, self.tried_at, 0).max(axis=1)
        return last


def draw_purchases(
    rng: np.random.Generator,
    people: Population,
    orders: Orders,
    on_line: Bools,
    ability: Floats,
    calendar: Calendar,
    world: Parameters,
) -> Purchases:
    """Choose how to pay, and try."""
    size = len(orders)
    method = np.where(on_line, BNPL, _methods(rng, people, orders))
    cause = _causes(rng, method, ability[orders.customer, orders.month], world)
    cause[on_line, _ATTEMPTS - 1] = -1
    failed = cause >= 0
    insists = (rng.random((size, _ATTEMPTS)) < 0.8) | on_line[:, None]
    tried = np.ones((size, _ATTEMPTS), dtype=np.bool_)
    tried[:, 0] = (orders.fate != CANCELLED) & ~((method == COD) & (rng.random(size) < 0.05))
    for k in range(1, _ATTEMPTS):
        tried[:, k] = tried[:, k - 1] & failed[:, k - 1] & insists[:, k]
    closing = np.where(on_line, calendar.closing(orders.month), NEVER)[:, None]
    # Seconds apart, so that attempts that are drawn too late keep their order and the order's status still follows.
    tried_at = np.minimum(_attempt_times(rng, orders, method), closing - SECOND_US * np.array([5, 4, 3]))
    known_at = tried_at + lateness(rng, tried_at.shape, world)
    return Purchases(
        orders=orders,
        method=method,
        channel=draw(rng, (0.52, 0.26, 0.15, 0.07), size),
        installments=np.where(on_line, orders.installments, 1),
        tried=tried,
        failed=failed,
        cause=cause,
        tried_at=tried_at,
        known_at=np.minimum(known_at, closing),
    )


def lateness(rng: np.random.Generator, shape: tuple[int, ...], world: Parameters) -> Ints:
    """How much later than it happened an event becomes known: mostly 0, rarely two hours to four days."""
    late = rng.random(shape) < world.late_known
    return np.where(late, 2 * HOUR_US + (rng.random(shape) ** 2 * 94 * HOUR_US), 0).astype(np.int64)


def _methods(rng: np.random.Generator, people: Population, orders: Orders) -> Ints:
    """How to pay without the line. The unstable pay cash, the well-off by card; games are never paid in cash."""
    odds = np.stack(
        [
            np.full(len(people), 0.2),
            -0.3 + 0.3 * people.capacity,
            -1.2 + 0.1 * people.stability,
            np.full(len(people), -99.0),
            -1.5 - 0.35 * people.stability,
        ],
        axis=1,
    )
    method = choose(rng, np.exp(odds)[orders.customer])
    no_cash = (method == COD) & (orders.category == CATEGORIES.index("games"))
    return np.where(no_cash, 0, method)


def _causes(rng: np.random.Generator, method: Ints, ability: Floats, world: Parameters) -> Ints:
    """(orders, attempts): index of the cause of failure, -1 for success."""
    funds = np.where(method == BNPL, 0.0, sigmoid(world.funds_level + world.funds_ability * ability))[:, None]
    drawn = rng.random((len(method), _ATTEMPTS))
    cause = np.where(drawn < funds, 0, np.where(drawn < funds + 0.012, 1, np.where(drawn < funds + 0.022, 2, -1)))
    cause[method == COD] = -1
    return cause.astype(np.int64)


def _attempt_times(rng: np.random.Generator, orders: Orders, method: Ints) -> Ints:
    """One to five minutes after the order, retries minutes to hours later; cash two to six days later by day."""
    gaps = rng.integers(MINUTE_US, 5 * MINUTE_US, (len(orders), _ATTEMPTS))
    gaps[:, 1:] += np.minimum(rng.exponential(2 * HOUR_US, (len(orders), _ATTEMPTS - 1)), DAY_US).astype(np.int64)
    at: Ints = orders.at[:, None] + np.cumsum(gaps, axis=1)
    day = (orders.at // DAY_US + rng.integers(2, 7, len(orders))) * DAY_US
    delivered = day + rng.integers(9 * HOUR_US, 20 * HOUR_US, len(orders))
    return np.where((method == COD)[:, None], delivered[:, None], at)


def orders_table(rng: np.random.Generator, people: Population, bought: Purchases, calendar: Calendar) -> Any:
    """The orders table of a block: one row per order and change of its status."""
    orders, paid = bought.orders, bought.paid
    size = len(orders)
    settled = np.where(bought.tried[:, 0], bought.settled_at, orders.at)
    pause = rng.integers(10 * MINUTE_US, 36 * HOUR_US, size)
    back = (rng.random(size) * 11 * DAY_US).astype(np.int64) + 3 * DAY_US
    events = (
        (0, ~paid, settled + pause),
        (1, paid, settled + 2 * SECOND_US),
        (2, np.ones(size, dtype=np.bool_), orders.at),
        (3, paid & (orders.fate == RETURNED), settled + back),
    )
    row = np.concatenate([np.flatnonzero(when) for _, when, _ in events])
    status = np.concatenate([np.full(int(when.sum()), code) for code, when, _ in events])
    at = np.concatenate([moment[when] for _, when, moment in events])
    order = sort_known(orders.customer[row], at, at, calendar)
    row, status, at = row[order], status[order], at[order]
    customer = people.number[orders.customer[row]]
    return assemble(
        "orders",
        {
            "customer_id": numbered(("C", customer, 7)),
            "occurred_at": times(at),
            "known_at": times(at),
            "order_id": numbered(("O", customer, 7), ("-", orders.sequence[row], 4)),
            "amount": money(orders.amount[row]),
            "status": coded(STATUSES, status),
            "category": coded(CATEGORIES, orders.category[row]),
            "merchant_id": numbered(("M", orders.merchant[row], 4)),
            "channel": coded(CHANNELS, bought.channel[row]),
            "installments": whole(bought.installments[row]),
        },
    )


def payments_table(rng: np.random.Generator, people: Population, bought: Purchases, calendar: Calendar) -> Any:
    """The payments table of a block: one row per attempt."""
    row, attempt = np.nonzero(bought.tried)
    at, known = bought.tried_at[row, attempt], bought.known_at[row, attempt]
    order = sort_known(bought.orders.customer[row], at, known, calendar)
    row, attempt, at, known = row[order], attempt[order], at[order], known[order]
    orders = bought.orders
    customer, cause = people.number[orders.customer[row]], bought.cause[row, attempt]
    return assemble(
        "payments",
        {
            "customer_id": numbered(("C", customer, 7)),
            "occurred_at": times(at),
            "known_at": times(known),
            "payment_id": numbered(("P", customer, 7), ("-", orders.sequence[row], 4), ("-", attempt, 1)),
            "amount": money(orders.amount[row]),
            "outcome": coded(("succeeded", "failed"), (cause >= 0).astype(np.int64)),
            "failure_cause": coded(CAUSES, cause),
            "order_id": numbered(("O", customer, 7), ("-", orders.sequence[row], 4)),
            "method": coded(METHODS, bought.method[row]),
            "channel": coded(CHANNELS, bought.channel[row]),
            "authentication": coded(AUTHENTICATIONS, draw(rng, (0.5, 0.3, 0.2), len(row))),
        },
    )


def sort_known(customer: Ints, at: Ints, known: Ints, calendar: Calendar) -> Ints:
    """Indices of the rows known before the data end, sorted by (customer, time); ties keep their order."""
    order = np.lexsort((at, customer))
    return order[known[order] < calendar.end]
