"""Pins: every file is held against its hash, a run gets nothing that only tests need, and no address is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOR_TESTS_ALONE = "pytest pyspark mypy ruff nbconvert hypothesis uv pandas-stubs playwright woodelf-explainer".split()
LOCKS = ("requirements.lock", "requirements-dev.lock")


def pins(name: str) -> dict[str, tuple[str, int]]:
    """By package its version, and how many files it may be."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    found = [
        re.fullmatch(r"(\S+?)==(\S+?)( ;[^-]*)?((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*", line)
        for line in text.splitlines()
    ]
    assert all(found), [line for line, match in zip(text.splitlines(), found, strict=True) if not match][:3]
    return {match[1]: (match[2], match[4].count("sha256")) for match in found if match}


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_hashes_and_no_address(name: str) -> None:
    found = pins(name)
    assert all(n >= 1 for _, n in found.values())
    assert "://" not in (ROOT / name).read_text()
    assert "index" not in (ROOT / name).read_text()


def test_a_run_gets_what_tests_get_and_less() -> None:
    run, dev = (pins(name) for name in LOCKS)
    assert {name: version for name, (version, _) in run.items() if dev.get(name, ("", 0))[0] != version} == {}
    for name in (
        "pytest",
        "pyspark",
        "mypy",
        "ruff",
        "nbconvert",
        "hypothesis",
        "uv",
        "pandas-stubs",
        "woodelf-explainer",
    ):
        assert name in dev
        assert name not in run
