"""Customers, accounts and repayments, as the lender records them."""

from __future__ import annotations

from typing import Any

import numpy as np

from credit_eval.ingest.simulator.credit import UNPAID, Credit
from credit_eval.ingest.simulator.encode import assemble, coded, flags, money, numbered, times, whole
from credit_eval.ingest.simulator.population import OCCUPATIONS, REGIONS, SEXES, Population
from credit_eval.ingest.simulator.purchases import sort_known
from credit_eval.ingest.simulator.rhythm import HOUR_US, MINUTE_US, Calendar, Ints

PRODUCTS = ("pay_later",)


def customers_table(people: Population) -> Any:
    """The customers table of a block."""
    return assemble(
        "customers",
        {
            "customer_id": numbered(("C", people.number, 7)),
            "occurred_at": times(people.registered),
            "known_at": times(people.registered),
            "birth_year": whole(people.birth_year),
            "region": coded(REGIONS, people.region),
            "kyc_level": whole(people.kyc_level),
            "occupation": coded(OCCUPATIONS, people.occupation),
            "referred": flags(people.referred),
            "sex": coded(SEXES, people.sex),
        },
    )


def accounts_table(people: Population, credit: Credit, calendar: Calendar) -> Any:
    """The accounts table of a block: the opening, then a row per change of the limit."""
    opened = np.flatnonzero(people.account)
    customer = np.concatenate([opened, *(change.customer for change in credit.changes)])
    at = np.concatenate([people.opened[opened], *(change.at for change in credit.changes)])
    limit = np.concatenate([people.limit[opened], *(change.limit for change in credit.changes)])
    order = sort_known(customer, at, at, calendar)
    customer, at, limit = customer[order], at[order], limit[order]
    number = people.number[customer]
    return assemble(
        "accounts",
        {
            "customer_id": numbered(("C", number, 7)),
            "occurred_at": times(at),
            "known_at": times(at),
            "account_id": numbered(("A", number, 7)),
            "opened_at": times(people.opened[customer]),
            "product": coded(PRODUCTS, np.zeros(len(customer), dtype=np.int64)),
            "credit_limit": money(limit),
        },
    )


def repayments_table(rng: np.random.Generator, people: Population, credit: Credit, calendar: Calendar) -> Any:
    """The repayments table of a block: a row per bill and instalment on it; payments not yet known are NULL.

    A bill is drawn up as its cycle closes and lays down every instalment of the month's purchases, so all that was
    bought before a month's start (and is kept) is owed in rows known then. What falls due together is paid together.
    """
    customer, month, part = np.nonzero(credit.billed)
    cents, due_month = credit.billed[customer, month, part], month + 1 + part
    issued = calendar.closing(month)
    paid_at = credit.paid_at[customer, due_month]
    known = paid_at + _bank_delay(rng, credit.paid_at.shape)[customer, due_month]
    unknown = (paid_at == UNPAID) | (known >= calendar.end)
    number = people.number[customer]
    return assemble(
        "repayments",
        {
            "customer_id": numbered(("C", number, 7)),
            "occurred_at": times(issued),
            "known_at": times(issued),
            "account_id": numbered(("A", number, 7)),
            "installment_id": numbered(("A", number, 7), ("-", month, 3), ("-", part, 1)),
            "due_at": times(credit.due_at[customer, due_month]),
            "due_amount": money(cents),
            "paid_at": times(paid_at, unknown),
            "paid_amount": money(cents, unknown),
            "paid_known_at": times(known, unknown),
        },
    )


def _bank_delay(rng: np.random.Generator, size: tuple[int, ...]) -> Ints:
    """A tenth of the payments reach the lender half an hour to forty hours late."""
    late = rng.random(size) < 0.1
    return np.where(late, rng.integers(30 * MINUTE_US, 40 * HOUR_US, size), 0)
