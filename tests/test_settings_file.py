"""The settings file of the repository shows every key that there is, and says what holds anyway."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel

from credit_eval.settings import DatasetSettings, Settings, load_settings

FILE = Path(__file__).parents[1] / "settings.yaml"


def keys(section: type[BaseModel]) -> set[str]:
    found = set()
    for name, field in section.model_fields.items():
        found.add(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= keys(field.annotation)
    return found


def test_every_key_stands_in_the_file() -> None:
    text = FILE.read_text(encoding="utf-8")
    known = keys(Settings) | keys(DatasetSettings)
    assert {"proxy_header", "max_rows", "lender", "monotone"} <= known
    assert {one for one in known if not re.search(rf"\b{one}\b", text)} == set()


def test_what_is_shown_of_all_data_sets_is_the_default() -> None:
    shown = load_settings(FILE).model_dump(exclude={"datasets"})
    assert shown == Settings().model_dump(exclude={"datasets"})
