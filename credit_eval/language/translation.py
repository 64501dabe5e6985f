"""What features are called in Chinese: a table, `chinese.csv`, that a translator edits without touching a declaration.

>>> CHINESE["payments_failed_count_30d"]
Chinese(title='近30天支付失败次数', measure_word='次')
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Chinese:
    """A feature's title in Chinese, and the measure word that its values are counted with ("" for none)."""

    title: str = ""
    measure_word: str = ""


def _read(path: Path) -> dict[str, Chinese]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["feature"]: Chinese(row["title"], row["measure_word"]) for row in csv.DictReader(stream)}


#: By the feature's name.
CHINESE = _read(Path(__file__).with_name("chinese.csv"))
