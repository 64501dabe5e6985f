"""A small shop and one more day of it: what the tests of appending add to, and how."""

from __future__ import annotations

import copy
import csv
import io
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from credit_eval.core.errors import CreditEvalError
from credit_eval.ingest.mapping import append_mapping, import_mapping
from credit_eval.schema.store import Dataset, open_dataset

Row = dict[str, Any]
Tables = dict[str, list[Row]]

COLUMNS = {
    "customers": "customer_id occurred_at kyc_level",
    "orders": "customer_id occurred_at known_at order_id amount status category",
    "payments": "customer_id occurred_at payment_id order_id amount outcome",
    "browsing": "customer_id occurred_at event",
    "accounts": "customer_id occurred_at account_id opened_at credit_limit",
    "repayments": "customer_id occurred_at account_id installment_id due_at due_amount "
    "paid_at paid_amount paid_known_at",
}
#: The data set ends with the last event of 28 February, and the next day begins.
END = datetime(2026, 3, 1)
LINE: Row = {
    "customer_id": "a",
    "occurred_at": "2026-02-01",
    "account_id": "A",
    "installment_id": "1",
    "due_at": "2026-03-15",
    "due_amount": "30",
}
ORDER: Row = {
    "customer_id": "a",
    "occurred_at": "2026-02-10",
    "order_id": "1",
    "amount": "5",
    "status": "placed",
    "category": "tea",
}
BASE: Tables = {
    "customers": [{"customer_id": "a", "occurred_at": "2026-01-01"}, {"customer_id": "b", "occurred_at": "2026-01-02"}],
    "orders": [ORDER, {**ORDER, "order_id": "2", "customer_id": "b", "occurred_at": "2026-02-28T12:00"}],
    "payments": [
        {**dict.fromkeys(("customer_id",), "a"), "occurred_at": "2026-02-10", "payment_id": "P1", "order_id": "1"}
        | {"amount": "5", "outcome": "succeeded"}
    ],
    "browsing": [{"customer_id": "a", "occurred_at": "2026-02-28T23:50", "event": "view"}],
    "accounts": [
        {"customer_id": "a", "occurred_at": "2026-01-20", "account_id": "A", "opened_at": "2026-01-20"}
        | {"credit_limit": "100"}
    ],
    "repayments": [LINE, {**LINE, "installment_id": "2", "due_at": "2026-04-15"}],
}
PAID: Row = {**LINE, "paid_at": "2026-02-28T20:00", "paid_amount": "30", "paid_known_at": "2026-03-01T09:00"}
NIGHT: Tables = {
    "customers": [{"customer_id": "c", "occurred_at": "2026-03-01T08:00"}],
    "orders": [
        {**ORDER, "occurred_at": "2026-03-01T09:00", "status": "returned"},
        {**ORDER, "order_id": "3", "customer_id": "c", "occurred_at": "2026-03-01T10:00"},
        {**ORDER, "order_id": "4", "occurred_at": "2026-02-27", "known_at": "2026-03-01T00:00"},
    ],
    "browsing": [{"customer_id": "a", "occurred_at": "2026-03-01T00:05", "event": "cart"}],
    "repayments": [PAID, {**LINE, "installment_id": "3", "occurred_at": "2026-03-01T01:00", "due_at": "2026-05-15"}],
}


class Shop:
    """A mapping, the files of an import beside it, and the files of nights in folders of their own."""

    def __init__(self, folder: Path, base: Tables = BASE) -> None:
        self.folder = folder
        self.said: Row = {
            "dataset": "shop",
            "currency": "EUR",
            "tables": {
                table: {"file": f"{table}.csv", "columns": {name: name for name in names.split()}}
                for table, names in COLUMNS.items()
            },
        }
        self.map()
        self.write(base, folder)
        self.dataset = import_mapping(folder / "shop.yaml", folder / "raw")

    def moved(self, folder: Path) -> Shop:
        """The same shop in a folder of its own, without importing it again."""
        twin = copy.copy(self)
        shutil.copytree(self.folder, folder)
        twin.folder, twin.dataset, twin.said = folder, open_dataset(folder / "raw" / "shop"), {**self.said}
        return twin

    def map(self, **changes: Any) -> None:
        (self.folder / "shop.yaml").write_text(yaml.safe_dump({**self.said, **changes}))

    def write(self, tables: Tables, folder: Path) -> None:
        """Every table as a file; those without rows as a header alone."""
        folder.mkdir(exist_ok=True)
        for table, names in COLUMNS.items():
            text = io.StringIO()
            writer = csv.DictWriter(text, names.split(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(tables.get(table, []))
            (folder / f"{table}.csv").write_text(text.getvalue())

    def append(self, tables: Tables | None = None, night: str = "night", **options: Any) -> Dataset:
        if tables is not None:
            self.write(tables, self.folder / night)
        return append_mapping(self.folder / "shop.yaml", self.folder / night, self.folder / "raw", "shop", **options)

    def refused(self, kind: type[CreditEvalError], tables: Tables | None = None, **options: Any) -> CreditEvalError:
        """The error; and the data set is to the byte what it was."""
        before = bytes_of(self.dataset.root)
        with pytest.raises(kind) as error:
            self.append(tables, **options)
        assert bytes_of(self.dataset.root) == before
        assert [path.name for path in self.dataset.root.parent.iterdir()] == ["shop"]
        return error.value


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
