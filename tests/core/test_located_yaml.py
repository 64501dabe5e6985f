"""YAML means what a person reads in it; what can be read in two ways is refused with its line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from credit_eval.core.errors import PolicyError, SourceError
from credit_eval.core.located_yaml import read_yaml
from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
from credit_eval.settings import load_settings


def content(folder: Path, text: str, *, texts: tuple[str, ...] | None = ()) -> object:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path, PolicyError, texts=texts).content


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("20", 20),
        ("0", 0),
        ("-3", -3),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.5E-2", 0.015),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),  # and Norway is no country called False
        ("no", "no"),
        ("2026-01-01", "2026-01-01"),
        ("'020'", "020"),
        ('"50:00"', "50:00"),
        ("1.2.3", "1.2.3"),
        ("[1, 2]", [1, 2]),
    ],
)
def test_a_value_is_what_a_reader_takes_it_for(tmp_path: Path, written: str, read: object) -> None:
    found = content(tmp_path, f"key: {written}\n")
    assert found == {"key": read}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(read)


@pytest.mark.parametrize(
    "written", ["020", "03000", "-020", "007.5", "50:00", "1:30:00", "0x10", "0o17", "0b1", "1_000"]
)
def test_a_number_that_can_be_read_in_two_ways_is_refused_with_its_line(tmp_path: Path, written: str) -> None:
    with pytest.raises(PolicyError, match=r"mine\.yaml, line 2: a number that can be read in two ways") as refused:
        content(tmp_path, f"first: 1\nkey: {written}\n")
    assert f"received: {written}" in str(refused.value)


@pytest.mark.parametrize("written", ["2026.10", "020", "1e3", "null", "50:00"])
def test_a_text_stays_as_it_is_written(tmp_path: Path, written: str) -> None:
    assert content(tmp_path, f"version: {written}\nn: 3\n", texts=("version",)) == {"version": written, "n": 3}
    assert content(tmp_path, f"version: {written}\nn: 3\n", texts=None) == {"version": written, "n": "3"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x 1\nb: *x\n", "line 1: an anchor or alias"),
        ("a: 1\nb: *x\n", "line 2: an anchor or alias"),
        ("a: !!python/object/apply:os.system [ls]\n", "line 1: a tag"),
        ("a: 1\nb: 2\na: 3\n", "line 3: a is set twice"),
        ("a:\n  b: 1\n  b: 2\n", "line 3: b is set twice"),
        ("[a]: 1\n", "line 1: a key that is no word"),
        ("a: [1\n", "this is not YAML"),
        ("a: 1\n---\nb: 1\n", "this is not YAML"),
    ],
)
def test_what_is_no_plain_document_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        content(tmp_path, text)


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "{b: " * 50_000, "- " * 100_000])
def test_bottomless_nesting_is_refused_at_once(tmp_path: Path, text: str) -> None:
    started = time.monotonic()
    with pytest.raises(PolicyError, match="line 1: nested too deeply"):
        content(tmp_path, text)
    assert time.monotonic() - started < 5


def test_a_hundred_million_laughs_are_refused_at_once(tmp_path: Path) -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(PolicyError, match="line 1: an anchor"):
        content(tmp_path, laughs)


def test_settings_and_policies_are_read_by_it(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("default:\n  days_past_due: 060\n")
    with pytest.raises(SourceError, match=r"settings\.yaml, line 2: a number that can be read in two ways"):
        load_settings(settings)
    settings.write_text("default:\n  days_past_due: 60\n  window_day: 90\n")
    with pytest.raises(SourceError, match=r"settings\.yaml, line 3: default\.window_day"):
        load_settings(settings)
    policy = tmp_path / "policy.yaml"
    text = DEFAULT_POLICY.read_text()
    policy.write_text(text.replace('version: "2026-1"', "version: 2026.10"))
    assert load_policy(policy).version == "2026.10"
    policy.write_text(text.replace("budget: 20 ", "budget: 020 "))
    with pytest.raises(PolicyError, match="a number that can be read in two ways"):
        load_policy(policy)
