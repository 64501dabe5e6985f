"""What a run wrote is read as it was written: any other byte, file or manifest is told with its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from credit_eval.core.errors import IntegrityError, SourceError
from credit_eval.core.files import read_json, write_json
from credit_eval.report.summary import summarise
from credit_eval.report.tables import contribution_sample, value_sample
from credit_eval.scoring.reading import read_contributions, read_scored
from credit_eval.scoring.sealed import SAID, open_scored, seal_scored
from tests.scored_run import scored_frame, write_run

FRAME = scored_frame(60)


def flip(path: Path, share: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= 0x10
    path.write_bytes(content)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path, FRAME)


def values(run: Path) -> object:
    return value_sample(run, run.parents[1] / "profiles", FRAME[["customer_id", "as_of"]])


READERS: list[tuple[str, Callable[[Path], object]]] = [
    ("part-00001.parquet", read_scored),
    ("part-00001.parquet", summarise),
    ("contributions/part-00000.parquet", read_contributions),
    ("contributions/part-00000.parquet", contribution_sample),
    ("manifest.json", read_scored),
    ("manifest.json", summarise),
    ("../../profiles/part-00001.parquet", values),
    ("../../profiles/profiles.json", values),
]


@pytest.mark.parametrize(("name", "reader"), READERS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_flipped_bit_of_what_is_read_is_told(
    run: Path, name: str, reader: Callable[[Path], object], share: float
) -> None:
    reader(run)
    flip(run / name, share)
    with pytest.raises(IntegrityError, match=r"\.parquet|\.json"):
        reader(run)


def test_a_part_more_is_not_read_and_is_told_when_all_is_looked_at(run: Path) -> None:
    FRAME.to_parquet(run / "part-00009.parquet")
    assert len(read_scored(run)) == len(FRAME)
    with pytest.raises(IntegrityError) as refused:
        open_scored(run).check()
    assert refused.value.rows == ("part-00009.parquet",)


def test_a_manifest_of_another_version_is_told(run: Path) -> None:
    said = dict(open_scored(run).manifest)
    del said["losses"]
    seal_scored(run, said)
    with pytest.raises(SourceError, match="another version") as refused:
        read_scored(run)
    assert "losses" in str(refused.value.expected)


def test_an_edited_manifest_is_told_though_it_is_json(run: Path) -> None:
    write_json(run / "manifest.json", read_json(run / "manifest.json") | {"currency": "EUR"})
    with pytest.raises(IntegrityError, match=r"as_of=2026-03-01/manifest\.json is damaged"):
        read_scored(run)


def test_profiles_built_anew_are_not_those_that_were_scored(run: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "other", scored_frame(61))
    keys = FRAME[["customer_id", "as_of"]]
    with pytest.raises(SourceError, match="not those of the run"):
        value_sample(run, tmp_path / "other" / "profiles", keys)


def test_a_manifest_says_what_readers_ask_for(run: Path) -> None:
    assert set(open_scored(run).manifest) >= SAID
