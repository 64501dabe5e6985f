"""The features of the benchmark, declared in the project's language: what a credit analyst asks of such events.

They are fixed, and of benchmarks only: the project's own catalogue grows, and a comparison must not grow with it. The
peers beside this file say the same by hand, under the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from credit_eval.language.aggregates import Kind
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.constructors import count, fold, ratio, share, since, trend
from credit_eval.language.expressions import AsOf, Case, Constant, DaysBetween, Expression, Floor, Part, column
from credit_eval.language.feature import Dimension, Feature, Keep, Named, Of
from credit_eval.language.words import Text

EVER = None


def keep(label: str, where: Expression) -> Keep:
    """A condition; nobody reads the sentences of a benchmark."""
    return Keep(label, where, label, label)


def of(label: str, value: Expression, unit: str = "number") -> Of:
    return Of(label, value, unit, label, label)  # type: ignore[arg-type]


def every(windows: Iterable[int | None], declared: Callable[[int | None], Named]) -> Iterator[Named]:
    """The same measure in several windows."""
    return (declared(days) for days in windows)


class About:
    """Declarations over one table, in the fewest words."""

    def __init__(self, table: str, clock: str = "occurred_at") -> None:
        self.table, self.clock = table, clock

    def counts(self, kept: Keep | None, *windows: int | None) -> Iterator[Named]:
        return every(windows, lambda days: count(self.table, kept, days=days, clock=self.clock))

    def folds(self, kind: Kind, value: Of, kept: Keep | None, *windows: int | None) -> Iterator[Named]:
        empty = 0 if kind in ("sum", "nunique") else None
        return every(
            windows, lambda days: fold(self.table, kind, value, kept, days=days, clock=self.clock, when_empty=empty)
        )

    def shares(self, kept: Keep, *windows: int | None, among: Keep | None = None) -> Iterator[Named]:
        return every(windows, lambda days: share(self.table, kept, days=days, among=among, clock=self.clock))

    def rates(self, name: str, over: Keep, under: Keep, *windows: int) -> Iterator[Named]:
        """Rows of one kind per row of another."""
        for days in windows:
            (above,), (below,) = self.counts(over, days), self.counts(under, days)
            yield ratio(f"{self.table}_{name}_{days}d", above, below, title=Text(name, name))

    def since(self, kept: Keep | None = None, *, first: bool = False) -> Named:
        return since(self.table, kept, first=first, phrase="since", zh="since")


AMOUNT, CATEGORY = of("amount", column("amount"), "money"), of("category", column("category"), "category")
NIGHT = keep("night", Part("hour", column("occurred_at")).below(6))


def orders() -> Iterator[Named]:
    about = About("orders")
    placed, cancelled, returned = (keep(s, column("status").equals(s)) for s in ("placed", "cancelled", "returned"))
    merchant, instalments = of("merchant", column("merchant_id"), "category"), of("instalments", column("installments"))
    back = Case(column("status").equals("placed"), column("amount"), Constant(0) - column("amount"))
    yield from about.counts(placed, 7, 30, 90, 180, 365, EVER)
    yield from about.folds("sum", AMOUNT, placed, 7, 30, 90, 180, 365, EVER)
    yield from about.folds("mean", AMOUNT, placed, 30, 90, 180, 365)
    yield from about.folds("std", AMOUNT, placed, 90, 180, 365)
    yield from about.folds("max", AMOUNT, placed, 90, 180, 365)
    yield from about.folds("min", AMOUNT, placed, 365)
    yield from about.folds("nunique", CATEGORY, placed, 30, 90, 365)
    yield from about.folds("nunique", merchant, placed, 90, 180, 365)
    yield from about.folds("nunique", of("months", Floor("month", column("occurred_at"))), placed, 365)
    yield from about.folds("mean", instalments, placed, 180, 365)
    yield from about.shares(keep("in_instalments", column("installments").above(1)), 90, 365, among=placed)
    yield from about.counts(cancelled, 90, 365)
    yield from about.counts(returned, 90, 365)
    yield from about.folds("sum", AMOUNT, returned, 90, 365)
    yield from about.rates("cancelled_per_placed", cancelled, placed, 90, 365)
    yield from about.rates("returned_per_placed", returned, placed, 90, 365)
    yield from about.folds("sum", of("net_amount", back, "money"), None, 180)
    yield from (about.since(placed), about.since(placed, first=True), about.since(returned))
    yield from about.folds("last", AMOUNT, placed, EVER)
    yield from about.folds("last", CATEGORY, placed, EVER)
    yield from (trend("orders", AMOUNT, placed, short=short, long=long) for short, long in ((7, 90), (30, 180)))


def payments() -> Iterator[Named]:
    about = About("payments")
    failed, succeeded = (keep(s, column("outcome").equals(s)) for s in ("failed", "succeeded"))
    bnpl, cod = (keep(s, column("method").equals(s)) for s in ("bnpl", "cod"))
    method, channel = of("method", column("method"), "category"), of("channel", column("channel"), "category")
    yield from about.counts(None, 7, 30, 90, 365, EVER)
    yield from about.counts(failed, 7, 30, 90, 365)
    yield from about.shares(failed, 90, 180, 365)
    yield from about.counts(keep("no_funds", column("failure_cause").equals("insufficient_funds")), 90, 365)
    yield from about.folds("sum", AMOUNT, succeeded, 30, 90, 180, 365)
    yield from about.folds("mean", AMOUNT, succeeded, 90)
    yield from about.folds("max", AMOUNT, succeeded, 90, 365)
    yield from about.folds("std", AMOUNT, succeeded, 180)
    yield from about.folds("nunique", method, None, 90, 365)
    yield from about.folds("nunique", channel, None, 90, 365)
    yield from about.shares(bnpl, 90, 365)
    yield from about.shares(cod, 365)
    yield from about.shares(NIGHT, 90, 365)
    yield from (about.since(), about.since(failed))
    yield from about.folds("last", method, None, EVER)
    yield trend("payments", AMOUNT, succeeded, short=30, long=180)


def browsing() -> Iterator[Named]:
    about = About("browsing")
    view, cart, checkout, search, credit = (
        keep(s, column("event").equals(s)) for s in ("view", "cart", "checkout", "search", "credit_page")
    )
    session, dwell = of("sessions", column("session_id"), "category"), of("dwell", column("dwell_seconds"))
    price = of("price", column("price"), "money")
    yield from about.counts(None, EVER)
    yield from about.counts(view, 7, 30, 90, 180)
    yield from about.counts(cart, 7, 30, 90)
    yield from about.counts(checkout, 30, 90)
    yield from about.counts(search, 90)
    yield from about.counts(credit, 30, 90)
    yield from about.folds("nunique", session, None, 7, 30, 90)
    yield from about.folds("nunique", CATEGORY, view, 30, 90)
    yield from about.folds("sum", dwell, None, 30, 90)
    yield from about.folds("mean", dwell, None, 30, 90)
    yield from about.folds("max", dwell, None, 90)
    yield from about.folds("mean", price, view, 30, 90)
    yield from about.folds("max", price, view, 90)
    yield from about.folds("std", price, view, 90)
    yield from about.rates("cart_per_view", cart, view, 30, 90)
    yield from about.rates("checkout_per_cart", checkout, cart, 90)
    yield from about.shares(credit, 90)
    yield from about.shares(NIGHT, 90)
    yield from (about.since(), about.since(first=True), about.since(credit))
    yield from about.folds("last", CATEGORY, view, EVER)


def behaviour() -> Iterator[Named]:
    about = About("behaviour")
    login, failed, device, address, password, service = (
        keep(s, column("kind").equals(s))
        for s in ("login", "login_failed", "device_change", "address_change", "password_change", "service_contact")
    )
    yield from about.counts(login, 7, 30, 90)
    yield from about.counts(failed, 7, 30, 90)
    yield from about.shares(failed, 90)
    yield from about.folds("nunique", of("devices", column("device_id"), "category"), None, 30, 90, 365)
    yield from about.counts(device, 365)
    yield from about.counts(address, 180, 365)
    yield from about.counts(password, 180)
    yield from about.counts(service, 30, 90, 365)
    yield from (about.since(login), about.since(failed), about.since(address))


def credit() -> Iterator[Named]:
    """What is paid later than due; what is paid after `as_of` is unpaid at `as_of`."""
    about, unpaid = About("repayments", "due_at"), column("paid_at").is_null()
    days_late = Case(unpaid, DaysBetween(column("due_at"), AsOf()), DaysBetween(column("due_at"), column("paid_at")))
    late = keep("late", days_late.above(0))
    lateness = of("days_late", Case(days_late.above(0), days_late, Constant(0)), "days")
    due = of("due", column("due_amount"), "money")
    yield from about.counts(None, 180, EVER)
    yield from about.counts(late, 180)
    yield from about.folds("mean", lateness, None, 365)
    yield from about.folds("max", lateness, None, 365)
    yield from about.folds("sum", due, keep("overdue", unpaid), EVER)
    yield from about.shares(keep("on_time", days_late.below(1)), EVER)
    yield from About("repayments").folds("sum", due, keep("open", unpaid), EVER)
    limit = of("limit", column("credit_limit"), "money")
    yield from About("accounts").folds("last", limit, None, EVER)
    yield from About("accounts").folds("max", limit, None, EVER)


def customers() -> Iterator[Named]:
    yield About("customers").since(first=True)
    yield from About("customers").folds("last", of("region", column("region"), "category"), None, EVER)


_PARTS = (
    (orders, Dimension.CAPACITY, "R_SPENDING_LEVEL"),
    (payments, Dimension.CAPACITY, "R_FAILED_PAYMENTS"),
    (browsing, Dimension.BEHAVIOUR, "R_BROWSING"),
    (behaviour, Dimension.IDENTITY, "R_LOGINS"),
    (credit, Dimension.HISTORY, "R_LATE_REPAYMENTS"),
    (customers, Dimension.IDENTITY, "R_SHORT_RELATIONSHIP"),
)

CATALOGUE = Catalogue(
    tuple(Feature(named, dimension, 0, reason) for part, dimension, reason in _PARTS for named in part())
)
