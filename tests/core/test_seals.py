"""Seals: any other byte is noticed, and nothing that was written is refused."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_eval.core.errors import IntegrityError, StorageError
from credit_eval.core.seals import (
    append_sealed,
    changed_files,
    check_files,
    hashes_of,
    read_sealed,
    read_sealed_lines,
    sha256_file,
    write_sealed,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CONTENTS = st.dictionaries(st.text(max_size=8).filter(lambda key: key != "seal"), VALUES, max_size=5)


@given(content=CONTENTS)
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]) -> None:
    path = tmp_path_factory.mktemp("seal") / "told.json"
    write_sealed(path, content)
    assert read_sealed(path) == content
    append_sealed(path.with_suffix(".jsonl"), content)
    append_sealed(path.with_suffix(".jsonl"), content)
    assert read_sealed_lines(path.with_suffix(".jsonl")) == [content, content]


def test_dates_become_texts(tmp_path: Path) -> None:
    write_sealed(tmp_path / "told.json", {"at": datetime(2026, 3, 1)})
    assert read_sealed(tmp_path / "told.json") == {"at": "2026-03-01 00:00:00"}


def test_every_flipped_bit_of_a_description_is_noticed_or_says_the_same(tmp_path: Path) -> None:
    path, content = tmp_path / "told.json", {"rows": 12, "loss": 0.25, "name": "café", "on": True, "seen": {"a": 1}}
    write_sealed(path, content)
    whole, noticed = path.read_bytes(), 0
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :])
            try:
                assert read_sealed(path) == content
            except IntegrityError:
                noticed += 1
    assert noticed > 7.5 * len(whole.replace(b" ", b""))  # what is between values may be any white space


@pytest.mark.parametrize("edit", ["change", "drop", "swap", "cut the middle"])
def test_lines_can_only_be_added(tmp_path: Path, edit: str) -> None:
    path = tmp_path / "moves.jsonl"
    for version in range(4):
        append_sealed(path, {"version": version})
    lines = path.read_text().splitlines()
    if edit == "change":
        lines[1] = lines[1].replace('"version": 1', '"version": 7')
    elif edit == "drop":
        lines.pop(1)
    elif edit == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        lines[2] = lines[2][:9]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(IntegrityError, match=r"moves\.jsonl is damaged"):
        read_sealed_lines(path)
    with pytest.raises(IntegrityError):
        append_sealed(path, {"version": 9})


def test_the_half_of_a_line_that_a_kill_left_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "moves.jsonl"
    append_sealed(path, {"version": 1})
    path.write_bytes(path.read_bytes() + b'{"version": 2, "se')
    assert read_sealed_lines(path) == [{"version": 1}]
    append_sealed(path, {"version": 3})
    assert read_sealed_lines(path) == [{"version": 1}, {"version": 3}]
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_flip_in_any_bit_of_the_lines_is_told_and_a_kill_at_any_byte_is_not(tmp_path: Path) -> None:
    path = tmp_path / "moves.jsonl"
    append_sealed(path, {"version": 1})
    first = len(path.read_bytes())
    append_sealed(path, {"version": 2, "why": "比较"})
    whole = path.read_bytes()
    for at in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            with pytest.raises(IntegrityError):
                read_sealed_lines(path)
    for at in range(first, len(whole)):
        path.write_bytes(whole[:at])
        read = [line["version"] for line in read_sealed_lines(path)]
        assert read == ([1] if at < len(whole) - 1 else [1, 2])
        append_sealed(path, {"version": 3})
        assert [line["version"] for line in read_sealed_lines(path)] == [*read, 3]


def test_a_file_that_changed_is_hashed_again_and_one_that_is_gone_is_told(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    sealed = hashes_of(tmp_path)
    assert changed_files(tmp_path, sealed) == []
    (tmp_path / "a").write_text("A")
    (tmp_path / "b").unlink()
    with pytest.raises(IntegrityError) as refused:
        check_files(tmp_path, sealed, "changed", "mend it", more=["d"])
    assert refused.value.rows == ("a", "b", "d")


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("a")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StorageError, match="cannot be read: Permission denied"):
        sha256_file(path)
