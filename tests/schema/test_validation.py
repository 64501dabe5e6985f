"""Every rule of the declared tables, refused in words and set aside with reasons."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_eval.core.errors import TableError
from credit_eval.schema.duckdb import DuckDB, Relation, quote
from credit_eval.schema.rules import SHAPES, Clocks, Reading, Shape, cohort_shape, finished_row
from credit_eval.schema.validation import Checked, Incoming, validate

Row = Mapping[str, str | None]

ORDER: Row = {"customer_id": "a", "occurred_at": "2026-01-02", "order_id": "1", "amount": "5", "status": "paid"}
CUSTOMER: Row = {"customer_id": "a", "occurred_at": "2026-01-01"}
LINE: Row = {
    "customer_id": "a",
    "occurred_at": "2026-01-02",
    "account_id": "A",
    "installment_id": "1",
    "due_at": "2026-02-01",
    "due_amount": "10",
    "paid_at": "2026-01-20",
    "paid_known_at": "2026-01-21",
}
ACCOUNT: Row = {"customer_id": "a", "occurred_at": "2026-01-02", "account_id": "A", "opened_at": "2026-01-02"}


@pytest.fixture
def engine() -> Iterator[DuckDB]:
    with DuckDB(threads=1) as opened:
        yield opened


def incoming(engine: DuckDB, table: str | Shape, *rows: Row) -> Incoming:
    """Rows as a relation of text, numbered like a spreadsheet whose header is row 1."""
    shape = SHAPES[table] if isinstance(table, str) else table
    columns = list(rows[0])
    name = f"in_{shape.name.replace('/', '_')}"
    values = ", ".join(
        f"('{shape.name}.csv', {number}, {', '.join(_literal(row.get(column)) for column in columns)})"
        for number, row in enumerate(rows, start=2)
    )
    engine.run(
        f"CREATE TABLE {name} AS SELECT * FROM (VALUES {values}) t(source_file, source_row, {', '.join(columns)})"
    )
    return Incoming(shape, Relation(name), tuple(columns))


def _literal(value: str | None) -> str:
    return "NULL::VARCHAR" if value is None else f"{quote(value)}::VARCHAR"


def good_rows(engine: DuckDB, checked: Checked, name: str) -> list[int]:
    return sorted(row[0] for row in engine.rows(f"SELECT source_row FROM {checked.good(name)}"))


def reasons(engine: DuckDB, checked: Checked, name: str) -> dict[int, str]:
    return dict(engine.rows(f"SELECT source_row, reason FROM ({checked.bad(name)})"))


@pytest.mark.parametrize(
    ("column", "value", "expected", "received"),
    [
        ("amount", "-0.01", "amount >= 0", "'-0.01'"),
        ("amount", "nan", "a finite number of at most 1,000,000,000,000", "'nan'"),
        ("amount", "inf", "a finite number of at most 1,000,000,000,000", "'inf'"),
        ("amount", "12 EUR", "a finite number of at most 1,000,000,000,000", "'12 EUR'"),
        ("amount", "99999999999999999999", "a finite number of at most 1,000,000,000,000", "'99999999999999999999'"),
        ("amount", "1000000000000.01", "a finite number of at most 1,000,000,000,000", "'1000000000000.01'"),
        ("amount", None, "a value in every row", "nothing"),
        ("amount", "", "a value in every row", "nothing"),
        ("status", "PAID", "one of placed, paid, cancelled, returned, declined", "'PAID'"),
        ("customer_id", "", "a value in every row", "nothing"),
        ("occurred_at", "2026-02-30", "a time such as", "'2026-02-30'"),
        ("occurred_at", "infinity", "a time such as", "'infinity'"),
        ("occurred_at", "0026-01-02", "a time such as", "'0026-01-02'"),
        ("installments", "3.7", "a whole number", "'3.7'"),
        ("installments", "0", "installments >= 1", "'0'"),
        ("known_at", "2026-01-01 23:59:59", "not before occurred_at", "'2026-01-01 23:59:59'"),
    ],
)
def test_a_bad_value_is_refused_with_what_was_expected_and_received(
    engine: DuckDB, column: str, value: str | None, expected: str, received: str
) -> None:
    sound = dict.fromkeys(("installments", "known_at")) | dict(ORDER)
    rows = incoming(engine, "orders", sound, sound | {"order_id": "2", column: value})
    with pytest.raises(TableError, match=f"orders.{column} ") as refused:
        validate(engine, [rows])
    assert refused.value.expected is not None
    assert refused.value.expected.startswith(expected)
    assert refused.value.received in (received, "''" if value == "" else received)
    assert (refused.value.n_rows, refused.value.rows) == (1, ("orders.csv row 3",))


@pytest.mark.parametrize("value", ["5", "5.00", "5.000", "5e0", " 5 ", "4.999999999999999", "5.000000000000001"])
def test_an_amount_is_what_was_written_but_for_the_noise_of_doubles(engine: DuckDB, value: str) -> None:
    checked = validate(engine, [incoming(engine, "orders", {**ORDER, "amount": value})])
    assert engine.scalar(f"SELECT amount FROM {checked.good('orders')}") == Decimal("5.00")


@pytest.mark.parametrize(("value", "cents"), [("5.004", "5.00"), ("5.005", "5.01"), ("1.234", "1.23"), ("-0", "0.00")])
def test_amounts_of_more_than_two_decimals_are_refused_or_rounded_by_a_said_rule(
    engine: DuckDB, value: str, cents: str
) -> None:
    one = incoming(engine, "orders", {**ORDER, "amount": value})
    if value != "-0":
        with pytest.raises(TableError, match=r"orders\.amount has more than two decimals") as refused:
            validate(engine, [one])
        assert "rounding: half_up" in str(refused.value)
        engine.run("DROP TABLE aside; DROP TABLE blanked")
    checked = validate(engine, [dataclasses.replace(one, reading=Reading(rounded=True))])
    assert engine.scalar(f"SELECT amount FROM {checked.good('orders')}") == Decimal(cents)
    rounded = ["1 values of orders.amount had more than two decimals, rounded half up"]
    assert checked.mended == ([] if value == "-0" else rounded)


@pytest.mark.parametrize("value", ["1.23457E+17", "1,23457e+17", "1e5", "12.5E3"])
def test_an_identifier_that_a_spreadsheet_cut_is_refused(engine: DuckDB, value: str) -> None:
    with pytest.raises(TableError, match=r"orders\.order_id is in scientific notation") as refused:
        validate(engine, [incoming(engine, "orders", {**ORDER, "order_id": value})])
    assert "a spreadsheet writes long ones so" in str(refused.value)


@pytest.mark.parametrize("value", ["E5", "1E", "e+5", "123457000000000000", "1.5", "12e5f"])
def test_other_identifiers_are_not(engine: DuckDB, value: str) -> None:
    validate(engine, [incoming(engine, "orders", {**ORDER, "order_id": value})])


@pytest.mark.parametrize("ends", [" ", "\t", "\u00a0", "\u200b", "\ufeff", "\u3000", " \u200e "])
def test_blanks_and_invisible_characters_at_the_ends_are_cut_and_counted(engine: DuckDB, ends: str) -> None:
    rows = [
        {**ORDER, "order_id": f"{ends}7", "category": "tea"},
        {**ORDER, "order_id": "8", "category": f"green tea{ends}"},
    ]
    checked = validate(engine, [incoming(engine, "orders", *rows)])
    found = engine.rows(f"SELECT order_id, category FROM {checked.good('orders')} ORDER BY 1")
    assert [row[0] for row in found] == ["7", "8"]
    assert found[1][1] == "green tea"
    cut = "1 values of orders.{} had blanks or invisible characters at their ends, cut off"
    assert checked.mended == [cut.format("order_id"), cut.format("category")]


def test_a_key_that_differs_by_a_blank_is_repeated(engine: DuckDB) -> None:
    with pytest.raises(TableError, match="repeats a key"):
        validate(engine, [incoming(engine, "orders", ORDER, {**ORDER, "order_id": f"{ORDER['order_id']}\u00a0"})])


@pytest.mark.parametrize(
    ("value", "read"),
    [(yes, True) for yes in ("1.0", "1", "true", "TRUE", "t", "Y", "yes", " Yes ")]
    + [(no, False) for no in ("0.0", "0", "false", "F", "N", "no")]
    + [(none, None) for none in ("", None)],
)
def test_labels_as_people_write_them(engine: DuckDB, value: str | None, read: bool | None) -> None:
    person = {"customer_id": "a", "occurred_at": "2026-01-01", "referred": value}
    checked = validate(engine, [incoming(engine, "customers", person)])
    assert engine.scalar(f"SELECT referred FROM {checked.good('customers')}") is read


@pytest.mark.parametrize("value", ["2", "0.5", "maybe", "1.00001", "ja"])
def test_what_is_no_label_is_refused(engine: DuckDB, value: str) -> None:
    person = {"customer_id": "a", "occurred_at": "2026-01-01", "referred": value}
    with pytest.raises(TableError, match=r"customers\.referred cannot be read"):
        validate(engine, [incoming(engine, "customers", person)])


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-01-02", "2026-01-02 00:00:00"),
        ("2026-01-02T10:00:00Z", "2026-01-02 10:00:00"),
        ("2026-01-02 10:00:00+02:00", "2026-01-02 08:00:00"),
        ("2026-01-02 10:00:00.000001", "2026-01-02 10:00:00.000001"),
    ],
)
def test_an_offset_is_converted_and_none_means_utc(engine: DuckDB, written: str, utc: str) -> None:
    engine.run("SET TimeZone = 'Asia/Tokyo'")
    checked = validate(engine, [incoming(engine, "orders", {**ORDER, "occurred_at": written})])
    assert str(engine.scalar(f"SELECT occurred_at FROM {checked.good('orders')}")) == utc


OFFSETS = ("Z", "+02:00", "-03", "+0530", " UTC", " Europe/Berlin")


@pytest.mark.parametrize("offset", OFFSETS)
def test_times_with_and_without_an_offset_in_one_column_are_refused(engine: DuckDB, offset: str) -> None:
    """Of such times one can only guess what those without mean; the others are sure."""
    times = ["2026-01-02 10:00:00", f"2026-01-03 10:00:00{offset}", "2026-01-04"]
    rows = incoming(engine, "orders", *({**ORDER, "order_id": at, "occurred_at": at} for at in times))
    with pytest.raises(TableError, match=r"orders\.occurred_at has no offset, as other times") as refused:
        validate(engine, [rows])
    assert (refused.value.n_rows, refused.value.rows) == (2, ("orders.csv row 2", "orders.csv row 4"))
    assert "say in the mapping, as `timezone`, what those without mean" in str(refused.value.expected)
    engine.run("DROP TABLE aside; DROP TABLE blanked")
    checked = validate(engine, [rows], set_aside=True)
    assert good_rows(engine, checked, "orders") == [3]
    engine.run("DROP TABLE aside; DROP TABLE blanked")
    validate(engine, [dataclasses.replace(rows, reading=Reading(Clocks("UTC")))])


def test_columns_of_one_kind_each_are_not_mixed_and_nor_are_values_that_are_no_times(engine: DuckDB) -> None:
    zoned = {**ORDER, "occurred_at": "2026-01-02T10:00:00Z", "known_at": "2026-01-03"}
    validate(engine, [incoming(engine, "orders", zoned, {**zoned, "order_id": "2", "known_at": None})])
    engine.run("DROP TABLE aside; DROP TABLE blanked; DROP TABLE in_orders")
    no_time = {**ORDER, "order_id": "2", "occurred_at": "at 10:30 Z"}
    with pytest.raises(TableError, match=r"orders\.occurred_at cannot be read") as refused:
        validate(engine, [incoming(engine, "orders", ORDER, no_time)])
    assert "also broken" not in str(refused.value)


def test_an_event_for_an_unknown_customer_is_refused(engine: DuckDB) -> None:
    orders = incoming(engine, "orders", ORDER, {**ORDER, "order_id": "2", "customer_id": "stranger"})
    with pytest.raises(TableError, match=r"orders\.customer_id names an unknown customer") as refused:
        validate(engine, [orders, incoming(engine, "customers", CUSTOMER)])
    assert refused.value.received == "'stranger'"
    assert refused.value.exit_code == 11


def test_without_a_customers_table_any_customer_will_do(engine: DuckDB) -> None:
    validate(engine, [incoming(engine, "orders", ORDER)])


def test_a_repeated_key_is_refused(engine: DuckDB) -> None:
    with pytest.raises(TableError, match=r"orders\.order_id repeats a key") as refused:
        validate(engine, [incoming(engine, "orders", ORDER, {**ORDER, "status": "placed"}, ORDER, ORDER)])
    assert refused.value.received == "'order_id=1, status=paid'"
    assert refused.value.rows == ("orders.csv row 4", "orders.csv row 5")


def test_a_payment_cannot_be_known_before_it_is_made(engine: DuckDB) -> None:
    with pytest.raises(TableError, match=r"repayments\.paid_known_at is before paid_at"):
        validate(engine, [incoming(engine, "repayments", {**LINE, "paid_known_at": "2026-01-19"})])


def test_a_repayment_needs_its_account(engine: DuckDB) -> None:
    lines = incoming(engine, "repayments", LINE, {**LINE, "account_id": "B"})
    with pytest.raises(TableError, match=r"repayments\.account_id names an unknown account"):
        validate(engine, [lines, incoming(engine, "accounts", ACCOUNT)])


def test_all_rules_of_all_tables_are_reported_together(engine: DuckDB) -> None:
    customers = incoming(engine, "customers", CUSTOMER, CUSTOMER)
    bad = {**ORDER, "amount": "-1", "status": "lost", "customer_id": "b"}
    with pytest.raises(TableError) as refused:
        validate(engine, [incoming(engine, "orders", bad), customers])
    text = str(refused.value)
    assert text.startswith("customers.customer_id repeats a key")
    assert "also broken: 3" in text
    for found in ("orders.amount is too small", "orders.status holds", "orders.customer_id names an unknown"):
        assert text.count(found) == 1


def test_missing_and_undeclared_columns_are_refused_even_under_quarantine(engine: DuckDB) -> None:
    without = {name: value for name, value in ORDER.items() if name != "amount"}
    with pytest.raises(TableError, match="orders lacks the column amount"):
        validate(engine, [incoming(engine, "orders", without)], set_aside=True)
    with pytest.raises(TableError, match="customers declares no column shoe_size"):
        validate(engine, [incoming(engine, "customers", {**CUSTOMER, "shoe_size": "43"})], set_aside=True)


def test_bad_rows_are_set_aside_and_what_refers_to_them_follows(engine: DuckDB) -> None:
    customers = incoming(engine, "customers", CUSTOMER, {"customer_id": "b", "occurred_at": "soon"})
    second = {"account_id": "B"}
    third = {"account_id": "C", "customer_id": "b"}
    accounts = incoming(engine, "accounts", ACCOUNT, {**ACCOUNT, **second, "opened_at": "x"}, {**ACCOUNT, **third})
    lines = incoming(engine, "repayments", LINE, {**LINE, **second}, {**LINE, **third})
    cohort = incoming(
        engine,
        cohort_shape("all"),
        {"customer_id": "a", "as_of": "2026-03-01"},
        {"customer_id": "b", "as_of": "2026-03-01"},
    )
    checked = validate(engine, [cohort, lines, accounts, customers], set_aside=True)
    kept = {name: good_rows(engine, checked, name) for name in ("customers", "accounts", "repayments", "cohorts/all")}
    assert kept == {"customers": [2], "accounts": [2], "repayments": [2], "cohorts/all": [2]}
    why = reasons(engine, checked, "repayments")
    assert "account_id names an unknown account" in why[3]
    assert "customer_id names an unknown customer" in why[4]


def test_a_row_set_aside_names_every_reason_and_keeps_what_was_written(engine: DuckDB) -> None:
    bad = {**ORDER, "order_id": "2", "amount": "-1.500", "status": "lost"}
    checked = validate(engine, [incoming(engine, "orders", ORDER, bad)], set_aside=True)
    ((row, reason, amount),) = engine.rows(f"SELECT source_row, reason, amount FROM ({checked.bad('orders')})")
    assert (row, amount) == (3, "-1.500")
    assert "amount is too small" in reason
    assert "received lost" in reason


def test_the_first_of_a_repeated_key_stands_unless_it_is_bad_itself(engine: DuckDB) -> None:
    rows: Sequence[Row] = [{**ORDER, "amount": "x"}, ORDER, {**ORDER, "amount": "7"}]
    checked = validate(engine, [incoming(engine, "orders", *rows)], set_aside=True)
    assert good_rows(engine, checked, "orders") == [3]


def test_defaults_fill_absent_columns_and_missing_values() -> None:
    with DuckDB(threads=1) as engine:
        one = incoming(
            engine, "orders", {**ORDER, "known_at": None}, {**ORDER, "order_id": "2", "known_at": "2026-01-05"}
        )
        checked = validate(engine, [one])
        row = finished_row(one.shape, one.given)
        known = engine.rows(f"SELECT known_at FROM (SELECT {row} FROM {checked.good('orders')}) ORDER BY 1")
    assert [str(moment) for (moment,) in known] == ["2026-01-02 00:00:00", "2026-01-05 00:00:00"]


amounts = st.one_of(
    st.decimals(places=2, min_value=-1000, max_value=1000).map(str),
    st.sampled_from(["nan", "inf", "-inf", "Infinity"]),
    st.text(alphabet="0123456789.-+ex ", max_size=6),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(amounts, min_size=1, max_size=12))
def test_good_and_bad_rows_are_all_rows_and_agree_with_python(values: list[str]) -> None:
    """The oracle is Python's own Decimal; texts only one of the two can read are left to the engine."""
    with DuckDB(threads=1) as engine:
        rows = [{**ORDER, "order_id": str(i), "amount": value} for i, value in enumerate(values)]
        checked = validate(engine, [incoming(engine, "orders", *rows)], set_aside=True)
        good = good_rows(engine, checked, "orders")
        assert sorted(good + list(reasons(engine, checked, "orders"))) == list(range(2, 2 + len(rows)))
    for number, value in enumerate(values, start=2):
        if _python_reads(value) is not None:
            assert (number in good) == _python_reads(value), value


def _python_reads(value: str) -> bool | None:
    """Whether a plain decimal text is a finite amount of at least zero; None where it is no plain decimal text."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    if number.is_finite() and ("e" in value or number.quantize(Decimal("0.01")) == 0 > number):
        return None
    return number.is_finite() and number >= 0


def test_the_largest_amount_passes(engine: DuckDB) -> None:
    validate(engine, [incoming(engine, "orders", {**ORDER, "amount": "1000000000000.00"})])


def test_a_line_with_a_paid_at_is_paid_in_full(engine: DuckDB) -> None:
    lines = [
        {**LINE, "installment_id": "1", "paid_amount": "0.01"},
        {**LINE, "installment_id": "2", "paid_amount": "10"},
        {**LINE, "installment_id": "3", "paid_amount": "0.01", "paid_at": None, "paid_known_at": None},
        {**LINE, "installment_id": "4", "paid_amount": None},
    ]
    partly = incoming(engine, "repayments", *lines)
    with pytest.raises(TableError, match="leave paid_at empty until the line is paid in full") as refused:
        validate(engine, [partly])
    assert "repayments.paid_amount is below due_amount though paid_at is given" in str(refused.value)
    engine.run("DROP TABLE aside; DROP TABLE blanked")
    checked = validate(engine, [partly], set_aside=True)
    assert good_rows(engine, checked, "repayments") == [3, 4, 5]


def test_a_customer_may_change_but_not_twice_at_once(engine: DuckDB) -> None:
    later = {**CUSTOMER, "occurred_at": "2026-03-01"}
    twice = incoming(engine, "customers", CUSTOMER, later, later)
    orders = incoming(engine, "orders", ORDER)
    with pytest.raises(TableError, match=r"customers\.customer_id repeats a key") as refused:
        validate(engine, [orders, twice])
    assert refused.value.rows == ("customers.csv row 4",)
