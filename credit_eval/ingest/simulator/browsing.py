"""What customers look at: a session around each order, and sessions that lead to none.

Who is short of money looks at the credit page more often; who is impulsive browses more, and at night.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from credit_eval.ingest.simulator.encode import assemble, coded, money, numbered, times, whole
from credit_eval.ingest.simulator.orders import CATEGORIES, Orders, in_time_order, occurrences, running_number
from credit_eval.ingest.simulator.parameters import Parameters
from credit_eval.ingest.simulator.population import Population
from credit_eval.ingest.simulator.purchases import sort_known
from credit_eval.ingest.simulator.rhythm import SECOND_US, Calendar, Floats, Ints, draw, sigmoid
from credit_eval.ingest.simulator.states import States

EVENTS = ("view", "search", "favourite", "cart", "checkout", "credit_page")
_VIEW, _SEARCH, _CART, _CHECKOUT, _CREDIT = 0, 1, 3, 4, 5
_FREE = 50_000  # numbers of sessions without an order start here
_AROUND_AN_ORDER = ((_SEARCH, 700), (_VIEW, 480), (_CART, 150), (_CHECKOUT, 40))  # event, seconds before it


@dataclass(frozen=True)
class _Pages:
    """Page events; `price` in cents, -1 where a page has none; `customer` is the position in the block."""

    customer: Ints
    session: Ints
    at: Ints
    event: Ints
    category: Ints
    price: Ints
    dwell: Ints


def browsing_table(
    rng: np.random.Generator,
    people: Population,
    states: States,
    orders: Orders,
    calendar: Calendar,
    world: Parameters,
) -> Any:
    """The browsing table of a block."""
    parts = (_before_orders(rng, orders), _free_sessions(rng, people, states, calendar, world))
    pages = _Pages(*(np.concatenate(columns) for columns in zip(*(vars(p).values() for p in parts), strict=True)))
    order = sort_known(pages.customer, pages.at, pages.at, calendar)
    order = order[pages.at[order] >= people.registered[pages.customer[order]]]
    customer, event, at = people.number[pages.customer[order]], pages.event[order], pages.at[order]
    about_nothing = (event == _CREDIT) | (event == _SEARCH)
    return assemble(
        "browsing",
        {
            "customer_id": numbered(("C", customer, 7)),
            "occurred_at": times(at),
            "known_at": times(at),
            "event": coded(EVENTS, event),
            "session_id": numbered(("S", customer, 7), ("-", pages.session[order], 5)),
            "category": coded(CATEGORIES, np.where(event == _CREDIT, -1, pages.category[order])),
            "price": money(pages.price[order], about_nothing),
            "dwell_seconds": whole(pages.dwell[order]),
        },
    )


def _before_orders(rng: np.random.Generator, orders: Orders) -> _Pages:
    """Search (half of the time), view, cart and checkout in the minutes before each order."""
    size, kinds = len(orders), len(_AROUND_AN_ORDER)
    row = np.repeat(np.arange(size), kinds)
    event = np.tile([kind for kind, _ in _AROUND_AN_ORDER], size)
    before = np.tile([seconds for _, seconds in _AROUND_AN_ORDER], size)
    seen = (event != _SEARCH) | (rng.random(len(row)) < 0.5)
    row, event, before = row[seen], event[seen], before[seen]
    dwell = np.minimum(np.exp(3.0 + 0.8 * rng.standard_normal(len(row))), before * 0.6).astype(np.int64)
    at = orders.at[row] - (before * (0.8 + 0.2 * rng.random(len(row))) * SECOND_US).astype(np.int64)
    return _Pages(
        orders.customer[row], orders.sequence[row], at, event, orders.category[row], orders.amount[row], dwell
    )


def _free_sessions(
    rng: np.random.Generator, people: Population, states: States, calendar: Calendar, world: Parameters
) -> _Pages:
    """Sessions that lead to no order: one page and, four times in seven, another, and so on."""
    lean = 0.35 * people.activity + 0.30 * people.impulsiveness
    rate = world.session_rate * np.exp(lean[:, None] + 0.15 * states.appetite[:, 1:]) * calendar.factor[:-1]
    customer, month = occurrences(rng, rate)
    at = calendar.moments(rng, month, people.night[customer])
    customer, month, at = in_time_order(customer, month, at, at >= people.registered[customer])
    number = _FREE + running_number(customer)
    length = np.minimum(rng.geometric(3 / 7, len(customer)), 12)
    row = np.repeat(np.arange(len(customer)), length)
    dwell = np.minimum(np.exp(3.2 + 0.9 * rng.standard_normal(len(row))), 1800).astype(np.int64) + 1
    passed = np.cumsum(dwell) - dwell
    since = passed - passed[np.searchsorted(row, row, side="left")]
    person = customer[row]
    return _Pages(
        customer=person,
        session=number[row],
        at=at[row] + since * SECOND_US + rng.integers(0, SECOND_US, len(row)),
        event=_events(rng, states.ability[person, month[row]], world),
        category=draw(rng, (0.12, 0.08, 0.14, 0.20, 0.08, 0.18, 0.12, 0.08), len(row)),
        price=np.maximum(100 * np.exp(4.6 + 1.1 * rng.standard_normal(len(row))), 100).astype(np.int64),
        dwell=dwell,
    )


def _events(rng: np.random.Generator, ability: Floats, world: Parameters) -> Ints:
    """Kinds of pages: the credit page by this month's ability, the others by fixed shares."""
    looks = rng.random(len(ability)) < sigmoid(world.credit_page_level + world.credit_page_ability * ability)
    return np.where(looks, _CREDIT, draw(rng, (0.68, 0.17, 0.06, 0.09), len(ability)))
