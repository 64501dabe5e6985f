"""Somebody's own files, whole and broken, through a mapping: what is written, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.errors import CreditEvalError, OutputExistsError, SourceError, TableError
from credit_eval.ingest.mapping import import_mapping
from credit_eval.profiles.build import build_profiles
from credit_eval.schema.duckdb import DuckDB, quote
from credit_eval.schema.store import Dataset

PEOPLE = "id,joined\na,2025-01-01\nb,2025-01-02\n"
SALES = "no,who,at,total,state\n1,a,2025-02-01 10:00:00,5,paid\n2,b,2025-02-02 10:00:00,7.25,paid\n"
ORDERS: dict[str, Any] = {
    "file": "sales.csv",
    "columns": {"order_id": "no", "customer_id": "who", "occurred_at": "at", "amount": "total", "status": "state"},
}
MAPPING: dict[str, Any] = {
    "dataset": "shop",
    "currency": "EUR",
    "tables": {
        "customers": {"file": "people.csv", "columns": {"customer_id": "id", "occurred_at": "joined"}},
        "orders": ORDERS,
    },
}


class Shop:
    """A directory with a mapping and two files, any of which a test may write anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write(PEOPLE, "people.csv")
        self.write(SALES)
        self.map(MAPPING)

    def write(self, text: str | bytes, name: str = "sales.csv") -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def map(self, mapping: dict[str, Any]) -> None:
        self.write(yaml.safe_dump(mapping, sort_keys=False), "shop.yaml")

    def map_orders(self, **changes: Any) -> None:
        self.map({**MAPPING, "tables": {**MAPPING["tables"], "orders": {**ORDERS, **changes}}})

    def load(self, **options: Any) -> Dataset:
        return import_mapping(self.folder / "shop.yaml", self.folder / "raw", **options)

    def refused(self, kind: type[CreditEvalError], **options: Any) -> str:
        """The message; and nothing at all was written."""
        with pytest.raises(kind) as error:
            self.load(**options)
        assert error.value.exit_code == kind.exit_code
        assert not list((self.folder / "raw").glob("*"))
        assert not list((self.folder / "raw").glob(".*"))
        return str(error.value)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def rows(dataset: Dataset, table: str, what: str = "*") -> list[tuple[Any, ...]]:
    with DuckDB() as engine:
        return engine.rows(f"SELECT {what} FROM read_parquet({quote(dataset.path(table))})")


def test_a_data_set_describes_itself(shop: Shop) -> None:
    dataset = shop.load()
    assert dataset.info.rows == {"customers": 2, "orders": 2}
    assert dataset.info.columns["customers"] == ["customer_id", "occurred_at", "known_at"]
    assert (str(dataset.info.known_from), str(dataset.info.known_until)) == (
        "2025-01-01 00:00:00",
        "2025-02-03 00:00:00",
    )
    assert dataset.info.label_source == "repayments"
    assert sorted(dataset.info.hashes) == ["customers.parquet", "orders.parquet"]
    assert {path.name for path in dataset.root.iterdir()} == {"customers.parquet", "orders.parquet", "dataset.json"}


def test_the_stored_types_are_the_declared_ones(shop: Shop) -> None:
    with DuckDB() as engine:
        types = engine.columns(shop.load().path("orders"))
    assert types["amount"] == "DECIMAL(18,2)"
    assert types["occurred_at"] == types["known_at"] == "TIMESTAMP"


@pytest.mark.parametrize(
    ("name", "text", "kind", "said"),
    [
        ("sales.csv", SALES.replace("total", "sum"), SourceError, "sales.csv lacks the column 'total'"),
        ("sales.csv", b"no,who,at,total,state\n1,J\xf6rg,2025-02-01,5,paid\n", SourceError, "byte 0xf6 in line 2"),
        ("sales.csv", SALES.encode("utf-16"), SourceError, "sales.csv is not in UTF-8"),
        ("sales.csv", "", SourceError, "sales.csv has no usable header"),
        ("sales.csv", "a,a\n1,2\n", SourceError, "received: a, a"),
        ("sales.csv", SALES + "3,a,2025-02-01\n", SourceError, "CSV Error on Line: 4"),
        ("sales.csv", SALES + '3,a,"2025-02-01"x,5,paid\n', SourceError, "cannot be read"),
        ("sales.csv", SALES.replace("7.25", "-7.25"), TableError, "orders.amount is too small"),
        ("sales.csv", SALES.replace("7.25", "seven"), TableError, "received: 'seven'"),
        ("sales.csv", SALES.replace("2,b", "1,b"), TableError, "orders.order_id repeats a key"),
        ("sales.csv", SALES.replace("2,b", "2,z"), TableError, "orders.customer_id names an unknown customer"),
        ("sales.csv", SALES.replace("2025-02-02", "02/02/2025"), TableError, "sales.csv row 3"),
        ("people.csv", PEOPLE + "a,2025-01-01\n", TableError, "customers.customer_id repeats a key"),
    ],
)
def test_a_broken_file_is_refused_and_nothing_is_written(
    shop: Shop, name: str, text: str | bytes, kind: type[CreditEvalError], said: str
) -> None:
    shop.write(text, name)
    assert said in shop.refused(kind)


def test_a_missing_column_is_reported_with_those_there_are(shop: Shop) -> None:
    shop.write(SALES.replace("total", "sum"))
    assert "received: no, who, at, sum, state" in shop.refused(SourceError)


def test_a_missing_file_is_named(shop: Shop) -> None:
    (shop.folder / "sales.csv").unlink()
    assert "no file sales.csv" in shop.refused(SourceError)


def test_files_without_any_row_are_refused(shop: Shop) -> None:
    shop.write("id,joined\n", "people.csv")
    shop.write(SALES.splitlines()[0] + "\n")
    assert "holds no rows" in shop.refused(SourceError)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dataset: shop\ncurrency: EUR\ntabels: {}\n", "line 3: tabels: unknown key"),
        ("dataset: shop\ncurrency: EUR\n", "line 1: tables: missing key"),
        ("dataset: ../shop\ncurrency: EUR\ntables: {orders: {file: x, columns: {}}}\n", "line 1: dataset: "),
        (
            "dataset: shop\ncurrency: EUR\ntables:\n  sales: {file: x, columns: {}}\n",
            "line 4: tables.sales: no such table",
        ),
        (
            "dataset: shop\ncurrency: EUR\ntables:\n  orders:\n    file: x\n    columns:\n      colour: c\n",
            "line 7: tables.orders.columns.colour: no such column",
        ),
        (
            "dataset: shop\ncurrency: EUR\ntables:\n  orders:\n    file: x\n    colums: {}\n    columns: {}\n",
            "line 6: tables.orders.colums: unknown key",
        ),
        (
            "dataset: shop\ncurrency: EUR\ntables:\n  orders: {file: x, columns: {}}\n"
            "  orders: {file: y, columns: {}}\n",
            "line 5: orders is set twice",
        ),
        (
            "dataset: shop\ncurrency: EUR\ntables:\n  orders:\n    file: x\n    columns: {amount: a}\n"
            "    constants: {amount: 3}\n    formats: {occurred_at: '%d'}\n",
            "line 7: tables.orders.constants.amount: is in columns as well; "
            "line 8: tables.orders.formats.occurred_at: is not in columns",
        ),
        (
            "dataset: shop\ncurrency: EUR\ntimezone: CET\ntables: {orders: {file: x, columns: {}}}\n",
            "line 3: timezone: CET is no zone",
        ),
        (
            "dataset: shop\ncurrency: EUR\ntables: {orders: {file: x, columns: {}}}\ncohorts:\n"
            "  ../spring: {file: y, columns: {}}\n",
            "line 5: cohorts.../spring: String should match pattern",
        ),
        ("dataset: [shop\n", "is not YAML"),
        ("just a sentence\n", "the mapping shop.yaml cannot be used"),
    ],
)
def test_a_mapping_that_says_what_it_may_not_is_refused_with_its_line(shop: Shop, text: str, said: str) -> None:
    shop.write(text, "shop.yaml")
    assert said in shop.refused(SourceError)


def test_a_column_may_be_called_no(shop: Shop) -> None:
    text = (shop.folder / "shop.yaml").read_text()
    assert "order_id: 'no'" in text
    shop.write(text.replace("'no'", "no"), "shop.yaml")
    assert rows(shop.load(), "orders", "order_id") == [("1",), ("2",)]


def test_a_missing_mapping_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read the file absent"):
        import_mapping(tmp_path / "absent.yaml", tmp_path)


def test_a_byte_order_mark_windows_lines_and_other_columns_do_not_matter(shop: Shop) -> None:
    plain = shop.load().fingerprint
    wide = "".join(f"{i},{line}\n" for i, line in enumerate(SALES.splitlines()))
    shop.write(b"\xef\xbb\xbf" + wide.replace("0,no", ",no", 1).replace("\n", "\r\n").encode())
    assert shop.load(replace=True).fingerprint == plain


def test_the_order_of_rows_and_a_second_import_change_no_byte(shop: Shop) -> None:
    dataset = shop.load()
    written = {path.name: path.read_bytes() for path in dataset.root.iterdir()}
    header, first, second = SALES.splitlines()
    shop.write("\n".join([header, second, first, ""]))
    again = shop.load(replace=True)
    assert {path.name: path.read_bytes() for path in again.root.iterdir()} == written


def test_an_existing_data_set_is_kept_unless_replaced_and_a_failure_keeps_it_too(shop: Shop) -> None:
    dataset = shop.load()
    before = (dataset.root / "orders.parquet").read_bytes()
    with pytest.raises(OutputExistsError):
        shop.load()
    shop.write(SALES.replace("7.25", "-1"))
    with pytest.raises(TableError):
        shop.load(replace=True)
    assert (dataset.root / "orders.parquet").read_bytes() == before
    assert [path.name for path in dataset.root.parent.iterdir()] == ["shop"]


def test_quarantine_keeps_the_rows_with_their_reasons_and_goes_on(shop: Shop) -> None:
    shop.write(SALES.replace("7.25", "-7.25") + "3,a\n4,a,2025-02-03,9,paid\n5,z,2025-02-03,9,lost\n")
    dataset = shop.load(quarantine=True)
    assert [row[0] for row in rows(dataset, "orders", "order_id")] == ["1", "4"]
    with DuckDB() as engine:
        aside = engine.rows(f"FROM read_parquet({quote(dataset.root / 'quarantine' / 'orders.parquet')})")
    assert [row[:2] for row in aside] == [("sales.csv", 3), ("sales.csv", 6)]
    assert "received -7.25" in aside[0][2]
    broken = (dataset.root / "quarantine" / "broken_lines.csv").read_text().splitlines()
    assert broken[1].startswith("sales.csv,4,Expected Number of Columns: 5 Found: 2,")
    assert dataset.info.notes[:2] == [
        "2 rows of orders were set aside: see quarantine/orders.parquet",
        "1 lines that could not be read were set aside: see quarantine/broken_lines.csv",
    ]


def test_a_stray_quote_is_refused_even_under_quarantine(shop: Shop) -> None:
    shop.write(SALES + '3,a,"2025-02-01"x,5,paid\n4,a,2025-02-03,9,paid\n')
    assert "received: line 4" in shop.refused(SourceError, quarantine=True)


def test_values_constants_formats_missing_and_delimiter(shop: Shop) -> None:
    shop.write("no;who;at;total;state;sort\n1;a;1/2/25 10:30;5;1;NA\n2;b;2/2/25 00:10;7;0;tea\n")
    shop.map_orders(
        columns={**ORDERS["columns"], "category": "sort"},
        values={"status": {1: "paid", 0: "placed"}},
        constants={"channel": "web"},
        formats={"occurred_at": "%d/%m/%y %H:%M"},
        missing=["NA"],
        delimiter=";",
    )
    assert rows(shop.load(), "orders", "occurred_at::VARCHAR, status, category, channel") == [
        ("2025-02-01 10:30:00", "paid", None, "web"),
        ("2025-02-02 00:10:00", "placed", "tea", "web"),
    ]


def test_a_time_that_does_not_fit_its_format_is_bad_even_where_the_column_is_optional(shop: Shop) -> None:
    shop.write(SALES.replace("state\n", "state,seen\n").replace("paid\n", "paid,2025-02-03\n"))
    shop.map_orders(columns={**ORDERS["columns"], "known_at": "seen"}, formats={"known_at": "%d.%m.%Y"})
    assert "received: '2025-02-03 (not like %d.%m.%Y)'" in shop.refused(TableError)


@pytest.mark.parametrize(
    ("timezone", "written", "utc"),
    [
        ("+01:00", "2025-02-01 00:30:00", "2025-01-31 23:30:00"),
        ("-05:30", "2025-02-01 00:30:00", "2025-02-01 06:00:00"),
        ("+01:00", "2025-02-01T00:30:00Z", "2025-02-01 00:30:00"),
        ("+01:00", "2025-02-01T00:30:00-03", "2025-02-01 03:30:00"),
        ("+01:00", "2025-02-01", "2025-01-31 23:00:00"),
        ("Europe/Berlin", "2025-02-01 00:30:00", "2025-01-31 23:30:00"),
        ("Europe/Berlin", "2025-07-01 00:30:00", "2025-06-30 22:30:00"),
        ("Asia/Shanghai", "2025-07-01 00:30:00", "2025-06-30 16:30:00"),
        ("Europe/Berlin", "2025-07-01 00:30:00Z", "2025-07-01 00:30:00"),
        ("Europe/Berlin", "2025-07-01 00:30:00 Asia/Shanghai", "2025-06-30 16:30:00"),
        ("+08:00", "2025-07-01 00:30:00 GMT", "2025-07-01 00:30:00"),
    ],
)
def test_times_move_to_utc(shop: Shop, timezone: str, written: str, utc: str) -> None:
    shop.write(SALES.replace("2025-02-01 10:00:00", written))
    shop.map({**MAPPING, "timezone": timezone})
    assert (utc,) in rows(shop.load(), "orders", "occurred_at::VARCHAR")


@pytest.mark.parametrize("format_", [None, "%Y-%m-%d %H:%M:%S %Z"])
@pytest.mark.parametrize("timezone", [None, "+08:00", "Asia/Shanghai"])
def test_a_zone_in_the_text_is_applied_once_with_a_format_or_without(
    shop: Shop, format_: str | None, timezone: str | None
) -> None:
    shop.write(
        SALES.replace("2025-02-01 10:00:00", "2025-03-02 12:00:00 Asia/Shanghai").replace(
            "2025-02-02 10:00:00", "2025-03-02 12:00:00 UTC"
        )
    )
    orders = {**ORDERS, **({"formats": {"occurred_at": format_}} if format_ else {})}
    tables = {**MAPPING["tables"], "orders": orders}
    shop.map({**MAPPING, "tables": tables, **({"timezone": timezone} if timezone else {})})
    found = rows(shop.load(), "orders", "occurred_at::VARCHAR")
    assert found == [("2025-03-02 04:00:00",), ("2025-03-02 12:00:00",)]


@pytest.mark.parametrize("format_", [None, "%Y-%m-%d %H:%M:%S %Z"])
@pytest.mark.parametrize("letters", ["CST", "IST", "BST", "EST", "XYZ"])
def test_letters_that_several_clocks_share_are_refused(shop: Shop, letters: str, format_: str | None) -> None:
    shop.write(SALES.replace("10:00:00", f"10:00:00 {letters}"))
    orders = {**ORDERS, **({"formats": {"occurred_at": format_}} if format_ else {})}
    shop.map({**MAPPING, "timezone": "+08:00", "tables": {**MAPPING["tables"], "orders": orders}})
    said = shop.refused(TableError)
    assert "orders.occurred_at cannot be read" in said
    assert f"10:00:00 {letters}" in said


@pytest.mark.parametrize(
    ("written", "first", "second"),
    [
        ("2025-10-26 02:30:00", "2025-10-26 00:30:00", "2025-10-26 01:30:00"),  # twice: clocks go back at three
        ("2025-03-30 02:30:00", "2025-03-30 01:30:00", "2025-03-30 00:30:00"),  # never: they go forward at two
    ],
)
def test_a_time_that_clocks_skipped_or_showed_twice(shop: Shop, written: str, first: str, second: str) -> None:
    shop.write(SALES.replace("2025-02-01 10:00:00", written))
    shop.map({**MAPPING, "timezone": "Europe/Berlin"})
    said = shop.refused(TableError)
    assert "is a time that the clocks of Europe/Berlin skipped or showed twice" in said
    assert "rows: 1 (sales.csv row 2)" in said
    for rule, utc in (("first", first), ("second", second)):
        shop.map({**MAPPING, "timezone": "Europe/Berlin", "daylight_saving": rule})
        dataset = shop.load(replace=True)
        assert (utc,) in rows(dataset, "orders", "occurred_at::VARCHAR")
        assert any("1 times in orders.occurred_at" in note for note in dataset.info.notes)


def test_constants_cohorts_and_outcomes_are_by_the_same_clocks(shop: Shop) -> None:
    shop.write("who,at\na,2025-07-01\n", "asked.csv")
    shop.write("who,at,bad,told\na,2025-07-01,true,2025-08-01\n", "known.csv")
    columns = {"customer_id": "who", "as_of": "at"}
    shop.map(
        {
            **MAPPING,
            "timezone": "Europe/Berlin",
            "tables": {
                "customers": {
                    "file": "people.csv",
                    "columns": {"customer_id": "id"},
                    "constants": {"occurred_at": "2025-07-01"},
                },
                "orders": ORDERS,
            },
            "cohorts": {"train": {"file": "asked.csv", "columns": columns}},
            "outcomes": {"file": "known.csv", "columns": {**columns, "defaulted": "bad", "known_at": "told"}},
        }
    )
    dataset = shop.load()
    with DuckDB() as engine:
        for path in (dataset.path("customers"), dataset.cohort_path("train"), dataset.outcomes_path):
            moment = "occurred_at" if path == dataset.path("customers") else "as_of"
            found = engine.rows(f"SELECT DISTINCT {moment}::VARCHAR FROM read_parquet({quote(path)})")
            assert found == [("2025-06-30 22:00:00",)]


def amounts(shop: Shop, total: str, **signs: str) -> list[tuple[Any, ...]]:
    shop.write(SALES.replace(",7.25,", f',"{total}",'))
    shop.map_orders(**signs)
    return rows(shop.load(replace=True), "orders", "amount::VARCHAR")


@pytest.mark.parametrize(
    ("total", "decimal", "thousands", "read"),
    [
        ("19,90", ",", ".", "19.90"),
        ("1.250", ",", ".", "1250.00"),
        ("1.250,00", ",", ".", "1250.00"),
        ("1.250.000", ",", ".", "1250000.00"),
        ("1250,5", ",", ".", "1250.50"),
        ("1 250,50", ",", " ", "1250.50"),
        ("1'250.50", ".", "'", "1250.50"),
        ("1,250.50", ".", ",", "1250.50"),
        ("+1.250,00", ",", ".", "1250.00"),
        ("1.250", ".", "", "1.25"),
        ("1.250", ".", ",", "1.25"),
    ],
)
def test_numbers_are_read_as_they_are_written(shop: Shop, total: str, decimal: str, thousands: str, read: str) -> None:
    assert amounts(shop, total, decimal=decimal, thousands=thousands) == [("5.00",), (read,)]


@pytest.mark.parametrize(
    ("total", "signs"),
    [
        ("12.50", {"decimal": ",", "thousands": "."}),  # a point that parts no group of three
        ("1.25.000", {"decimal": ",", "thousands": "."}),
        ("1,250", {"decimal": ".", "thousands": " "}),
        ("1.2500,00", {"decimal": ",", "thousands": "."}),
        ("12,5,0", {"decimal": ","}),
        ("EUR 5", {"decimal": ","}),
    ],
)
def test_a_number_that_is_written_otherwise_is_refused(shop: Shop, total: str, signs: dict[str, str]) -> None:
    shop.write(SALES.replace(",7.25,", f',"{total}",'))
    shop.map_orders(**signs)
    said = shop.refused(TableError)
    assert "orders.amount cannot be read" in said
    assert f"received: '{total} (not like 1" in said


@pytest.mark.parametrize("quarantine", [False, True])
def test_a_point_for_thousands_is_never_a_thousandth(shop: Shop, quarantine: bool) -> None:
    """A German export in which whole thousands come without decimals, and nobody said how its numbers are written."""
    shop.write(SALES.replace(",7.25,", ",1.250,").replace(",5,", ',"19,90",'))
    if not quarantine:
        assert "rows: 2 (sales.csv row 2, sales.csv row 3)" in shop.refused(TableError)
        shop.write(SALES.replace(",7.25,", ",1.250,"))
        assert "'1.250 (a point for thousands, or three decimals?" in shop.refused(TableError)
        return
    dataset = shop.load(quarantine=True)
    assert rows(dataset, "orders", "amount::VARCHAR") == []
    assert "2 rows of orders were set aside: see quarantine/orders.parquet" in dataset.info.notes


def test_texts_that_a_parquet_file_holds_as_bytes_are_decoded_or_refused(shop: Shop) -> None:
    people = pa.table({"id": pa.array([b"a", "李".encode()], pa.binary()), "joined": ["2025-01-01"] * 2})
    pq.write_table(people, shop.folder / "people.parquet")
    customers = {**MAPPING["tables"]["customers"], "file": "people.parquet"}
    shop.map({**MAPPING, "tables": {"customers": customers}})
    assert rows(shop.load(), "customers", "customer_id") == [("a",), ("李",)]
    broken = people.set_column(0, "id", pa.array([b"\xff\xfe", b"b"], pa.binary()))
    pq.write_table(broken, shop.folder / "people.parquet")
    with pytest.raises(SourceError):
        shop.load(replace=True)


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("id,joined\n张三,2025-01-01\n上海,2025-01-02\n".encode("gb18030"), "iconv -f GB18030 -t UTF-8 people.csv"),
        ("id,joined\nJörg,2025-01-01\nMüller,2025-01-02\n".encode("cp1252"), "iconv -f WINDOWS-1252 -t UTF-8"),
        (PEOPLE.encode("utf-16"), "iconv -f UTF-16 -t UTF-8"),
        (PEOPLE.encode("utf-16-be"), "iconv -f UTF-16BE -t UTF-8"),
        (b"PK\x03\x04rest of a spreadsheet", "save the sheet as CSV"),
        (b"\x1f\x8b\x08rest", "gunzip"),
        (b"PAR1rest", "let its name end in .parquet"),
    ],
)
def test_a_file_that_is_no_utf8_text_meets_advice_of_its_own(shop: Shop, written: bytes, advice: str) -> None:
    shop.write(written, "people.csv")
    assert advice in shop.refused(SourceError)


def test_night_and_weekend_are_told_by_the_customers_clocks(shop: Shop) -> None:
    """Lunch in Beijing is night by UTC; two in the morning there is the evening before."""
    lunch, night = ["2025-02-03 12:30", "2025-02-04 12:40"], ["2025-02-05 02:00", "2025-02-06 03:00"]
    written = [("a", at) for at in lunch] + [("b", at) for at in [*night, "2025-02-08 07:30"]]  # a Saturday morning
    sales = [f"{number},{who},{at},9.5,placed" for number, (who, at) in enumerate(written)]
    shop.write("\n".join([SALES.splitlines()[0], *sales, "99,a,2025-03-20 12:00,1,placed"]) + "\n")
    shop.map({**MAPPING, "timezone": "+08:00"})
    dataset = shop.load()
    assert ("2025-02-04 18:00:00",) in rows(dataset, "orders", "occurred_at::VARCHAR")
    members = pd.DataFrame({"customer_id": ["a", "b"], "as_of": pd.Timestamp("2025-03-15").as_unit("us")})
    members.to_parquet(shop.folder / "cohort.parquet", index=False)
    profiles = build_profiles(dataset, shop.folder / "cohort.parquet", CATALOGUE, shop.folder / "profiles").frame()
    assert profiles["orders_night_share_180d"].tolist() == [0.0, pytest.approx(2 / 3)]
    assert profiles["orders_weekend_share_180d"].tolist() == [0.0, pytest.approx(1 / 3)]


def test_a_pattern_reads_csv_and_parquet_files_alike(shop: Shop) -> None:
    whole = shop.load().info.hashes["orders.parquet"]
    header, first, second = SALES.splitlines()
    shop.write(f"{header}\n{first}\n", "sales/b.csv")
    shop.write(f"{header}\n{second}\n", "sales/a.csv")
    shop.map_orders(file="sales/*.csv")
    assert shop.load(replace=True).info.hashes["orders.parquet"] == whole
    with DuckDB() as engine:
        engine.run(f"COPY (FROM {quote(shop.folder / 'sales.csv')}) TO {quote(shop.folder / 'sales.parquet')}")
    shop.map_orders(file="sales.parquet")
    assert shop.load(replace=True).info.hashes["orders.parquet"] == whole


@pytest.mark.parametrize(("name", "text"), [("sales.parquet", "not Parquet"), ("sales.parquet", "")])
def test_a_file_that_is_no_parquet_is_refused(shop: Shop, name: str, text: str) -> None:
    shop.write(text, name)
    shop.map_orders(file=name)
    assert "sales.parquet cannot be read" in shop.refused(SourceError)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_amounts_that_are_no_numbers_are_refused_in_parquet_too(shop: Shop, bad: float) -> None:
    texts = {"no": ["1", "2"], "who": ["a", "b"], "at": ["2025-02-01"] * 2, "state": ["paid"] * 2}
    pq.write_table(pa.table({**texts, "total": [5.0, bad]}), shop.folder / "sales.parquet")
    shop.map_orders(file="sales.parquet")
    said = shop.refused(TableError)
    assert said.startswith("orders.amount cannot be read")
    assert f"received: '{bad}'" in said
    assert "rows: 1 (sales.parquet row 2)" in said
    assert [row[0] for row in rows(shop.load(quarantine=True), "orders", "order_id")] == ["1"]


def test_nan_may_be_said_to_mean_no_value(shop: Shop) -> None:
    texts = {"no": ["1", "2"], "who": ["a", "b"], "at": ["2025-02-01"] * 2, "state": ["placed"] * 2}
    shared = {**texts, "total": [5.0, 6.0], "rates": [float("nan"), 3.0]}
    pq.write_table(pa.table(shared), shop.folder / "sales.parquet")
    columns = {**ORDERS["columns"], "installments": "rates"}
    shop.map_orders(file="sales.parquet", columns=columns)
    assert "orders.installments cannot be read" in shop.refused(TableError)
    shop.map_orders(file="sales.parquet", columns=columns, missing=["nan"])
    assert rows(shop.load(), "orders", "installments") == [(None,), (3,)]


def test_a_half_written_parquet_file_is_refused(shop: Shop) -> None:
    path = shop.folder / "sales.parquet"
    with DuckDB() as engine:
        engine.run(f"COPY (FROM {quote(shop.folder / 'sales.csv')}) TO {quote(path)}")
    whole = path.read_bytes()
    shop.map_orders(file="sales.parquet")
    for kept in (len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        said = shop.refused(SourceError, quarantine=True)
        assert "sales.parquet cannot be read" in said
        assert "to do: write it anew to its end" in said
    path.write_bytes(whole[:4] + bytes(60) + whole[64:])  # the footer is whole, the rows are not
    assert "whole Parquet files" in shop.refused(SourceError)


@pytest.mark.parametrize("quarantine", [False, True])
def test_two_kinds_of_line_ends_in_one_file_are_refused(shop: Shop, quarantine: bool) -> None:
    shop.write(SALES.replace("\n", "\r\n") + "3,a,2025-02-03,5,paid\n4,b,2025-02-03\n")
    said = shop.refused(SourceError, quarantine=quarantine)
    assert ("line ends" in said) or ("cannot be read" in said)


def test_times_with_and_without_an_offset_are_mixed_only_where_the_timezone_is_said(shop: Shop) -> None:
    shop.write(SALES.replace("2025-02-01 10:00:00", "2025-02-01T10:00:00Z"))
    said = shop.refused(TableError)
    assert said.startswith("orders.occurred_at has no offset, as other times of the column have")
    assert "rows: 1 (sales.csv row 3)" in said
    for timezone, hour in (("UTC", 10), ("+01:00", 9), ("-02:00", 12)):
        shop.map({**MAPPING, "timezone": timezone})
        found = rows(shop.load(replace=True), "orders", "occurred_at::VARCHAR")
        assert found == [("2025-02-01 10:00:00",), (f"2025-02-02 {hour:02}:00:00",)]


def test_a_zone_by_name_is_an_offset_too(shop: Shop) -> None:
    shop.write(SALES.replace("2025-02-01 10:00:00", "2025-02-01 10:00:00 UTC"))
    shop.map({**MAPPING, "timezone": "+01:00"})
    assert rows(shop.load(), "orders", "occurred_at::VARCHAR")[0] == ("2025-02-01 10:00:00",)


def test_categories_are_compared_where_there_are_any(shop: Shop) -> None:
    assert shop.load().info.derived == {}
    shop.map_orders(constants={"category": "tea"})
    dataset = shop.load(replace=True)
    assert dataset.info.derived == {"orders": ["category_median"]}
    assert dataset.info.columns["orders"][-1] == "category_median"
    assert rows(dataset, "orders", "category_median") == [(None,), (None,)]


def test_cohorts_and_outcomes_are_written_and_judged(shop: Shop) -> None:
    shop.write("who,at,bad,seen\na,2025-03-01,1,2025-04-01\nb,2025-03-01,,2025-04-01\n", "labels.csv")
    judged = {"customer_id": "who", "as_of": "at"}
    outcomes = {"file": "labels.csv", "columns": {**judged, "defaulted": "bad", "known_at": "seen"}}
    both = {
        **MAPPING,
        "known_until": "2025-04-02",
        "outcomes": outcomes,
        "cohorts": {"train": {"file": "labels.csv", "columns": judged}},
    }
    shop.map(both)
    dataset = shop.load()
    assert dataset.cohorts == ("train",)
    assert dataset.info.label_source == "outcomes"
    assert {"cohorts/train.parquet", "outcomes.parquet"} < set(dataset.info.hashes)
    with DuckDB() as engine:
        labels = engine.rows(f"SELECT defaulted FROM read_parquet({quote(dataset.outcomes_path)})")
    assert labels == [(True,), (None,)]
    shop.write("who,at,bad,seen\nz,2025-03-01,1,2025-02-01\n", "labels.csv")
    with pytest.raises(TableError) as refused:
        shop.load(replace=True)
    for said in ("cohorts/train.customer_id names an unknown", "outcomes.known_at is before as_of"):
        assert said in str(refused.value)


@pytest.mark.parametrize("moment", ["2025-02-02 00:00:00", "2025-02-03 00:00:00"])
def test_known_until_may_be_earlier_than_the_last_row(shop: Shop, moment: str) -> None:
    shop.map({**MAPPING, "known_until": moment})
    dataset = shop.load()
    assert json.loads((dataset.root / "dataset.json").read_text())["known_until"] == moment
    assert dataset.info.rows["orders"] == 2


@pytest.mark.parametrize("moment", ["2026-02-05", "2205-06-01", "2025-01-01"])
def test_known_until_outside_the_data_is_refused(shop: Shop, moment: str) -> None:
    shop.map({**MAPPING, "known_until": moment})
    assert "at most 366 days after the last row's midnight, 2025-02-03 00:00" in shop.refused(SourceError)


@pytest.mark.parametrize(
    ("timezone", "said", "utc"),
    [
        ("UTC", "2025-03-01", "2025-03-01 00:00:00"),
        ("Europe/Berlin", "2025-07-01", "2025-06-30 22:00:00"),
        ("Europe/Berlin", "2025-07-01T00:00:00Z", "2025-07-01 00:00:00"),
    ],
)
def test_known_until_may_lie_after_the_last_row_and_is_by_the_mappings_clocks(
    shop: Shop, timezone: str, said: str, utc: str
) -> None:
    shop.map({**MAPPING, "timezone": timezone, "known_until": said})
    assert str(shop.load().info.known_until) == utc


def test_nobody_is_judged_after_the_data_end(shop: Shop) -> None:
    shop.write("who,at\na,2025-02-04\nb,2025-02-02\n", "asked.csv")
    cohort = {"file": "asked.csv", "columns": {"customer_id": "who", "as_of": "at"}}
    shop.map({**MAPPING, "cohorts": {"spring": cohort}})
    said = shop.refused(SourceError)
    assert "cohorts/spring has rows after the data end" in said
    assert "received: 1 rows, the latest at 2025-02-04 00:00" in said
    shop.map({**MAPPING, "cohorts": {"spring": cohort}, "known_until": "2025-02-04"})
    assert shop.load().cohorts == ("spring",)


def ends(dataset: Dataset) -> list[str]:
    return [note for note in dataset.info.notes if "do not end together" in note]


def test_tables_that_end_apart_are_told_with_their_ends(shop: Shop) -> None:
    shop.write("no,who,line,due,drawn,owed,paid\nK,a,1,2025-03-01,2025-02-01,5,2025-02-04\n", "lines.csv")
    names = {"customer_id": "who", "account_id": "no", "installment_id": "line", "due_at": "due"}
    names |= {"occurred_at": "drawn", "due_amount": "owed", "paid_at": "paid"}
    tables = {**MAPPING["tables"], "repayments": {"file": "lines.csv", "columns": names}}
    shop.map({**MAPPING, "tables": tables})
    assert ends(shop.load()) == []
    shop.write(SALES + "3,a,2025-04-01,7,paid\n")
    (note,) = ends(shop.load(replace=True))
    assert "repayments 2025-02-01, repayments.paid_known_at 2025-02-04, orders 2025-04-01" in note
    shop.map({**MAPPING, "tables": tables, "known_until": "2025-02-05"})
    assert ends(shop.load(replace=True)) == []


def test_the_fingerprint_covers_what_the_bytes_mean(shop: Shop) -> None:
    plain = shop.load()
    found = {plain.fingerprint}
    for change in ({"currency": "USD"}, {"known_until": "2025-02-02"}):
        shop.map({**MAPPING, **change})
        changed = shop.load(replace=True)
        assert changed.info.hashes == plain.info.hashes
        found.add(changed.fingerprint)
    shop.map({**MAPPING, "notes": ["another note"]})
    found.add(shop.load(replace=True).fingerprint)
    assert len(found) == 3


def test_a_customer_may_have_a_row_per_change(shop: Shop) -> None:
    shop.write(PEOPLE + "a,2025-01-05\n", "people.csv")
    assert rows(shop.load(), "customers", "customer_id, occurred_at::DATE::VARCHAR") == [
        ("a", "2025-01-01"),
        ("a", "2025-01-05"),
        ("b", "2025-01-02"),
    ]


def test_every_step_is_told_and_the_last_is_the_end(shop: Shop) -> None:
    steps: list[tuple[int, int]] = []
    shop.load(tick=lambda what, done, total: steps.append((done, total)))
    assert [done for done, _ in steps] == list(range(1, steps[0][1] + 1))


def test_orders_that_no_feature_would_see_are_told(shop: Shop) -> None:
    (note,) = shop.load().info.notes
    assert note.startswith("2 of 2 orders have no row with the status 'placed' and are NOT SEEN")
    shop.write(SALES.replace(",paid", ",placed"))
    assert shop.load(replace=True).info.notes == []
