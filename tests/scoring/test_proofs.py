"""Proofs that a stranger checks, with Python alone; and what does not hold is told."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from credit_eval import stages
from credit_eval.core.canonical import canonical
from credit_eval.core.errors import CohortError, CreditEvalError, IntegrityError, ProofError, SourceError
from credit_eval.models.registry_anchors import anchors
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.log import Head, Log, check_grown
from credit_eval.scoring.proofs import check_proof, prove_decision, prove_grown, write_proofs
from credit_eval.scoring.reading import read_scored
from credit_eval.scoring.sealed import open_scored, seal_scored
from credit_eval.settings import Paths, Settings
from credit_eval.verify import verify
from tests.flat_file import loans
from tests.trained import opened, trained_loans

SCRIPT = Path(__file__).parents[2] / "docs" / "check_proof.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a champion and a run that was scored three times."""
    root = trained_loans(tmp_path_factory.mktemp("made")).folder
    study = opened(root)
    for _ in range(2):
        stages.score(study, study.runs()[0], replace=True)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "root"))


def ledger(root: Path) -> Ledger:
    return Ledger(str(root / "data/ledger/decisions.sqlite"))


def scored(root: Path) -> Path:
    return root / "data/scored/loans/cohort=unlabelled"


def checked_by_a_stranger(file: Path, *known: str) -> tuple[int, str]:
    """What the documented script says in an empty environment, in a folder where nothing of ours lies."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(shutil.copy(SCRIPT, file.parent)), file.name, *known],
        cwd=file.parent,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_every_decision_is_proved_and_a_stranger_agrees(made: Path, tmp_path: Path) -> None:
    frame, log = read_scored(scored(made)), ledger(made).log("loans")
    for customer in frame["customer_id"].iloc[[0, 1, 44, len(frame) - 1]]:
        proofs = prove_decision(scored(made), ledger(made), customer)
        (file,) = write_proofs(proofs, tmp_path / "proofs", customer)
        code, said = checked_by_a_stranger(file, log.head.root)
        assert (code, customer in said) == (0, True), said
        assert customer in check_proof(file, ledger(made))
        row = frame[frame["customer_id"] == customer].iloc[0]
        record = json.loads(proofs[0].record)
        assert record["p_default"] == row["p_default"]
        assert set(record) == set(frame.columns)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def edits() -> dict[str, Callable[[dict[str, Any]], object]]:
    def edited(name: str, old: str, new: str) -> Callable[[dict[str, Any]], object]:
        return lambda proof: proof.update({name: proof[name].replace(old, new, 1)})

    return {
        "another limit": edited("record", '"limit_new":', '"limit_new":1'),
        "another batch": edited("entry", '"label":"', '"label":"x'),
        "a neighbour's place": lambda proof: proof.update(index=proof["index"] ^ 1),
        "a place beyond": lambda proof: proof.update(index=10**6),
        "a place before": lambda proof: proof.update(index=-1),
        "a shorter path": lambda proof: proof["path"].pop(),
        "a longer path": lambda proof: proof["path"].append(proof["path"][0]),
        "another log": lambda proof: proof["log_path"].reverse(),
        "another root": lambda proof: proof.update(log_root=proof["log_root"][::-1]),
    }


@pytest.mark.parametrize("name", edits())
def test_an_edited_proof_holds_for_nobody(made: Path, tmp_path: Path, name: str) -> None:
    customer = read_scored(scored(made))["customer_id"].iloc[7]
    (file,) = write_proofs(prove_decision(scored(made), ledger(made), customer), tmp_path / "proofs", customer)
    proof = json.loads(file.read_text())
    before = json.dumps(proof)
    edits()[name](proof)
    assert json.dumps(proof) != before
    file.write_text(json.dumps(proof))
    code, said = checked_by_a_stranger(file)
    assert (code, "DOES NOT HOLD" in said) == (1, True), said
    with pytest.raises(ProofError, match="does not hold"):
        check_proof(file, ledger(made))


def test_a_proof_of_another_ledger_is_told(made: Path, tmp_path: Path) -> None:
    customer = read_scored(scored(made))["customer_id"].iloc[7]
    (file,) = write_proofs(prove_decision(scored(made), ledger(made), customer), tmp_path / "proofs", customer)
    with pytest.raises(ProofError, match="its log is not this ledger's"):
        check_proof(file, Ledger(str(tmp_path / "none.sqlite")))
    code, said = checked_by_a_stranger(file, "ab" * 32)
    assert (code, "whose root you wrote down" in said) == (1, True)
    (tmp_path / "no.json").write_text("{}")
    for other in ("no.json", "nowhere.json"):
        with pytest.raises(SourceError, match="is no proof"):
            check_proof(tmp_path / other, ledger(made))
    with pytest.raises(CohortError):
        prove_decision(scored(made), ledger(made), "nobody")


def test_the_log_only_grew_and_a_stranger_agrees(made: Path, tmp_path: Path) -> None:
    log = ledger(made).log("loans")
    kinds = [said["kind"] for said in log.read()]
    assert kinds == ["champion", "batch", "batch", "batch"]
    for size in range(1, len(log.entries)):
        (file,) = write_proofs([prove_grown(log, size)], tmp_path / "proofs", f"since {size}")
        assert checked_by_a_stranger(file, log.head_at(size).root)[0] == 0
        assert checked_by_a_stranger(file, log.head_at(size - 1).root)[0] == 1
        with pytest.raises(SourceError, match="of a whole log"):
            check_proof(file, ledger(made))
    for size in (0, len(log.entries)):
        with pytest.raises(SourceError, match="has not grown"):
            prove_grown(log, size)


@pytest.mark.parametrize("n", range(2, 18))
def test_logs_of_every_size_are_proved_to_have_grown_and_others_are_not(n: int, tmp_path: Path) -> None:
    log, other = Log("loans"), Log("loans")
    for number in range(n):
        log = log.with_("batch", {"manifest": f"{number}", "at": "2026-01-01"})
        other = other.with_("batch", {"manifest": f"{number}" if number else "another", "at": "2026-01-01"})
    for size in range(1, n):
        (file,) = write_proofs([prove_grown(log, size)], tmp_path, "grown")
        assert checked_by_a_stranger(file)[0] == 0
        proof = json.loads(file.read_text())
        file.write_text(json.dumps(proof | {"old_root": other.head_at(size).root}))
        assert checked_by_a_stranger(file)[0] == 1
        with pytest.raises(IntegrityError, match="is not the one that had the head"):
            check_grown(other, [log.head_at(size)])
    check_grown(log, [log.head_at(size) for size in range(1, n)])


def test_an_entry_that_was_changed_left_out_or_put_in_is_found() -> None:
    log = Log("loans")
    for number in range(6):
        log = log.with_("batch", {"manifest": f"{number}", "at": "2026-01-01", "rows": number})
    log.read()
    entries = list(log.entries)
    changed = [*entries[:2], entries[2].replace('"rows":2', '"rows":9'), *entries[3:]]
    for wrong in (changed, entries[:2] + entries[3:], entries[:3] + entries[2:], entries[::-1], ["{}"], ["x"]):
        with pytest.raises(IntegrityError, match="is not what was written"):
            Log("loans", tuple(wrong)).read()
    with pytest.raises(IntegrityError):
        check_grown(Log("loans", tuple(entries[:4])), [log.head])


@pytest.mark.slow
def test_every_flipped_byte_of_a_small_batch_is_found(root: Path) -> None:
    """Of eight customers: their decisions, contributions, tree and manifest, one bit of every byte."""
    study = opened(root)
    people = root / "eight.csv"
    loans(8, seed=4, labelled=0.0).to_csv(people, index=False)
    place = stages.score_file(study, people)
    rng, found = np.random.default_rng(3), 0
    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for at in range(len(content)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1 << int(rng.integers(8))]) + content[at + 1 :])
            try:
                open_scored(place).check()
            except CreditEvalError:
                found += 1
            else:  # white space of JSON, turned into other white space
                assert (path.name, content[at] in b" \n") == ("manifest.json", True)
        path.write_bytes(content)
    open_scored(place).check()
    assert found > 20_000


def test_a_flipped_byte_of_a_batch_is_found(root: Path) -> None:
    rng, whole = np.random.default_rng(3), {path for path in scored(root).rglob("*") if path.is_file()}
    assert {path.suffix for path in whole} == {".parquet", ".json", ".merkle"}
    for path in whole:
        content = path.read_bytes()
        for at in rng.choice(len(content), 20):
            path.write_bytes(content[:at] + bytes([content[at] ^ 0x80]) + content[at + 1 :])
            with pytest.raises(CreditEvalError):
                open_scored(scored(root)).check()
        path.write_bytes(content)
    open_scored(scored(root)).check()


def test_decisions_that_were_edited_and_sealed_anew_are_found_by_their_tree_and_by_the_ledger(root: Path) -> None:
    part = next(scored(root).glob("part-*.parquet"))
    manifest = open_scored(scored(root)).manifest
    frame = pd.read_parquet(part)
    frame.loc[3, "limit_new"] += 1
    frame.to_parquet(part)
    seal_scored(scored(root), manifest)
    told = {one.what: one.wrong for one in verify(Paths(root=root), Settings(), "loans") if one.wrong}
    assert list(told) == ["scored run cohort=unlabelled"]
    assert "not those that were sealed" in str(told)
    with pytest.raises(IntegrityError, match="is not a run that the log of the ledger holds"):
        prove_decision(scored(root), ledger(root), str(frame["customer_id"][3]))


def test_decisions_that_were_edited_are_found_by_who_proves_one_of_them(root: Path) -> None:
    part = next(scored(root).glob("part-*.parquet"))
    frame = pd.read_parquet(part)
    frame.loc[3, "limit_new"] += 1
    frame.to_parquet(part)
    for row in (3, 5):
        with pytest.raises(IntegrityError, match="not those that were sealed"):
            prove_decision(scored(root), ledger(root), str(frame["customer_id"][row]))


def test_a_ledger_put_back_to_an_earlier_state_is_found_by_what_mlflow_remembers(root: Path) -> None:
    earlier = {path: path.read_bytes() for path in (root / "data/ledger").iterdir()}
    study = opened(root)
    stages.score(study, study.runs()[0], replace=True)
    log = ledger(root).log("loans")
    assert Head.read(anchors(root / "models", "loans", "decisions.sqlite")[-1]) == log.head
    for path, content in earlier.items():
        path.write_bytes(content)
    told = {one.what: one.wrong for one in verify(Paths(root=root), Settings(), "loans") if one.wrong}
    assert list(told) == ["log of the ledger, as MLflow remembers it"]
    assert "a log that only grew" in str(told["log of the ledger, as MLflow remembers it"])


def test_a_batch_that_the_log_does_not_hold_has_no_head(made: Path) -> None:
    with pytest.raises(IntegrityError, match="its log does not hold"):
        ledger(made).log("loans").head_of("ab" * 32)


def test_a_batch_left_out_of_the_log_is_found(root: Path) -> None:
    import sqlite3

    file = root / "data/ledger/decisions.sqlite"
    log = ledger(root).log("loans")
    shorter = Log("loans", log.entries[:2])
    for entry in log.entries[3:]:
        said = json.loads(entry)
        shorter = shorter.with_(said.pop("kind"), {k: v for k, v in said.items() if k not in ("place", "log_root")})
    with sqlite3.connect(file) as database:
        database.execute("DELETE FROM log")
        rows = [("loans", place, entry) for place, entry in enumerate(shorter.entries)]
        database.executemany("INSERT INTO log VALUES (?, ?, ?)", rows)
    file.with_name(f"{file.name}.seal").unlink()
    with pytest.raises(IntegrityError, match="recorded that the log does not hold"):
        ledger(root).check_log("loans", [])


def test_a_proof_in_a_large_batch_reads_256_records(tmp_path: Path) -> None:
    """By what is read, not by the clock: two of a hundred groups of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from credit_eval.core.merkle import leaf, root_of_path
    from credit_eval.scoring.records import leaf_hashes, prove_record, write_tree

    table = pa.table({"customer_id": [f"C{i:06}" for i in range(20_000)], "x": np.arange(20_000) / 7})
    parts = [tmp_path / f"part-{number:05}.parquet" for number in range(2)]
    pq.write_table(table.slice(0, 11_111), parts[0], row_group_size=200)
    pq.write_table(table.slice(11_111), parts[1], row_group_size=200)
    tree = write_tree(tmp_path, leaf_hashes(table))
    for index in (0, 255, 256, 11_110, 11_111, 19_999):
        proved = prove_record(tmp_path, parts, tree, index, "big")
        assert json.loads(proved.record) == {"customer_id": f"C{index:06}", "x": index / 7}
        assert proved.record == canonical({"customer_id": f"C{index:06}", "x": index / 7})
        found = root_of_path(leaf(proved.record.encode()), index, 20_000, proved.path)
        assert found is not None
        assert found.hex() == tree["root"]
    assert os.path.getsize(tmp_path / "records.merkle") == 32 * 79
