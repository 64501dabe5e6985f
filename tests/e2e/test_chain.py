"""The whole chain on a small simulated world, by the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from world import AS_OF, World, bytes_of

from credit_eval.core.seals import sha256_file
from credit_eval.models.registry import load_champion
from credit_eval.policy.decide import is_adverse
from credit_eval.scoring.run import COLUMNS

pytestmark = pytest.mark.xdist_group("world")


@pytest.fixture(scope="module")
def scored(world: World) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(path) for path in sorted(world.scored.glob("part-*.parquet"))])


def test_the_scored_file_keeps_its_contract(world: World, scored: pd.DataFrame) -> None:
    assert tuple(scored.columns) == COLUMNS
    assert scored["customer_id"].is_unique
    assert scored["customer_id"].is_monotonic_increasing
    assert scored["p_default"].between(0, 1).all()
    accounts = pd.read_parquet(world.root / "data/raw/simulated/accounts.parquet")
    assert set(scored["customer_id"]) == set(accounts.loc[accounts["known_at"] < "2026-07-01", "customer_id"])


def test_above_one_half_nobody_gets_credit_and_everybody_hears_why(scored: pd.DataFrame) -> None:
    above = scored[scored["p_default"] > 0.5]
    assert len(above) > 0
    assert set(above["decision"]) <= {"restrict", "decline"}
    assert (above["limit_new"] <= above["limit_previous"].fillna(0)).all()
    adverse = scored[is_adverse(scored)]
    assert adverse["policy_reason"].str.len().gt(10).all()
    by_score = scored["decided_by"] == "score"
    assert scored.loc[adverse.index[adverse["decided_by"] == "score"], "reason_code_1"].notna().all()
    assert by_score[above.index].sum() > 0
    assert scored.loc[~by_score, "reason_code_1"].isna().all()
    assert set(scored.loc[scored["limit_bound_by"] == "in_default", "decided_by"]) == {"in_default"}
    assert set(scored.loc[scored["limit_bound_by"] == "restriction", "decided_by"]) == {"score"}


def test_stored_contributions_add_up_to_the_stored_probability(world: World, scored: pd.DataFrame) -> None:
    files = sorted((world.scored / "contributions").glob("*.parquet"))
    stored = pd.concat([pd.read_parquet(path) for path in files])
    features = stored.columns[4:]
    assert len(features) > 60
    total = stored["base_value"] + stored[features].sum(axis=1)
    assert np.abs(total - stored["log_odds"]).max() < 1e-5
    model, _ = load_champion(world.root / "models", "simulated")
    assert np.allclose(model.calibrated().p_default(stored["log_odds"]), scored["p_default"], rtol=1e-12)


def test_the_manifest_tells_what_went_in_and_seals_what_came_out(world: World, scored: pd.DataFrame) -> None:
    manifest = json.loads((world.scored / "manifest.json").read_text())
    assert manifest["rows"] == len(scored) == sum(manifest["decisions"].values())
    assert manifest["files"] == {name: sha256_file(world.scored / name) for name in manifest["files"]}
    assert len(manifest["files"]) == 2 * len(list(world.scored.glob("part-*.parquet"))) + 1  # and their tree
    assert {"data_fingerprint", "model_version", "policy_version", "definition", "code", "started", "finished"} <= set(
        manifest
    )


def test_a_second_run_changes_no_byte_and_trains_nothing(world: World) -> None:
    before = bytes_of(world.scored)
    done = world.run("run", "simulated")
    assert done.returncode == 0, done.stderr
    assert bytes_of(world.scored) == before
    assert "version 1," in done.stdout


def test_scoring_anew_gives_the_same_decisions_byte_for_byte(world: World) -> None:
    parts = {name: content for name, content in bytes_of(world.scored).items() if name.endswith(".parquet")}
    assert world.run("score", "simulated", "--replace").returncode == 0
    again = bytes_of(world.scored)
    assert {name: again[name] for name in parts} == parts


def test_the_summary_says_what_a_person_wants_to_know(world: World) -> None:
    said = world.run("run", "simulated").stdout
    for wanted in ("AUC 0.", "KS 0.", "95 %", "default rate", "restricted", "reasons", "scored ", ".html"):
        assert wanted in said, wanted


def test_one_customer_is_shown_in_five_dimensions(world: World, scored: pd.DataFrame) -> None:
    customer = scored["customer_id"].iloc[0]
    said = world.run("profile", customer, "--as-of", "2026-07-01").stdout
    for wanted in (
        "credit history",
        "fulfilment capacity",
        "behaviour and preference",
        "identity and stability",
        "network",
    ):
        assert wanted in said
    assert "typical: " in said
    assert "most customers: never" in said


def test_profiles_do_not_depend_on_the_zone_of_the_machine(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = sorted(world.scored.glob("part-*.parquet"))
    before = [pq.read_table(part).to_pandas() for part in parts]
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    assert world.run("score", "simulated", "--replace").returncode == 0
    for frame, part in zip(before, parts, strict=True):
        pd.testing.assert_frame_equal(pq.read_table(part).to_pandas(), frame)


def test_a_large_sample_is_drawn_and_it_is_said(world: World, tmp_path: Path) -> None:
    copied = World(Path(shutil.copytree(world.root, tmp_path / "copy")))
    settings = "{datasets: {simulated: {policy: default}}, sample: {max_rows: 3000}, engine: {memory: 1GB}}"
    with copied.settings(settings):
        done = copied.run("run", "simulated", "--replace", "--promote-anyway", "a smaller sample")
    assert done.returncode == 0, done.stderr
    newest = max(copied.root.glob("models/artifacts/*/artifacts/record.json"), key=lambda path: path.stat().st_mtime)
    record = json.loads(newest.read_text())
    drawn = record["drawn"]
    assert sum(record["rows_by_part"].values()) + sum(record["left_out"].values()) == drawn["rows"]
    assert 2_000 < drawn["rows"] < 4_000 < drawn["of_rows"]
    said = f"Sample: {drawn['rows']:,} of {drawn['of_rows']:,} rows, of {drawn['customers']:,} of"
    assert said in done.stdout
    page = (copied.root / f"data/reports/simulated/as_of={AS_OF}.html").read_text()
    assert f"{drawn['rows']:,} of {drawn['of_rows']:,} rows" in page
