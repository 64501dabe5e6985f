"""Derived columns against plain Python, and as an append makes them: a part's values are those of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from event_tables import Rows, arrow_of, draw
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_eval.schema import derived
from credit_eval.schema.derived import derived_columns, with_derived
from credit_eval.schema.duckdb import DuckDB, Relation

EPOCH = datetime(1970, 1, 1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine() -> Iterator[DuckDB]:
    with DuckDB(threads=1) as opened:
        yield opened


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Medians of three orders: drawings stay small."""
    monkeypatch.setattr(derived, "_RIGHT_STEP", derived._RIGHT_STEP.replace("total >= 20", "total >= 3"))


def derive(engine: DuckDB, table: str, column: str, rows: Rows, stored: Rows | None = None) -> list[Any]:
    """The derived column of `rows`, in their order."""
    numbered = arrow_of(table, rows).drop_columns([column]).append_column("number", pa.array(range(len(rows))))
    engine.register("came", numbered)
    if stored is not None:
        engine.register("stored", arrow_of(table, stored))
    held = None if stored is None else Relation("stored")
    rows_with = with_derived(engine, table, [column], Relation("came"), stored=held)
    return [value for (value,) in engine.rows(f"SELECT {column} FROM {rows_with} ORDER BY number")]


def orders(*placed: tuple[str, str], category: str = "tea", status: str = "placed") -> Rows:
    return [
        {
            "customer_id": f"c{number}",
            "occurred_at": datetime.fromisoformat(at),
            "order_id": f"{category}{number}{status}",
            "amount": Decimal(amount),
            "status": status,
            "category": category,
        }
        for number, (at, amount) in enumerate(placed)
    ]


def test_a_median_needs_twenty_orders(engine: DuckDB) -> None:
    asked = orders(("2026-03-10", "1"))
    past = orders(*[("2026-02-01", str(amount)) for amount in range(1, 21)])
    assert derive(engine, "orders", "category_median", past[1:] + asked)[-1] is None
    assert derive(engine, "orders", "category_median", past + asked)[-1] == Decimal("10.00")  # the lower of 10 and 11


def test_the_window_is_ninety_days_before_the_month_and_all_must_be_known_by_then(engine: DuckDB, few: None) -> None:
    """As of March: from 1 December on, to the last microsecond of February."""
    edge = [("2025-12-01", "5"), ("2026-02-28T23:59:59.999999", "7"), ("2026-01-01", "9")]
    asked = orders(("2026-03-01", "1"))
    assert derive(engine, "orders", "category_median", orders(*edge) + asked)[-1] == Decimal("7.00")
    for outside in ("2025-11-30T23:59:59.999999", "2026-03-01"):
        assert derive(engine, "orders", "category_median", orders((outside, "5"), *edge[1:]) + asked)[-1] is None
    late = orders(*edge)
    late[0]["known_at"] = datetime(2026, 3, 1)
    assert derive(engine, "orders", "category_median", late + asked)[-1] is None


def test_only_placed_orders_of_the_same_category_count(engine: DuckDB, few: None) -> None:
    past = [("2026-02-01", "5"), ("2026-02-02", "7"), ("2026-02-03", "9")]
    asked = orders(("2026-03-05", "1"))
    returned, others = orders(past[0], status="returned"), orders(past[0], category="salt")
    for instead in (returned, others):
        assert derive(engine, "orders", "category_median", instead + orders(*past[1:]) + asked)[-1] is None
    nameless = [{**asked[0], "category": None}]
    assert derive(engine, "orders", "category_median", orders(*past) + nameless)[-1] is None


def lower_median(of: dict[str, Any], everybody: Rows) -> Decimal | None:
    """What the document says, in plain words."""
    first = of["occurred_at"].replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    amounts = sorted(
        row["amount"]
        for row in everybody
        if row["status"] == "placed"
        and row["category"] is not None
        and row["category"] == of["category"]
        and first - timedelta(days=90) <= row["occurred_at"]
        and row["known_at"] < first
    )
    return amounts[(len(amounts) - 1) // 2] if len(amounts) >= 3 else None


moments = st.datetimes(datetime(2025, 11, 20), datetime(2026, 4, 10)).map(lambda at: at.replace(hour=0, minute=0))
amounts = st.one_of(st.integers(0, 4), st.integers(0, 10**14)).map(lambda cents: Decimal(cents).scaleb(-2))
order = st.builds(
    lambda at, late, amount, category, status: {
        "customer_id": "c",
        "occurred_at": at,
        "known_at": at + late,
        "order_id": "o",
        "amount": amount,
        "category": category,
        "status": status,
    },
    at=moments,
    late=st.sampled_from([timedelta(0), timedelta(0), timedelta(days=3), timedelta(days=40)]),
    amount=amounts,
    category=st.sampled_from(["tea", "tea", "salt", None]),
    status=st.sampled_from(["placed", "placed", "placed", "returned"]),
)


@settings(max_examples=40)
@given(st.lists(order, min_size=1, max_size=40), st.datetimes(datetime(2026, 1, 1), datetime(2026, 4, 1)))
def test_category_medians_are_those_of_plain_python_also_when_rows_come_in_two_parts(
    rows: Rows, boundary: datetime
) -> None:
    with pytest.MonkeyPatch.context() as patch, DuckDB(threads=1) as engine:
        patch.setattr(derived, "_RIGHT_STEP", derived._RIGHT_STEP.replace("total >= 20", "total >= 3"))
        assert derive(engine, "orders", "category_median", rows) == [lower_median(row, rows) for row in rows]
        old = [row for row in rows if row["known_at"] < boundary]
        new = [row for row in rows if row["known_at"] >= boundary]
        if new:
            assert derive(engine, "orders", "category_median", new, old) == [lower_median(row, rows) for row in new]
        if old:
            assert derive(engine, "orders", "category_median", old) == [lower_median(row, rows) for row in old]


def test_two_threads_give_the_same_medians(few: None) -> None:
    rows = [
        {**row, "category": f"{n % 7}"} for n in range(3000) for row in orders(("2026-02-01", f"{n * 37 % 1000}.07"))
    ]
    rows += [{**row, "category": f"{n}"} for n in range(7) for row in orders(("2026-03-01", "1"))]
    found = []
    for threads in (1, 2):
        with DuckDB(threads=threads) as engine:
            found.append(derive(engine, "orders", "category_median", rows))
    assert found[0] == found[1]
    assert None not in found[0][-7:]


PAGES = """
customer_id  occurred_at              event
a            2026-01-01T10:00:00.9    view
a            2026-01-01T10:29:59      view
a            2026-01-01T10:59:58      cart
b            2026-01-01T11:00:00      view
a            2026-01-01T11:29:58      view
a            2026-01-01T11:59:57.99   view
"""


def second(at: str) -> int:
    return int((datetime.fromisoformat(at) - EPOCH).total_seconds())


def test_a_session_ends_with_thirty_minutes_of_silence_and_is_named_after_its_first_second(engine: DuckDB) -> None:
    morning, noon = second("2026-01-01T10:00:00"), second("2026-01-01T11:29:58")
    assert derive(engine, "browsing", "session_id", draw("browsing", PAGES)) == [
        f"a@{morning}",
        f"a@{morning}",
        f"a@{morning}",
        f"b@{second('2026-01-01T11:00:00')}",
        f"a@{noon}",
        f"a@{noon}",
    ]


def test_a_session_goes_on_in_rows_that_come_later_and_older_rows_keep_theirs(engine: DuckDB) -> None:
    rows = draw("browsing", PAGES)
    whole = derive(engine, "browsing", "session_id", rows)
    stored = [{**row, "session_id": name} for row, name in zip(rows[:2], whole[:2], strict=True)]
    assert derive(engine, "browsing", "session_id", rows[2:], stored) == whole[2:]


def test_a_late_page_joins_the_session_before_it_and_never_renames_the_one_after(engine: DuckDB) -> None:
    rows = draw("browsing", PAGES)[:1]
    stored = [{**rows[0], "session_id": "a@old"}]
    before = [{**rows[0], "occurred_at": rows[0]["occurred_at"] - 10 * MINUTE}]
    after = [{**rows[0], "occurred_at": rows[0]["occurred_at"] + 10 * MINUTE}]
    assert derive(engine, "browsing", "session_id", before, stored) == [f"a@{second('2026-01-01T09:50:00')}"]
    assert derive(engine, "browsing", "session_id", after, stored) == ["a@old"]


def test_a_page_known_late_never_joins_what_was_apart_without_it(engine: DuckDB) -> None:
    """10:00 and 10:40 were two sessions for four days; the page between them, known then, cannot make them one."""
    at = [f"2026-01-01T{time}" for time in ("10:00", "10:40", "11:00")]
    apart = draw("browsing", "customer_id occurred_at known_at event\n" + "\n".join(f"a {t} {t} view" for t in at))
    late = draw(
        "browsing",
        """
        customer_id  occurred_at       known_at    event
        a            2026-01-01T10:20  2026-01-05  view
        a            2026-01-01T08:00  2026-01-05  view
        """,
    )
    alone = derive(engine, "browsing", "session_id", apart)
    assert alone == [f"a@{second(at[0])}", f"a@{second(at[1])}", f"a@{second(at[1])}"]
    together = sorted([*apart, *late], key=lambda row: row["occurred_at"])
    found = dict(
        zip([row["occurred_at"] for row in together], derive(engine, "browsing", "session_id", together), strict=True)
    )
    assert [found[row["occurred_at"]] for row in apart] == alone
    assert [found[row["occurred_at"]] for row in late] == [alone[0], f"a@{second('2026-01-01T08:00:00')}"]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 20_000)), min_size=1, max_size=30), st.integers(0, 20_000)
)
def test_sessions_are_those_of_a_walk_along_the_pages_also_in_two_parts(
    pages: list[tuple[str, int]], boundary: int
) -> None:
    rows = [
        {"customer_id": customer, "occurred_at": datetime(2026, 1, 1) + timedelta(seconds=at), "event": "view"}
        for customer, at in sorted(pages)
    ]
    names: list[str] = []
    for number, row in enumerate(rows):
        before = rows[number - 1] if number else None
        goes_on = before and before["customer_id"] == row["customer_id"]
        if goes_on and row["occurred_at"] - before["occurred_at"] < 30 * MINUTE:
            names.append(names[-1])
        else:
            names.append(f"{row['customer_id']}@{int((row['occurred_at'] - EPOCH).total_seconds())}")
    with DuckDB(threads=1) as engine:
        assert derive(engine, "browsing", "session_id", rows) == names
        named = [
            ({**row, "session_id": name}, at) for row, name, (_, at) in zip(rows, names, sorted(pages), strict=True)
        ]
        old, new = ([row for row, at in named if (at < boundary) == is_old] for is_old in (True, False))
        if new:
            assert derive(engine, "browsing", "session_id", new, old) == [row["session_id"] for row in new]


def test_what_a_source_gives_or_cannot_give_is_not_derived() -> None:
    assert derived_columns("orders", ["amount"]) == ()
    assert derived_columns("orders", ["category", "category_median"]) == ()
    assert derived_columns("browsing", ["event"]) == ("session_id",)
    assert derived_columns("payments", ["amount"]) == ()
