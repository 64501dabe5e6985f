"""Account events: logins, changes of device, address and password, calls for help, reviews.

The unstable move and change devices, the short of money call for help, the willing write reviews: each says a
little about a latent, none says much.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from credit_eval.ingest.simulator.encode import assemble, coded, numbered, times
from credit_eval.ingest.simulator.orders import occurrences
from credit_eval.ingest.simulator.parameters import Parameters
from credit_eval.ingest.simulator.population import Population
from credit_eval.ingest.simulator.purchases import lateness, sort_known
from credit_eval.ingest.simulator.rhythm import Calendar, Floats, Ints
from credit_eval.ingest.simulator.states import States

KINDS = (
    "login",
    "login_failed",
    "device_change",
    "address_change",
    "password_change",
    "service_contact",
    "review",
)
_DEVICE_CHANGE = KINDS.index("device_change")


def behaviour_table(
    rng: np.random.Generator,
    people: Population,
    states: States,
    age: Ints,
    calendar: Calendar,
    world: Parameters,
) -> Any:
    """The behaviour table of a block; `age` (customers, months) is the age of arrears."""
    rates = _rates(people, states, age) * calendar.factor[:-1]
    cell, month = occurrences(rng, rates.reshape(-1, calendar.months))
    kind, customer = np.divmod(cell, len(people))
    at = calendar.moments(rng, month, people.night[customer])
    known = at + lateness(rng, at.shape, world)
    order = sort_known(customer, at, known, calendar)
    order = order[at[order] >= people.registered[customer[order]]]
    customer, kind, at, known = customer[order], kind[order], at[order], known[order]
    device = _devices(customer, kind)
    number = people.number[customer]
    return assemble(
        "behaviour",
        {
            "customer_id": numbered(("C", number, 7)),
            "occurred_at": times(at),
            "known_at": times(known),
            "kind": coded(KINDS, kind),
            "device_id": numbered(("D", number, 7), ("-", device, 2)),
        },
    )


def _rates(people: Population, states: States, age: Ints) -> Floats:
    """(kinds, customers, months): events per month, before growth and season."""
    quiet = np.zeros_like(states.ability)
    stability, impulse = people.stability[:, None], people.impulsiveness[:, None]
    leans = (
        0.78 + 0.25 * people.activity[:, None] + 0.15 * impulse + quiet,
        -2.3 - 0.20 * stability + 0.15 * impulse + quiet,
        -3.1 - 0.40 * stability + quiet,
        -3.6 - 0.45 * stability + 0.8 * states.lost[:, 1:],
        -3.4 - 0.20 * stability + 0.10 * impulse + quiet,
        -2.8 - 0.25 * states.ability + 0.7 * (age > 0),
        -1.9 + 0.25 * people.willingness[:, None] + 0.25 * people.activity[:, None] + quiet,
    )
    rates: Floats = np.exp(np.stack(leans))
    return rates


def _devices(customer: Ints, kind: Ints) -> Ints:
    """The number of the device used: one more with each change of device; rows sorted by (customer, time)."""
    changes = np.cumsum(kind == _DEVICE_CHANGE)
    before = changes - (kind == _DEVICE_CHANGE)
    first = np.searchsorted(customer, customer, side="left")
    return (changes - before[first]) % 100 if len(customer) else changes
