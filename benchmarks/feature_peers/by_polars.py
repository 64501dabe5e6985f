"""The benchmark's features in Polars' streaming engine, written by hand.

One lazy plan: a scan per table, one `group_by` of the customer with an aggregate of `when(window)` per feature. Of the
shapes tried, that is the fastest: `value.filter(window).sum()` took as long, `.sort_by(…).last()` instead of `max_by`
half as long again, distinct counts through (customer, value) a fifth more and twice the memory, the in-memory engine a
quarter more, event names as Enum or conditions as columns of their own made no difference.

`--shape joined` joins events to the whole panel's cohort rows instead of filtering by one date.

`--shape sorted` also tells Polars that the files are sorted by customer, which it cannot know and does not check: a
third of the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import polars as pl
from asked import Asked, asked

ALL = pl.lit(True)
DAY_US = 86_400_000_000


class Table:
    """Aggregates of one table, and how each is finished once customers without rows have joined."""

    def __init__(self, as_of: pl.Expr) -> None:
        self.as_of = as_of
        self.inner: list[pl.Expr] = []
        self.outer: list[pl.Expr] = []

    def _windows(self, where: pl.Expr, windows: Sequence[int]) -> Iterator[tuple[str, pl.Expr]]:
        for days in windows:
            yield f"_{days}d", where & (pl.col("occurred_at") >= self.as_of - timedelta(days=days))
        if not windows:
            yield "", where

    def count(self, name: str, where: pl.Expr, *windows: int) -> None:
        for suffix, kept in self._windows(where, windows):
            self.inner.append(kept.sum().alias(name + suffix))
            self.outer.append(pl.col(name + suffix).fill_null(0))

    def rows(self, name: str) -> None:
        self.inner.append(pl.len().alias(name))
        self.outer.append(pl.col(name).fill_null(0))

    def fold(self, kind: str, name: str, value: pl.Expr, where: pl.Expr, *windows: int) -> None:
        for suffix, kept in self._windows(where, windows):
            self.inner.append(getattr(pl.when(kept).then(value), kind)().alias(name + suffix))
            self.outer.append(pl.col(name + suffix).fill_null(0) if kind == "sum" else pl.col(name + suffix))

    def share(self, name: str, part: pl.Expr, where: pl.Expr, *windows: int) -> None:
        self.fold("mean", name, part.fill_null(False).cast(pl.Float64), where, *windows)

    def nunique(self, name: str, value: pl.Expr, where: pl.Expr, *windows: int) -> None:
        for suffix, kept in self._windows(where, windows):
            self.inner.append(value.filter(kept).drop_nulls().n_unique().alias(name + suffix))
            self.outer.append(pl.col(name + suffix).fill_null(0))

    def days_since(self, name: str, where: pl.Expr = ALL, *, first: bool = False) -> None:
        name = f"{name}_days_since_{'first' if first else 'last'}"
        self.fold("min" if first else "max", name, pl.col("occurred_at"), where)
        self.outer[-1] = ((self.as_of - pl.col(name)).dt.total_microseconds() / DAY_US).alias(name)

    def last(self, name: str, value: pl.Expr, where: pl.Expr = ALL) -> None:
        kept = where & value.is_not_null()
        moment = pl.when(kept).then(pl.col("occurred_at"))
        self.inner.append(pl.when(kept).then(value).max_by(moment).alias(name))
        self.outer.append(pl.col(name))

    def rate(self, name: str, over: str, under: str, factor: int = 1) -> None:
        above, below = (pl.col(column).cast(pl.Float64) for column in (over, under))
        self.outer.append(pl.when(below != 0).then(factor * above / below).alias(name))


def orders(t: Table) -> None:
    status, amount = pl.col("status"), pl.col("amount").cast(pl.Float64)
    placed, cancelled, returned = (status == s for s in ("placed", "cancelled", "returned"))
    t.count("orders_placed_count", placed, 7, 30, 90, 180, 365)
    t.count("orders_placed_count", placed)
    t.fold("sum", "orders_placed_amount_sum", amount, placed, 7, 30, 90, 180, 365)
    t.fold("sum", "orders_placed_amount_sum", amount, placed)
    t.fold("mean", "orders_placed_amount_mean", amount, placed, 30, 90, 180, 365)
    t.fold("std", "orders_placed_amount_std", amount, placed, 90, 180, 365)
    t.fold("max", "orders_placed_amount_max", amount, placed, 90, 180, 365)
    t.fold("min", "orders_placed_amount_min", amount, placed, 365)
    t.fold("mean", "orders_placed_instalments_mean", pl.col("installments"), placed, 180, 365)
    t.share("orders_in_instalments_share", pl.col("installments") > 1, placed, 90, 365)
    for name, kept in (("cancelled", cancelled), ("returned", returned)):
        t.count(f"orders_{name}_count", kept, 90, 365)
        for days in (90, 365):
            t.rate(f"orders_{name}_per_placed_{days}d", f"orders_{name}_count_{days}d", f"orders_placed_count_{days}d")
    t.fold("sum", "orders_returned_amount_sum", amount, returned, 90, 365)
    t.fold("sum", "orders_net_amount_sum", pl.when(placed).then(amount).otherwise(-amount), ALL, 180)
    t.days_since("orders_placed", placed)
    t.days_since("orders_placed", placed, first=True)
    t.days_since("orders_returned", returned)
    t.last("orders_placed_amount_last", amount, placed)
    t.last("orders_placed_category_last", pl.col("category"), placed)
    for short, long in ((7, 90), (30, 180)):
        name = "orders_placed_amount"
        t.rate(f"{name}_trend_{short}d_{long}d", f"{name}_sum_{short}d", f"{name}_sum_{long}d", long // short)
    t.nunique("orders_placed_category_nunique", pl.col("category"), placed, 30, 90, 365)
    t.nunique("orders_placed_merchant_nunique", pl.col("merchant_id"), placed, 90, 180, 365)
    t.nunique("orders_placed_months_nunique", pl.col("occurred_at").dt.truncate("1mo"), placed, 365)


def payments(t: Table) -> None:
    failed, succeeded = pl.col("outcome") == "failed", pl.col("outcome") == "succeeded"
    amount, method, night = pl.col("amount").cast(pl.Float64), pl.col("method"), pl.col("occurred_at").dt.hour() < 6
    t.count("payments_count", ALL, 7, 30, 90, 365)
    t.rows("payments_count")
    t.count("payments_failed_count", failed, 7, 30, 90, 365)
    t.share("payments_failed_share", failed, ALL, 90, 180, 365)
    t.count("payments_no_funds_count", pl.col("failure_cause") == "insufficient_funds", 90, 365)
    t.fold("sum", "payments_succeeded_amount_sum", amount, succeeded, 30, 90, 180, 365)
    t.fold("mean", "payments_succeeded_amount_mean", amount, succeeded, 90)
    t.fold("max", "payments_succeeded_amount_max", amount, succeeded, 90, 365)
    t.fold("std", "payments_succeeded_amount_std", amount, succeeded, 180)
    t.share("payments_bnpl_share", method == "bnpl", ALL, 90, 365)
    t.share("payments_cod_share", method == "cod", ALL, 365)
    t.share("payments_night_share", night, ALL, 90, 365)
    t.days_since("payments")
    t.days_since("payments_failed", failed)
    t.last("payments_method_last", method)
    name = "payments_succeeded_amount"
    t.rate(f"{name}_trend_30d_180d", f"{name}_sum_30d", f"{name}_sum_180d", 6)
    t.nunique("payments_method_nunique", method, ALL, 90, 365)
    t.nunique("payments_channel_nunique", pl.col("channel"), ALL, 90, 365)


def browsing(t: Table) -> None:
    event, dwell, price = pl.col("event"), pl.col("dwell_seconds"), pl.col("price").cast(pl.Float64)
    view, cart, checkout, search, credit = (event == e for e in ("view", "cart", "checkout", "search", "credit_page"))
    t.rows("browsing_count")
    t.count("browsing_view_count", view, 7, 30, 90, 180)
    t.count("browsing_cart_count", cart, 7, 30, 90)
    t.count("browsing_checkout_count", checkout, 30, 90)
    t.count("browsing_search_count", search, 90)
    t.count("browsing_credit_page_count", credit, 30, 90)
    t.fold("sum", "browsing_dwell_sum", dwell, ALL, 30, 90)
    t.fold("mean", "browsing_dwell_mean", dwell, ALL, 30, 90)
    t.fold("max", "browsing_dwell_max", dwell, ALL, 90)
    t.fold("mean", "browsing_view_price_mean", price, view, 30, 90)
    t.fold("max", "browsing_view_price_max", price, view, 90)
    t.fold("std", "browsing_view_price_std", price, view, 90)
    for days in (30, 90):
        t.rate(f"browsing_cart_per_view_{days}d", f"browsing_cart_count_{days}d", f"browsing_view_count_{days}d")
    t.rate("browsing_checkout_per_cart_90d", "browsing_checkout_count_90d", "browsing_cart_count_90d")
    t.share("browsing_credit_page_share", credit, ALL, 90)
    t.share("browsing_night_share", pl.col("occurred_at").dt.hour() < 6, ALL, 90)
    t.days_since("browsing")
    t.days_since("browsing", first=True)
    t.days_since("browsing_credit_page", credit)
    t.last("browsing_view_category_last", pl.col("category"), view)
    t.nunique("browsing_sessions_nunique", pl.col("session_id"), ALL, 7, 30, 90)
    t.nunique("browsing_view_category_nunique", pl.col("category"), view, 30, 90)


def behaviour(t: Table) -> None:
    for kind, windows in {
        "login": (7, 30, 90),
        "login_failed": (7, 30, 90),
        "device_change": (365,),
        "address_change": (180, 365),
        "password_change": (180,),
        "service_contact": (30, 90, 365),
    }.items():
        t.count(f"behaviour_{kind}_count", pl.col("kind") == kind, *windows)
    t.share("behaviour_login_failed_share", pl.col("kind") == "login_failed", ALL, 90)
    for kind in ("login", "login_failed", "address_change"):
        t.days_since(f"behaviour_{kind}", pl.col("kind") == kind)
    t.nunique("behaviour_devices_nunique", pl.col("device_id"), ALL, 30, 90, 365)


def repayments(t: Table) -> None:
    """Over the due date, except what is open; `paid_at` counts from when it was known."""
    due, late = pl.col("occurred_at") < t.as_of, pl.col("days_late")
    amount, unpaid = pl.col("due_amount").cast(pl.Float64), pl.col("paid_at").is_null()
    lateness = pl.max_horizontal(late, pl.lit(0))
    t.count("repayments_count", due, 180)
    t.count("repayments_count", due)
    t.count("repayments_late_count", due & (late > 0), 180)
    t.fold("mean", "repayments_days_late_mean", lateness, due, 365)
    t.fold("max", "repayments_days_late_max", lateness, due, 365)
    t.fold("sum", "repayments_overdue_due_sum", amount, due & unpaid)
    t.share("repayments_on_time_share", late < 1, due)
    t.fold("sum", "repayments_open_due_sum", amount, unpaid)


def accounts(t: Table) -> None:
    t.last("accounts_limit_last", pl.col("credit_limit").cast(pl.Float64))
    t.fold("max", "accounts_limit_max", pl.col("credit_limit").cast(pl.Float64), ALL)


def customers(t: Table) -> None:
    t.days_since("customers", first=True)
    t.last("customers_region_last", pl.col("region"))


def seen(given: Asked, name: str, as_of: pl.Expr, keys: list[str]) -> pl.LazyFrame:
    """Rows as they were known at `as_of`; where that is a column, once for each of a customer's cohort rows."""
    rows = pl.scan_parquet(given.table(name))
    if "as_of" in keys:
        rows = rows.join(pl.scan_parquet(given.cohort), on="customer_id")
    rows = rows.filter(pl.col("occurred_at") < as_of, pl.col("known_at") < as_of)
    if given.shape == "sorted":
        rows = rows.set_sorted("customer_id")
    if name != "repayments":
        return rows
    paid = pl.when(pl.col("paid_known_at") < as_of).then(pl.col("paid_at"))
    days = (paid.fill_null(as_of) - pl.col("due_at")).dt.total_microseconds().floordiv(DAY_US)
    return rows.select(*keys, "due_amount", paid_at=paid, days_late=days, occurred_at=pl.col("due_at"))


def plan(given: Asked, as_of: pl.Expr, keys: list[str]) -> pl.LazyFrame:
    profiles = seen(given, "customers", as_of, keys).select(keys).unique()
    outer: list[pl.Expr] = []
    for table in (customers, orders, payments, browsing, behaviour, repayments, accounts):
        asking = Table(as_of)
        table(asking)
        answer = seen(given, table.__name__, as_of, keys).group_by(keys).agg(asking.inner)
        profiles = profiles.join(answer, on=keys, how="left")
        outer += asking.outer
    return profiles.select(*keys, *outer)


def main() -> None:
    given = asked()
    if given.shape == "joined":
        given.out.mkdir(parents=True, exist_ok=True)
        panel = plan(given, pl.col("as_of"), ["customer_id", "as_of"])
        panel.sink_parquet(given.out / "joined.parquet", compression="zstd", engine="streaming")
        return
    for as_of, out in given.each():
        plan(given, pl.lit(as_of), ["customer_id"]).sink_parquet(out, compression="zstd", engine="streaming")


if __name__ == "__main__":
    main()
