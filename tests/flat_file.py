"""A flat file of made-up loans: an id, a date, thirty words and numbers, what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from credit_eval.ingest.mapping import import_mapping
from credit_eval.schema.store import Dataset

#: Columns as an analyst would declare them.
COLUMNS: dict[str, Any] = {
    "age": {"from": "Age", "unit": "years", "title": "age"},
    "checking": {"from": "Checking", "type": "category", "title": "balance of the current account"},
    "months": {"from": "Months", "title": "months the loan runs", "higher_is": "riskier"},
    "sum": {"from": "Sum", "unit": "money", "title": "amount asked for", "role": "amount"},
    "income": {"from": "Income", "unit": "money", "title": "monthly income", "role": "income", "higher_is": "safer"},
    "bureau": {
        "from": "Bureau",
        "title": "months since the last late payment elsewhere",
        "reason": "late payments elsewhere",
        "higher_is": "safer",
        "special": {"-9": "no file at the bureau", "-8": "never late"},
    },
    "sex": {"from": "Sex", "type": "category", "role": "group"},
}
PROFILES: dict[str, Any] = {
    "file": "loans.csv",
    "id": "Loan",
    "as_of": "Asked",
    "label": {"column": "Bad", "window_days": "90"},
    "columns": COLUMNS,
}


def loans(rows: int = 600, *, seed: int = 1, labelled: float = 1.0) -> pd.DataFrame:
    """Rows whose risk hangs on the balance, the term and the bureau; the last of them may have no label yet."""
    rng = np.random.default_rng(seed)
    checking = rng.choice(["none", "low", "high"], rows, p=[0.4, 0.3, 0.3])
    months = rng.choice([6, 12, 24, 36], rows)
    bureau = np.where(rng.random(rows) < 0.3, -9, np.where(rng.random(rows) < 0.4, -8, rng.integers(1, 60, rows)))
    log_odds = -2.2 + (checking == "low") * 1.4 + months / 24 + np.where(bureau > 0, 1.2 - bureau / 40, 0.0)
    bad = rng.random(rows) < 1 / (1 + np.exp(-log_odds))
    frame = pd.DataFrame(
        {
            "Loan": [f"L{i:05}" for i in range(rows)],
            "Asked": (pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows) * 700 // rows, "D")).strftime(
                "%Y-%m-%d"
            ),
            "Age": rng.integers(19, 75, rows),
            "Checking": checking,
            "Months": months,
            "Sum": (rng.integers(5, 80, rows) * 100).astype(str),
            "Income": rng.integers(90, 600, rows) * 10,
            "Bureau": bureau,
            "Sex": rng.choice(["f", "m"], rows),
            "Bad": bad.astype(int).astype(str),
        }
    )
    frame.loc[frame.index >= labelled * rows, "Bad"] = ""
    return frame


class FlatFile:
    """A folder with the file and its mapping; `load` imports it."""

    def __init__(self, folder: Path, frame: pd.DataFrame | None = None) -> None:
        self.folder = folder / "flat"
        self.folder.mkdir(parents=True)
        self.write(loans() if frame is None else frame)

    def write(self, frame: pd.DataFrame, name: str = "loans.csv") -> Path:
        """Write a file of rows into the folder."""
        path = self.folder / name
        frame.to_csv(path, index=False)
        return path

    def mapping(
        self, *, columns: dict[str, Any] | None = None, whole: dict[str, Any] | None = None, **said: Any
    ) -> Path:
        """Write the mapping: `said` changes keys of `profiles`, `columns` some columns (None: leaves one out), `whole`
        the keys above."""
        kept = {name: one for name, one in {**COLUMNS, **(columns or {})}.items() if one is not None}
        section = {name: one for name, one in {**PROFILES, "columns": kept, **said}.items() if one is not None}
        path = self.folder / "flat.yaml"
        content = {"dataset": "loans", "currency": "EUR", "profiles": section, **(whole or {})}
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    def with_orders(self) -> dict[str, Any]:
        """Write orders of the same people, two each in the month before they ask, and say so in a mapping's words."""
        asked = loans()[["Loan", "Asked"]]
        parts = [
            asked.assign(
                order=asked["Loan"] + f"-{days}",
                at=pd.to_datetime(asked["Asked"]) - pd.to_timedelta(days, "D"),
                amount=10 * days,
            )
            for days in (3, 20)
        ]
        self.write(pd.concat(parts), "orders.csv")
        columns = {"order_id": "order", "customer_id": "Loan", "occurred_at": "at", "amount": "amount"}
        table = {"file": "orders.csv", "columns": columns, "constants": {"status": "placed"}}
        return {"tables": {"orders": table}, "known_until": "2026-06-01"}

    def load(self, **said: Any) -> Dataset:
        """Import what the mapping says."""
        return import_mapping(self.mapping(**said), self.folder / "data" / "raw", replace=True)
