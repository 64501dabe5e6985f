"""The benchmark's features in featuretools, by hand: an entity set, cut off at `as_of`, a feature matrix per window.

featuretools knows one time per row, so rows not known yet at `as_of` are left out before it sees them; an `as_of` of
its own for each customer would need a data set of its own for each. Ratios are taken from the finished matrices.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import datetime, timedelta

import featuretools as ft
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from asked import Asked, asked
from featuretools.primitives import Count, Last, Max, Mean, Min, NumUnique, Std, Sum, TimeSinceFirst, TimeSinceLast

DAY = timedelta(days=1)
#: Conditions on texts: a column of `where` values featuretools can compare.
KINDS = {"orders": "status", "payments": "outcome", "browsing": "event", "behaviour": "kind"}


def rows_of(given: Asked, name: str, as_of: datetime) -> pd.DataFrame:
    """Rows as they were known at `as_of`, with the columns that conditions need."""
    known = (pc.field("occurred_at") < as_of) & (pc.field("known_at") < as_of)
    if given.last:
        known &= pc.field("customer_id") <= given.last
    rows = pq.read_table(given.table(name), filters=known)
    for place, field in enumerate(rows.schema):
        if pa.types.is_decimal(field.type):
            rows = rows.set_column(place, field.name, rows[field.name].cast(pa.float64()))
    frame = rows.to_pandas().drop(columns="known_at")
    for column, part in PARTS.get(name, {}).items():
        frame[column] = part(frame)
    if name == "repayments":
        paid = frame["paid_at"].where(frame["paid_known_at"] < as_of)
        frame["days_late"] = (paid.fillna(as_of) - frame["due_at"]) // DAY
        frame["lateness"] = frame["days_late"].clip(lower=0)
        frame["kind"] = paid.isna().map({True: "open", False: "paid"})
        frame["is_late"] = (frame["days_late"] > 0).astype(float)
        frame["on_time"] = (frame["days_late"] < 1).astype(float)
        frame = frame.drop(columns=["paid_at", "paid_known_at"])
    frame["row"] = range(len(frame))
    return frame


PARTS: dict[str, dict[str, Callable[[pd.DataFrame], pd.Series]]] = {
    "orders": {
        "month": lambda rows: (rows["occurred_at"].dt.year * 12 + rows["occurred_at"].dt.month).astype(str),
        "in_category": lambda rows: rows["status"].where(rows["category"].notna(), "nothing"),
        "net": lambda rows: rows["amount"].where(rows["status"] == "placed", -rows["amount"]),
        "in_instalments": lambda rows: (rows["installments"] > 1).astype(float),
    },
    "payments": {
        "has_method": lambda rows: rows["method"].notna().map({True: "yes", False: "no"}),
        "failed": lambda rows: (rows["outcome"] == "failed").astype(float),
        "bnpl": lambda rows: (rows["method"] == "bnpl").astype(float),
        "cod": lambda rows: (rows["method"] == "cod").astype(float),
        "night": lambda rows: (rows["occurred_at"].dt.hour < 6).astype(float),
    },
    "browsing": {
        "in_category": lambda rows: rows["event"].where(rows["category"].notna(), "nothing"),
        "credit": lambda rows: (rows["event"] == "credit_page").astype(float),
        "night": lambda rows: (rows["occurred_at"].dt.hour < 6).astype(float),
    },
    "behaviour": {"failed": lambda rows: (rows["kind"] == "login_failed").astype(float)},
}
TEXTS = {
    "category",
    "merchant_id",
    "month",
    "failure_cause",
    "method",
    "channel",
    "session_id",
    "device_id",
    "in_category",
}
TEXTS |= {"has_method"}
EVENTS = ("orders", "payments", "browsing", "behaviour", "accounts", "repayments", "due")


def entities(given: Asked, as_of: datetime) -> ft.EntitySet:
    """Customers and their tables; `due` is the repayments over their due dates."""
    found = ft.EntitySet("events")
    customers = rows_of(given, "customers", as_of)
    registered = customers.groupby("customer_id", as_index=False).agg(
        first=("occurred_at", "min"), region=("region", "last")
    )
    types = {"customer_id": "Unknown", "region": "Unknown"}
    found.add_dataframe(registered, "customers", index="customer_id", logical_types=types)
    for name in EVENTS:
        rows = rows_of(given, "repayments" if name == "due" else name, as_of)
        if name == "due":
            rows["occurred_at"] = rows["due_at"]
        texts = {c: "Categorical" for c in rows.columns if c in TEXTS or c == KINDS.get(name, "kind")}
        rows = rows[[c for c in rows if not c.endswith("_id") or c in texts or c == "customer_id"]]
        types = {"customer_id": "Unknown", **texts}
        found.add_dataframe(rows, name, index="row", time_index="occurred_at", logical_types=types)
        found.add_relationship("customers", "customer_id", name, "customer_id")
    return found


class Windows:
    """Features by window (None: ever), and what becomes of the finished columns."""

    def __init__(self, es: ft.EntitySet) -> None:
        self.es = es
        self.by_window: dict[int | None, list[ft.FeatureBase]] = {}
        self.zero: list[str] = []
        self.after: list[Callable[[pd.DataFrame], None]] = []

    def fold(self, name: str, primitive: object, base: str, *windows: int, kind: str = "", zero: bool = False) -> None:
        """`base` is table.column; `kind` what the table's own kind of rows, or column=what another, must be."""
        table, column = base.split(".")
        *other, value = kind.split("=")
        by = other[0] if other else KINDS.get(table, "kind")
        rows = self.es[table].ww
        where = (ft.Feature(rows[by]) == value) if kind else None
        for days in windows or (None,):
            full = f"{name}_{days}d" if days else name
            feature = ft.Feature(rows[column], parent_dataframe_name="customers", where=where, primitive=primitive)
            self.by_window.setdefault(days, []).append(feature.rename(full))
            self.zero += [full] if zero else []

    def count(self, name: str, table: str, *windows: int, kind: str = "") -> None:
        self.fold(name, Count, f"{table}.row", *windows, kind=kind, zero=True)

    def rate(self, name: str, over: str, under: str, factor: int = 1) -> None:
        def divide(found: pd.DataFrame) -> None:
            found[name] = factor * found[over] / found[under].where(found[under] != 0)

        self.after.append(divide)

    def matrix(self, as_of: datetime) -> pd.DataFrame:
        """One feature matrix per window, side by side."""
        times = pd.DataFrame({"customer_id": self.es["customers"]["customer_id"].to_numpy(), "time": as_of})
        parts = [
            ft.calculate_feature_matrix(
                features,
                self.es,
                cutoff_time=times,
                training_window=f"{days} days" if days else None,
                include_cutoff_time=False,
            )
            for days, features in self.by_window.items()
        ]
        found = pd.concat([part.droplevel("time") if part.index.nlevels > 1 else part for part in parts], axis=1).copy()
        found[self.zero] = found[self.zero].astype(float).fillna(0)
        for finish in self.after:
            finish(found)
        return found


def orders(w: Windows) -> None:
    w.count("orders_placed_count", "orders", 7, 30, 90, 180, 365, kind="placed")
    w.count("orders_placed_count", "orders", kind="placed")
    amount, name = "orders.amount", "orders_placed_amount"
    w.fold(f"{name}_sum", Sum, amount, 7, 30, 90, 180, 365, kind="placed", zero=True)
    w.fold(f"{name}_sum", Sum, amount, kind="placed", zero=True)
    w.fold(f"{name}_mean", Mean, amount, 30, 90, 180, 365, kind="placed")
    w.fold(f"{name}_std", Std, amount, 90, 180, 365, kind="placed")
    w.fold(f"{name}_max", Max, amount, 90, 180, 365, kind="placed")
    w.fold(f"{name}_min", Min, amount, 365, kind="placed")
    w.fold("orders_placed_instalments_mean", Mean, "orders.installments", 180, 365, kind="placed")
    w.fold("orders_in_instalments_share", Mean, "orders.in_instalments", 90, 365, kind="placed")
    for status in ("cancelled", "returned"):
        w.count(f"orders_{status}_count", "orders", 90, 365, kind=status)
        for days in (90, 365):
            over, under = f"orders_{status}_count_{days}d", f"orders_placed_count_{days}d"
            w.rate(f"orders_{status}_per_placed_{days}d", over, under)
    w.fold("orders_returned_amount_sum", Sum, amount, 90, 365, kind="returned", zero=True)
    w.fold("orders_net_amount_sum", Sum, "orders.net", 180, zero=True)
    w.fold("orders_placed_days_since_last", TimeSinceLast(unit="days"), "orders.occurred_at", kind="placed")
    w.fold("orders_placed_days_since_first", TimeSinceFirst(unit="days"), "orders.occurred_at", kind="placed")
    w.fold("orders_returned_days_since_last", TimeSinceLast(unit="days"), "orders.occurred_at", kind="returned")
    w.fold(f"{name}_last", Last, amount, kind="placed")
    w.fold("orders_placed_category_last", Last, "orders.category", kind="in_category=placed")
    for short, long in ((7, 90), (30, 180)):
        w.rate(f"{name}_trend_{short}d_{long}d", f"{name}_sum_{short}d", f"{name}_sum_{long}d", long // short)
    w.fold("orders_placed_category_nunique", NumUnique, "orders.category", 30, 90, 365, kind="placed", zero=True)
    w.fold("orders_placed_merchant_nunique", NumUnique, "orders.merchant_id", 90, 180, 365, kind="placed", zero=True)
    w.fold("orders_placed_months_nunique", NumUnique, "orders.month", 365, kind="placed", zero=True)


def payments(w: Windows) -> None:
    name, amount = "payments_succeeded_amount", "payments.amount"
    w.count("payments_count", "payments", 7, 30, 90, 365)
    w.count("payments_count", "payments")
    w.count("payments_failed_count", "payments", 7, 30, 90, 365, kind="failed")
    w.fold("payments_failed_share", Mean, "payments.failed", 90, 180, 365)
    w.count("payments_no_funds_count", "payments", 90, 365, kind="failure_cause=insufficient_funds")
    w.fold(f"{name}_sum", Sum, amount, 30, 90, 180, 365, kind="succeeded", zero=True)
    w.fold(f"{name}_mean", Mean, amount, 90, kind="succeeded")
    w.fold(f"{name}_max", Max, amount, 90, 365, kind="succeeded")
    w.fold(f"{name}_std", Std, amount, 180, kind="succeeded")
    w.fold("payments_bnpl_share", Mean, "payments.bnpl", 90, 365)
    w.fold("payments_cod_share", Mean, "payments.cod", 365)
    w.fold("payments_night_share", Mean, "payments.night", 90, 365)
    w.fold("payments_days_since_last", TimeSinceLast(unit="days"), "payments.occurred_at")
    w.fold("payments_failed_days_since_last", TimeSinceLast(unit="days"), "payments.occurred_at", kind="failed")
    w.fold("payments_method_last", Last, "payments.method", kind="has_method=yes")
    w.rate(f"{name}_trend_30d_180d", f"{name}_sum_30d", f"{name}_sum_180d", 6)
    w.fold("payments_method_nunique", NumUnique, "payments.method", 90, 365, zero=True)
    w.fold("payments_channel_nunique", NumUnique, "payments.channel", 90, 365, zero=True)


def browsing(w: Windows) -> None:
    w.count("browsing_count", "browsing")
    w.count("browsing_view_count", "browsing", 7, 30, 90, 180, kind="view")
    w.count("browsing_cart_count", "browsing", 7, 30, 90, kind="cart")
    w.count("browsing_checkout_count", "browsing", 30, 90, kind="checkout")
    w.count("browsing_search_count", "browsing", 90, kind="search")
    w.count("browsing_credit_page_count", "browsing", 30, 90, kind="credit_page")
    w.fold("browsing_dwell_sum", Sum, "browsing.dwell_seconds", 30, 90, zero=True)
    w.fold("browsing_dwell_mean", Mean, "browsing.dwell_seconds", 30, 90)
    w.fold("browsing_dwell_max", Max, "browsing.dwell_seconds", 90)
    w.fold("browsing_view_price_mean", Mean, "browsing.price", 30, 90, kind="view")
    w.fold("browsing_view_price_max", Max, "browsing.price", 90, kind="view")
    w.fold("browsing_view_price_std", Std, "browsing.price", 90, kind="view")
    for days in (30, 90):
        w.rate(f"browsing_cart_per_view_{days}d", f"browsing_cart_count_{days}d", f"browsing_view_count_{days}d")
    w.rate("browsing_checkout_per_cart_90d", "browsing_checkout_count_90d", "browsing_cart_count_90d")
    w.fold("browsing_credit_page_share", Mean, "browsing.credit", 90)
    w.fold("browsing_night_share", Mean, "browsing.night", 90)
    moment = "browsing.occurred_at"
    w.fold("browsing_days_since_last", TimeSinceLast(unit="days"), moment)
    w.fold("browsing_days_since_first", TimeSinceFirst(unit="days"), moment)
    w.fold("browsing_credit_page_days_since_last", TimeSinceLast(unit="days"), moment, kind="credit_page")
    w.fold("browsing_view_category_last", Last, "browsing.category", kind="in_category=view")
    w.fold("browsing_sessions_nunique", NumUnique, "browsing.session_id", 7, 30, 90, zero=True)
    w.fold("browsing_view_category_nunique", NumUnique, "browsing.category", 30, 90, kind="view", zero=True)


def behaviour(w: Windows) -> None:
    for kind, windows in {
        "login": (7, 30, 90),
        "login_failed": (7, 30, 90),
        "device_change": (365,),
        "address_change": (180, 365),
        "password_change": (180,),
        "service_contact": (30, 90, 365),
    }.items():
        w.count(f"behaviour_{kind}_count", "behaviour", *windows, kind=kind)
    w.fold("behaviour_login_failed_share", Mean, "behaviour.failed", 90)
    for kind in ("login", "login_failed", "address_change"):
        name = f"behaviour_{kind}_days_since_last"
        w.fold(name, TimeSinceLast(unit="days"), "behaviour.occurred_at", kind=kind)
    w.fold("behaviour_devices_nunique", NumUnique, "behaviour.device_id", 30, 90, 365, zero=True)


def credit(w: Windows) -> None:
    w.count("repayments_count", "due", 180)
    w.count("repayments_count", "due")
    w.fold("repayments_late_count", Sum, "due.is_late", 180, zero=True)
    w.fold("repayments_days_late_mean", Mean, "due.lateness", 365)
    w.fold("repayments_days_late_max", Max, "due.lateness", 365)
    w.fold("repayments_overdue_due_sum", Sum, "due.due_amount", kind="open", zero=True)
    w.fold("repayments_on_time_share", Mean, "due.on_time")
    w.fold("repayments_open_due_sum", Sum, "repayments.due_amount", kind="open", zero=True)
    w.fold("accounts_limit_last", Last, "accounts.credit_limit")
    w.fold("accounts_limit_max", Max, "accounts.credit_limit")


def main() -> None:
    warnings.simplefilter("ignore")
    given = asked()
    for as_of, out in given.each():
        windows = Windows(entities(given, as_of))
        for declare in (orders, payments, browsing, behaviour, credit):
            declare(windows)
        found = windows.matrix(as_of)
        customers = windows.es["customers"].set_index("customer_id").reindex(found.index)
        found["customers_days_since_first"] = (as_of - customers["first"]) / DAY
        found["customers_region_last"] = customers["region"]
        for column in found.select_dtypes("category"):
            found[column] = found[column].astype(object)
        found.reset_index().to_parquet(out, index=False)


if __name__ == "__main__":
    main()
