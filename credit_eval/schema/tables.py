"""The declared event tables: the one place that says what a table's columns are.

One row per event. Every event table has `customer_id`, `occurred_at` and `known_at` (when the lender could
have known; a source that does not say gets `occurred_at`). Times are naive UTC timestamps of microseconds,
amounts DECIMAL(18,2) in the data set's currency, of at most `LARGEST_AMOUNT`.

Some columns become known later than their row. A schedule line is known when the account is opened, its
payment only when it happens. Such columns are declared in a `Reveal`: before `by`, they read as NULL.

A schedule line is paid or it is not: `paid_at` is when it was paid *in full*, and empty until then, whatever part of
it came before. A line with a `paid_at` counts as paid everywhere: in profiles, in default, in what is owed.

`orders.category_median` and `browsing.session_id` are derived as rows are stored where a source does not give them:
see `schema/derived.py`.

>>> TABLES["orders"].column("amount").type
'decimal'
>>> [c.name for c in TABLES["repayments"].required_columns][:4]
['customer_id', 'occurred_at', 'account_id', 'installment_id']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from credit_eval.core.errors import TableError

Type = Literal["text", "int", "decimal", "number", "timestamp", "bool"]

#: Amounts beyond it are taken for mistakes, so that sums and squares of those below it are exact on every engine.
LARGEST_AMOUNT = 10**12


@dataclass(frozen=True)
class Column:
    """A column of an event table.

    `values` lists the only values a text column may take (None: any). `at_least` bounds numbers from below.
    `required` columns must be present and never NULL; an optional column may be absent from a source and may
    hold NULL. `unit` is for readers. `audit_only` columns serve fairness tests and are never features.
    `filled`: what stands for an empty text, in a column that is part of a key.
    """

    name: str
    type: Type
    required: bool = False
    values: tuple[str, ...] | None = None
    at_least: int | None = None
    unit: str = ""
    audit_only: bool = False
    filled: str | None = None


@dataclass(frozen=True)
class Reveal:
    """`columns` read as NULL until `by` (a timestamp column of the same row) is strictly before `as_of`."""

    by: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class NotBelow:
    """`column` is not below `other` in rows where `given` has a value; `todo` tells how to say it otherwise."""

    column: str
    other: str
    given: str
    todo: str


@dataclass(frozen=True)
class Table:
    """A declared table: its columns beyond the common three, its key (of those columns that a source gives), and what
    else its rows promise. `one_customer`: all rows of one value of that column are of one customer.
    """

    name: str
    what: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    reveals: tuple[Reveal, ...] = ()
    not_below: tuple[NotBelow, ...] = ()
    one_customer: str | None = None

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The common three columns, then the table's own."""
        return COMMON + self.columns

    @property
    def required_columns(self) -> tuple[Column, ...]:
        """Columns without which a source cannot provide this table."""
        return tuple(column for column in self.all_columns if column.required)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            TableError: the table declares no such column.
        """
        for column in self.all_columns:
            if column.name == name:
                return column
        raise TableError(
            f"table {self.name} has no column {name!r}",
            expected="one of " + ", ".join(c.name for c in self.all_columns),
            received=name,
        )


def _need(name: str, type: Type, *values: str, at_least: int | None = None, unit: str = "") -> Column:
    return Column(name, type, required=True, values=values or None, at_least=at_least, unit=unit)


def _may(name: str, type: Type, *values: str, at_least: int | None = None, unit: str = "") -> Column:
    return Column(name, type, values=values or None, at_least=at_least, unit=unit)


COMMON = (_need("customer_id", "text"), _need("occurred_at", "timestamp"), _may("known_at", "timestamp"))

_DECLARED = (
    Table(
        "customers",
        "one row per customer and change of what is known of them; the first occurred_at is the registration",
        (
            _may("birth_year", "int", at_least=1900, unit="year"),
            _may("region", "text"),
            _may("kyc_level", "int", at_least=0),
            _may("occupation", "text"),
            _may("education", "text"),
            _may("bank", "text"),
            _may("bank_account_type", "text"),
            _may("referred", "bool"),
            _may("monthly_income", "decimal", at_least=0, unit="money"),
            Column("sex", "text", audit_only=True),
            Column("ethnicity", "text", audit_only=True),
        ),
        key=("customer_id", "occurred_at"),
    ),
    Table(
        "orders",
        "one row per order and change of its status",
        (
            _need("order_id", "text"),
            _need("amount", "decimal", at_least=0, unit="money"),
            _need("status", "text", "placed", "paid", "cancelled", "returned", "declined"),
            _may("category", "text"),
            _may("merchant_id", "text"),
            _may("channel", "text"),
            _may("installments", "int", at_least=1),
            Column("refund_id", "text", filled="1"),
            _may("category_median", "decimal", at_least=0, unit="money"),
        ),
        key=("order_id", "status", "refund_id"),
        one_customer="order_id",
    ),
    Table(
        "payments",
        "one row per attempt to pay for an order",
        (
            _need("payment_id", "text"),
            _need("amount", "decimal", at_least=0, unit="money"),
            _need("outcome", "text", "succeeded", "failed"),
            _may("failure_cause", "text"),
            _may("order_id", "text"),
            _may("method", "text", "wallet", "card", "bank", "bnpl", "cod"),
            _may("channel", "text", "app", "qr", "mini_program", "web"),
            _may("authentication", "text"),
        ),
        key=("payment_id",),
    ),
    Table(
        "browsing",
        "one row per page event",
        (
            _need("event", "text"),
            _may("session_id", "text"),
            _may("category", "text"),
            _may("price", "decimal", at_least=0, unit="money"),
            _may("dwell_seconds", "int", at_least=0, unit="seconds"),
        ),
    ),
    Table(
        "behaviour",
        "one row per account event: login, login_failed, device_change, address_change, …",
        (_need("kind", "text"), _may("device_id", "text")),
    ),
    Table(
        "applications",
        "one row per request for a loan or a line, granted or not; the request itself is known when it is made",
        (
            _need("application_id", "text"),
            _need("amount", "decimal", at_least=0, unit="money"),
            _may("total_due", "decimal", at_least=0, unit="money"),
            _may("term_days", "int", at_least=1, unit="days"),
            _may("due_at", "timestamp"),
            _may("product", "text"),
            _may("lender", "text"),
        ),
        key=("application_id",),
    ),
    Table(
        "accounts",
        "one row per credit account and change of its limit; occurred_at is the change",
        (
            _need("account_id", "text"),
            _need("opened_at", "timestamp"),
            _may("product", "text"),
            _may("credit_limit", "decimal", at_least=0, unit="money"),
        ),
        key=("account_id", "occurred_at"),
        one_customer="account_id",
    ),
    Table(
        "repayments",
        "one row per schedule line, known from when it is drawn up; paid_at is when it was paid in full, known then",
        (
            _need("account_id", "text"),
            _need("installment_id", "text"),
            _need("due_at", "timestamp"),
            _need("due_amount", "decimal", at_least=0, unit="money"),
            _may("paid_at", "timestamp"),
            _may("paid_amount", "decimal", at_least=0, unit="money"),
            _may("paid_known_at", "timestamp"),
        ),
        key=("account_id", "installment_id"),
        reveals=(Reveal("paid_known_at", ("paid_at", "paid_amount", "paid_known_at")),),
        not_below=(
            NotBelow("paid_amount", "due_amount", "paid_at", "leave paid_at empty until the line is paid in full"),
        ),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _DECLARED}

#: Columns that a source may leave out because they default to another column of the same row.
DEFAULTS = {"known_at": "occurred_at", "paid_known_at": "paid_at"}

#: `column` of `table` must exist as `column` of the table named here, where a source provides both.
REFERENCES = (
    ("payments", "order_id", "orders"),
    ("repayments", "account_id", "accounts"),
)


def table_named(name: str) -> Table:
    """The declared table of that name.

    Raises:
        TableError: no such table.
    """
    if name not in TABLES:
        raise TableError(
            "no such table", expected="one of " + ", ".join(TABLES), received=name, todo="rename the table"
        )
    return TABLES[name]
