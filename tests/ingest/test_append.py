"""One more day: what is added, what is refused, and that no profile of the past changes by it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from night_shop import BASE, END, LINE, NIGHT, ORDER, PAID, Row, Shop, Tables
from world import bytes_of

from credit_eval.core import files, seals
from credit_eval.core.errors import OutputExistsError, SourceError, TableError
from credit_eval.ingest.mapping import append_mapping, import_mapping
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.store import Dataset, check_sorted, open_dataset
from credit_eval.schema.tables import TABLES


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("stock"))


@pytest.fixture
def shop(stock: Shop, tmp_path: Path) -> Shop:
    return stock.moved(tmp_path / "shop")


def rows(dataset: Dataset, table: str, what: str = "*") -> list[tuple[Any, ...]]:
    with DuckDB() as engine:
        return engine.rows(f"SELECT {what} FROM {parquet(dataset.paths(table))} ORDER BY ALL")


def visible(dataset: Dataset, *as_ofs: datetime) -> dict[tuple[str, datetime], list[tuple[Any, ...]]]:
    """Everything that profiles may read of each table: rows known by then, and of them what was revealed."""
    found = {}
    with DuckDB(threads=1) as engine:
        for table in dataset.tables:
            hidden = {column: reveal.by for reveal in TABLES[table].reveals for column in reveal.columns}
            for as_of in as_ofs:
                moment = f"TIMESTAMP '{as_of}'"
                columns = [
                    f"CASE WHEN {hidden[name]} < {moment} THEN {name} END AS {name}" if name in hidden else name
                    for name in dataset.info.columns[table]
                ]
                known = f"FROM {parquet(dataset.paths(table))} WHERE known_at < {moment} ORDER BY ALL"
                found[table, as_of] = engine.rows(f"SELECT {', '.join(columns)} {known}")
    return found


def test_a_night_adds_parts_and_moves_the_end_forward(shop: Shop) -> None:
    old = shop.dataset
    kept = {name: (old.root / name).stat().st_ino for name in ("orders.parquet", "browsing.parquet")}
    new = shop.append(NIGHT)
    assert (old.info.known_until, new.info.known_until) == (END, END + timedelta(days=1))
    assert new == open_dataset(new.root)
    assert [path.relative_to(new.root).as_posix() for path in new.paths("orders")] == [
        "orders.parquet",
        "orders.parts/2026-03-01.parquet",
    ]
    assert new.info.rows == {"customers": 3, "orders": 5, "payments": 1, "browsing": 2, "accounts": 1, "repayments": 3}
    assert [order for (order,) in rows(new, "orders", "order_id")] == ["1", "1", "2", "3", "4"]
    assert {name: (new.root / name).stat().st_ino for name in kept} == kept
    assert new.paths("payments") == [new.path("payments")]
    assert (new.info.columns, new.info.currency, new.info.known_from) == (
        old.info.columns,
        old.info.currency,
        old.info.known_from,
    )
    assert new.fingerprint != old.fingerprint
    for table in new.tables:
        for path in new.paths(table):
            check_sorted(path)
            assert seals.sha256_file(path) == new.info.hashes[path.relative_to(new.root).as_posix()]


def test_nights_follow_each_other_and_two_of_one_day_get_numbers(shop: Shop) -> None:
    for night, at in enumerate(("2026-03-01T06:00", "2026-03-01T12:00", "2026-03-02T06:00")):
        order = {**ORDER, "order_id": f"N{night}", "occurred_at": at}
        shop.append({"orders": [order]}, known_until=datetime.fromisoformat(at) + timedelta(hours=1))
    parts = open_dataset(shop.dataset.root).info.parts["orders"]
    assert [(Path(part.file).stem, part.rows) for part in parts] == [
        ("2026-03-01", 1),
        ("2026-03-01-2", 1),
        ("2026-03-01-3", 1),
    ]


def test_a_day_appended_is_the_same_data_as_all_imported_at_once(shop: Shop, tmp_path: Path) -> None:
    appended = shop.append(NIGHT)
    together = {table: BASE[table] + NIGHT.get(table, []) for table in BASE}
    together["repayments"] = together["repayments"][1:]  # the unpaid first line is the paid one now
    (tmp_path / "whole").mkdir()
    whole = Shop(tmp_path / "whole", together).dataset
    for table in whole.tables:
        assert rows(appended, table) == rows(whole, table), table
    assert appended.info.known_until == whole.info.known_until


def test_a_session_that_spans_midnight_keeps_its_name(shop: Shop) -> None:
    assert shop.dataset.info.derived == {"orders": ["category_median"], "browsing": ["session_id"]}
    ((before,),) = rows(shop.dataset, "browsing", "session_id")
    assert rows(shop.append(NIGHT), "browsing", "session_id") == [(before,), (before,)]


def test_medians_of_a_part_are_those_of_all_orders_before(tmp_path: Path) -> None:
    many = [{**ORDER, "order_id": f"{n}", "amount": f"{n}"} for n in range(1, 21)]
    shop = Shop(tmp_path, {**BASE, "orders": many, "payments": []})
    kept = rows(shop.dataset, "orders")
    assert {row[-1] for row in kept} == {None}
    grown = shop.append({"orders": [{**ORDER, "order_id": "N", "occurred_at": "2026-03-01", "amount": "1000"}]})
    assert [str(median) for (median,) in rows(grown, "orders", "category_median") if median] == ["10.00"]
    assert [row for row in rows(grown, "orders") if row[3] != "N"] == kept


def test_a_late_event_is_taken_by_the_time_it_arrived(shop: Shop) -> None:
    late = {**ORDER, "order_id": "9", "occurred_at": "2026-02-20"}
    said = str(shop.refused(TableError, {"orders": [late]}))
    assert said.startswith("orders.occurred_at is before the data set ends") is False  # the file has a known_at column
    assert said.startswith("orders.known_at is before the data set ends")
    assert "a row known at 2026-03-01 00:00:00 or later" in said
    assert "give the time of its arrival as known_at" in said
    assert "orders.csv row 2" in said
    assert shop.append({"orders": [{**late, "known_at": "2026-03-01"}]}).info.rows["orders"] == 3


def test_a_table_that_has_no_known_at_is_judged_by_when_it_occurred(shop: Shop) -> None:
    late = {"customer_id": "a", "occurred_at": "2026-02-28T23:59:59.999999", "event": "view"}
    error = shop.refused(TableError, {"browsing": [late]})
    assert error.problem == "browsing.occurred_at is before the data set ends"
    assert error.received == "'2026-02-28 23:59:59.999999'"


@pytest.mark.parametrize(
    ("table", "row", "received"),
    [
        ("orders", {**ORDER, "known_at": "2026-03-01"}, "'order_id=1, status=placed'"),
        (
            "customers",
            {"customer_id": "a", "occurred_at": "2026-01-01"},
            "'customer_id=a, occurred_at=2026-01-01 00:00",
        ),
        ("payments", {**BASE["payments"][0], "occurred_at": "2026-03-01"}, "'payment_id=P1'"),
    ],
)
def test_a_key_that_is_there_already_is_refused(shop: Shop, table: str, row: Row, received: str) -> None:
    said = str(shop.refused(TableError, {table: [row]}))
    assert "repeats a key of the data set" in said
    assert received in said


def test_rows_may_refer_to_what_is_there_and_to_what_comes_with_them(shop: Shop) -> None:
    payment = {**BASE["payments"][0], "occurred_at": "2026-03-01"}
    orders = NIGHT["orders"]
    paid = [{**payment, "payment_id": "P2"}, {**payment, "payment_id": "P3", "order_id": "3", "customer_id": "c"}]
    stranger = {**payment, "payment_id": "P4", "order_id": "77"}
    error = shop.refused(TableError, {**NIGHT, "payments": [*paid, stranger]})
    assert (error.problem, error.received) == ("payments.order_id names an unknown order", "'77'")
    error = shop.refused(TableError, {"orders": orders})
    assert (error.problem, error.received) == ("orders.customer_id names an unknown customer", "'c'")
    assert shop.append({**NIGHT, "payments": paid}).info.rows["payments"] == 3


def test_a_payment_replaces_the_open_line_and_is_not_seen_before_it_was_known(shop: Shop) -> None:
    new = shop.append(NIGHT)
    assert new.paths("repayments") == [new.path("repayments")]
    shown = "installment_id, paid_at::VARCHAR, paid_known_at::VARCHAR"
    assert rows(new, "repayments", shown) == [
        ("1", "2026-02-28 20:00:00", "2026-03-01 09:00:00"),
        ("2", None, None),
        ("3", None, None),
    ]
    assert visible(new, END) == visible(shop.dataset, END)
    later = END + timedelta(days=1)
    assert visible(new, later)["repayments", later] != visible(new, END)["repayments", END]


@pytest.mark.parametrize(
    ("change", "problem", "received"),
    [
        ({"due_amount": "29"}, "changes what was known of it", "'due_amount=29.00 instead of 30.00'"),
        ({"customer_id": "b"}, "is another customer's account", "'A of customer b'"),
        ({"paid_known_at": "2026-02-28T23:00"}, "is missing, or before the data set ends", "'2026-02-28 23:00:00'"),
        ({"paid_known_at": ""}, "is missing, or before the data set ends", "'2026-02-28 20:00:00'"),
        ({"paid_at": "", "paid_known_at": ""}, "is missing, or before the data set ends", "nothing"),
    ],
)
def test_a_line_is_said_again_only_to_reveal_its_payment(shop: Shop, change: Row, problem: str, received: str) -> None:
    error = shop.refused(TableError, {"repayments": [{**PAID, **change}]})
    assert problem in error.problem
    assert error.received == received


def test_a_payment_that_was_known_stays_as_it_was(shop: Shop) -> None:
    shop.dataset = shop.append(NIGHT)
    again = {**PAID, "paid_known_at": "2026-03-02T09:00"}
    error = shop.refused(TableError, {"repayments": [again]})
    assert error.problem == ("repayments.installment_id names a row whose paid_known_at is before the data set ends")
    assert error.received == "'account_id=A, installment_id=1'"


def test_a_new_line_that_was_drawn_up_before_the_end_is_late(shop: Shop) -> None:
    error = shop.refused(TableError, {"repayments": [{**LINE, "installment_id": "9"}]})
    assert error.problem == "repayments.occurred_at is before the data set ends"


def test_the_same_rows_twice_are_refused(shop: Shop) -> None:
    shop.dataset = shop.append(NIGHT)
    said = str(shop.refused(TableError, known_until=END + timedelta(days=2)))
    for table in ("customers", "browsing"):
        assert f"{table}.occurred_at is before the data set ends" in said
    assert "orders.known_at is before the data set ends" in said
    assert "names a row whose paid_known_at is before the data set ends" in said


def test_a_night_that_was_appended_already_is_left_alone(shop: Shop) -> None:
    shop.dataset = shop.append(NIGHT)
    before = bytes_of(shop.dataset.root)
    assert shop.append() == shop.dataset
    assert bytes_of(shop.dataset.root) == before
    assert len(shop.dataset.info.appended) == 1


def test_quarantine_keeps_what_was_set_aside_with_its_day(shop: Shop) -> None:
    broken = [{**ORDER, "order_id": "8", "occurred_at": "2026-03-01", "amount": "nan"}, ORDER]
    new = shop.append({**NIGHT, "orders": NIGHT["orders"] + broken}, quarantine=True)
    assert new.info.rows["orders"] == 5
    assert new.info.notes[-1] == (
        "appended 2026-03-01: 2 rows of orders were set aside: see quarantine/2026-03-01/orders.parquet"
    )
    with DuckDB() as engine:
        aside = engine.rows(
            f"SELECT source_row, reason FROM {parquet(new.root / 'quarantine/2026-03-01/orders.parquet')}"
        )
    assert [row for row, _ in aside] == [5, 6]
    assert "amount cannot be read" in aside[0][1]
    assert "is before the data set ends" in aside[1][1]
    assert "quarantine/2026-03-01/orders.parquet" in new.info.hashes


def test_lines_that_cannot_be_read_are_set_aside_with_their_day(shop: Shop) -> None:
    shop.write(NIGHT, shop.folder / "night")
    with (shop.folder / "night" / "orders.csv").open("a") as stream:
        stream.write("a,2026-03-01\n")
    shop.refused(SourceError)
    new = shop.append(quarantine=True)
    assert "a,2026-03-01" in (new.root / "quarantine" / "2026-03-01" / "broken_lines.csv").read_text()


def test_tables_columns_and_currency_must_be_those_of_the_data_set(shop: Shop) -> None:
    shop.write(NIGHT, shop.folder / "night")
    tables = shop.said["tables"]
    (shop.folder / "night" / "behaviour.csv").write_text("customer_id,occurred_at,kind\n")
    behaviour = {"file": "behaviour.csv", "columns": {name: name for name in ("customer_id", "occurred_at", "kind")}}
    shop.map(tables={**tables, "behaviour": behaviour})
    assert shop.refused(TableError).received == "behaviour as well"
    shop.map(tables={name: one for name, one in tables.items() if name != "payments"})
    error = shop.refused(TableError)
    assert error.received == "no payments"
    assert "a file with its header alone says that nothing happened" in str(error.todo)
    columns = {name: name for name in tables["orders"]["columns"] if name != "category"}
    shop.map(tables={**tables, "orders": {**tables["orders"], "columns": columns, "constants": {"channel": "web"}}})
    error = shop.refused(TableError)
    assert (error.problem, error.received) == (
        "the columns of orders are not those of data set shop",
        "no category, channel as well",
    )
    shop.map(currency="USD")
    assert shop.refused(SourceError).received == "USD"
    shop.map(dataset="other")
    assert "is of another data set" in str(shop.refused(SourceError))


def test_a_derived_column_is_not_taken_from_files(shop: Shop) -> None:
    shop.write(NIGHT, shop.folder / "night")
    browsing = shop.said["tables"]["browsing"]
    given = {**browsing, "constants": {"session_id": "S"}}
    shop.map(tables={**shop.said["tables"], "browsing": given})
    assert shop.refused(TableError).received == "session_id as well"


def test_a_missing_file_is_not_taken_for_a_silent_day(shop: Shop) -> None:
    shop.write(NIGHT, shop.folder / "night")
    (shop.folder / "night" / "payments.csv").unlink()
    assert "no file payments.csv" in str(shop.refused(SourceError))


def test_no_data_set_no_append(tmp_path: Path, shop: Shop) -> None:
    shop.write(NIGHT, shop.folder / "night")
    with pytest.raises(SourceError, match="no data set at elsewhere/shop"):
        append_mapping(shop.folder / "shop.yaml", shop.folder / "night", tmp_path / "elsewhere", "shop")


def test_a_silent_day_must_be_said(shop: Shop) -> None:
    error = shop.refused(SourceError, {})
    assert "say --known-until" in str(error.todo)
    quiet = shop.append({}, known_until=datetime(2026, 3, 2))
    assert quiet.info.known_until == datetime(2026, 3, 2)
    assert quiet.info.hashes == shop.dataset.info.hashes
    assert quiet.fingerprint != shop.dataset.fingerprint
    with pytest.raises(SourceError, match="after 2026-03-02 00:00:00"):
        shop.append(known_until=END)


@pytest.mark.parametrize("known_until", ["2026-02-28", "2026-03-01T10:00", "2062-03-02"])
def test_the_new_end_is_soon_after_all_rows(shop: Shop, known_until: str) -> None:
    error = shop.refused(SourceError, NIGHT, known_until=datetime.fromisoformat(known_until))
    assert (error.problem, error.expected) == (
        "known_until is not a moment soon after the rows",
        "after 2026-03-01 10:00:00, up to 31 days later",
    )


def test_orders_are_told_of_only_if_they_were_placed_neither_before_nor_now(shop: Shop) -> None:
    assert not [note for note in shop.append(NIGHT).info.notes if "NOT SEEN" in note]
    unseen = {**ORDER, "order_id": "X", "occurred_at": "2026-03-02", "status": "paid"}
    *_, note = shop.append({"orders": [unseen]}).info.notes
    assert note.startswith("appended 2026-03-02: 1 of 1 orders have no row with the status 'placed'")


def test_cohorts_and_outcomes_grow_and_keep_what_they_said(shop: Shop) -> None:
    judged = {"customer_id": "who", "as_of": "at"}
    outcomes = {"file": "labels.csv", "columns": {**judged, "defaulted": "bad", "known_at": "seen"}}
    shop.said |= {"outcomes": outcomes, "cohorts": {"train": {"file": "labels.csv", "columns": judged}}}
    shop.map()
    shop.write(NIGHT, shop.folder / "night")
    header = "who,at,bad,seen\n"
    (shop.folder / "labels.csv").write_text(header + "a,2026-01-20,0,2026-02-20\n")
    (shop.folder / "night" / "labels.csv").write_text(header + "b,2026-01-20,1,2026-03-01\n")
    with pytest.raises(TableError, match="has no outcomes"):
        shop.append()
    shop.dataset = import_mapping(shop.folder / "shop.yaml", shop.folder / "raw", replace=True)
    new = shop.append()
    with DuckDB() as engine:
        labels = engine.rows(f"SELECT customer_id, defaulted FROM {parquet(new.outcomes_path)}")
        cohort = engine.rows(f"SELECT customer_id FROM {parquet(new.cohort_path('train'))}")
    assert (labels, cohort) == ([("a", False), ("b", True)], [("a",), ("b",)])
    shop.dataset = new
    (shop.folder / "night" / "labels.csv").write_text(header + "b,2026-01-20,0,2026-03-02\na,2026-02-01,1,2026-02-28\n")
    said = str(shop.refused(TableError, {}))
    assert "outcomes.customer_id repeats a key of the data set" in said
    assert "outcomes.known_at is before the data set ends" in said


def test_every_step_is_told_and_the_last_is_the_end(shop: Shop) -> None:
    steps: list[tuple[int, int]] = []
    shop.append(NIGHT, tick=lambda what, done, total: steps.append((done, total)))
    assert [done for done, _ in steps] == list(range(1, steps[0][1] + 1))


def test_where_files_cannot_be_linked_they_are_copied(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    linked = rows(shop.append(NIGHT), "orders")

    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(files.os, "link", refuse)
    (shop.folder / "again").mkdir()
    again = Shop(shop.folder / "again")
    assert rows(again.append(NIGHT), "orders") == linked


def test_somebody_elses_files_in_the_directory_stay(shop: Shop) -> None:
    (shop.dataset.root / "README.txt").write_text("mine")
    assert (shop.append(NIGHT).root / "README.txt").read_text() == "mine"


def test_two_appends_at_once_are_told_of_each_other(shop: Shop) -> None:
    shop.write(NIGHT, shop.folder / "night")
    with files.atomic_directory(shop.dataset.root, replace=True) as building:
        shutil.copytree(shop.dataset.root, building, dirs_exist_ok=True)
        with pytest.raises(OutputExistsError, match="another run is writing"):
            shop.append()


def test_the_command_line_appends_and_leaves_the_same_again_alone(shop: Shop) -> None:
    shop.write(NIGHT, shop.folder / "night")
    (shop.folder / "data").mkdir()
    (shop.folder / "raw").rename(shop.folder / "data" / "raw")
    command = [sys.executable, "-m", "credit_eval.cli", "append", "shop", "--from", "night", "--mapping", "shop.yaml"]
    done = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "known until 2026-03-02" in done.stdout
    again = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (0, "")
    assert "these files were appended already: nothing to do" in again.stdout
    shop.write({**NIGHT, "browsing": []}, shop.folder / "night")
    other = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, check=False)
    assert other.returncode == TableError.exit_code
    assert "is before the data set ends" in other.stderr
    quiet = subprocess.run(
        [*command, "--known-until", "2026-03-03"], cwd=shop.folder, capture_output=True, text=True, check=False
    )
    assert quiet.returncode == TableError.exit_code
    shop.write({}, shop.folder / "night")
    quiet = subprocess.run(
        [*command, "--known-until", "2026-03-03"], cwd=shop.folder, capture_output=True, text=True, check=False
    )
    assert "known until 2026-03-03" in quiet.stdout


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_the_old_data_set_or_the_new(tmp_path: Path) -> None:
    script = Path(__file__).with_name("kill_append.py")
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(script.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 10


#: When rows occur and are known, counted from the end of the data set they are appended to.
late = st.sampled_from([timedelta(hours=hours) for hours in (-100, -1, 0, 1, 10)])
soon = st.sampled_from([timedelta(hours=hours) for hours in (0, 0, 1, 10, -1)])
customer = st.sampled_from(["a", "a", "b", "c"])
DUE = {"1": "2026-03-15", "2": "2026-04-15", "3": "2026-05-15"}


def rows_of(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.fixed_dictionaries(columns), max_size=3)


def said_again(number: str, amount: str, paid: timedelta | str) -> Row:
    """A schedule line, mostly one that is there, mostly as it is there, mostly paid now."""
    drawn_up = timedelta(0) if number == "3" else datetime(2026, 2, 1)
    line = {"installment_id": number, "occurred_at": drawn_up, "due_at": DUE[number], "due_amount": amount}
    return LINE | line | {"paid_at": "" if paid == "" else "2026-02-20", "paid_known_at": paid}


a_night = st.fixed_dictionaries(
    {
        "customers": rows_of(customer_id=customer, occurred_at=late),
        "orders": rows_of(
            customer_id=customer,
            occurred_at=st.just(timedelta(days=-9)),
            known_at=soon,
            order_id=st.sampled_from(["1", "2", "3", "4"]),
            amount=st.just("1.5"),
            status=st.sampled_from(["placed", "placed", "returned"]),
            category=st.just("tea"),
        ),
        "browsing": rows_of(customer_id=customer, occurred_at=late, event=st.just("view")),
        "repayments": st.lists(
            st.builds(said_again, st.sampled_from("112233"), st.sampled_from(["30", "30", "31"]), soon | st.just("")),
            max_size=3,
        ),
    }
)


def test_times_of_another_zone_are_refused(shop: Shop) -> None:
    shop.map(timezone="+08:00")
    assert "times are of another zone" in str(shop.refused(SourceError, NIGHT))
    shop.map(timezone="+00:00")
    assert shop.append(NIGHT).info.timezone == "UTC"


@pytest.mark.slow
@settings(max_examples=8)
@given(nights=st.lists(a_night, min_size=1, max_size=3))
@example(nights=[{"repayments": [said_again("1", "30", timedelta(hours=1))]}] * 2)
def test_what_profiles_could_read_before_they_read_after(
    nights: list[Tables], stock: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is appended: up to the old end each table reads as it did at every moment; no key is there twice."""
    shop = stock.moved(tmp_path_factory.mktemp("example") / "shop")
    new = shop.dataset
    for number, night in enumerate(nights):
        old, end = new, new.info.known_until
        moments = [end, end - timedelta(hours=1), datetime(2026, 2, 11)]
        before = visible(old, *moments)
        tables = {
            table: [{name: end + v if isinstance(v, timedelta) else v for name, v in row.items()} for row in came]
            for table, came in night.items()
        }
        new = shop.append(tables, f"night{number}", quarantine=True, known_until=end + timedelta(hours=11))
        assert visible(new, *moments) == before
        forever = datetime(2100, 1, 1)
        everything = visible(new, forever)
        assert new.info.rows == {table: len(everything[table, forever]) for table in new.tables}
        for table in new.tables:
            key = [new.info.columns[table].index(name) for name in TABLES[table].key if name in new.info.columns[table]]
            held = [tuple(row[place] for place in key) for row in everything[table, forever]]
            assert not key or len(set(held)) == len(held), table
