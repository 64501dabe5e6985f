"""A model that ranks nobody does not decide about anybody, unless somebody says why it shall."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from world import World, bytes_of

MAPPING = """
dataset: coin
currency: EUR
tables:
  customers: {file: people.csv, columns: {customer_id: id, occurred_at: since, birth_year: born, region: region}}
cohorts:
  train: {file: asked.csv, columns: {customer_id: id, as_of: at}}
  new: {file: new.csv, columns: {customer_id: id, as_of: at, amount: sum}}
outcomes: {file: asked.csv, columns: {customer_id: id, as_of: at, defaulted: bad, known_at: known}}
"""


@pytest.fixture(scope="module")
def coin(tmp_path_factory: pytest.TempPathFactory) -> World:
    """600 customers of whom every fourth defaults, whatever is known of them."""
    root, rng = tmp_path_factory.mktemp("coin"), np.random.default_rng(3)
    people, asked = ["id,since,born,region"], ["id,at,bad,known,sum"]
    for number in range(600):
        born, region = rng.integers(1950, 2005), rng.choice(["north", "south"])
        people.append(f"c{number},2024-{rng.integers(1, 13):02}-01,{born},{region}")
        asked.append(f"c{number},2025-06-01,{int(rng.random() < 0.25)},2025-12-01,{60 + number % 40}")
    people.append("late,2025-12-31,1980,north")  # the data are known until here
    people.append("c600,2024-06-01,,")
    (root / "new.csv").write_text("\n".join([*asked, "c600,2025-06-01,,,60"]) + "\n")
    (root / "people.csv").write_text("\n".join(people) + "\n")
    (root / "asked.csv").write_text("\n".join(asked) + "\n")
    (root / "m.yaml").write_text(MAPPING)
    (root / "settings.yaml").write_text("datasets: {coin: {policy: default, revolving: false, assume_no_debt: true}}\n")
    world = World(root)
    done = world.run("import", "m.yaml")
    assert done.returncode == 0, done.stderr
    return world


def test_a_model_that_ranks_nobody_is_no_champion_and_scores_nobody(coin: World) -> None:
    for command in ("train", "run"):
        done = coin.run(command, "coin")
        assert done.returncode == 15, (done.stdout, done.stderr)
        assert "not shown to rank better than a coin" in done.stderr
        assert "--promote-anyway" in done.stderr
    assert coin.run("score", "coin", "--cohort", "new").returncode == 15
    (version,) = Path(coin.root).glob("models/artifacts/*/artifacts")  # registered, once, and no champion
    record = json.loads((version / "record.json").read_text())
    assert "coin" in record["objections"][0]
    assert coin.run("registry", "history", "coin").returncode == 15


def test_a_blank_reason_is_none(coin: World) -> None:
    before = bytes_of(coin.root / "data/reports") if (coin.root / "data/reports").exists() else {}
    done = coin.run("train", "coin", "--promote-anyway", " ")
    assert done.returncode == 15, done.stderr
    assert "no reason is given" in done.stderr
    assert (bytes_of(coin.root / "data/reports") if (coin.root / "data/reports").exists() else {}) == before


def test_a_reason_promotes_it_and_is_told_wherever_the_model_is(coin: World) -> None:
    why = "a trial of the [chain], not of the model"
    done = coin.run("run", "coin", "--promote-anyway", why)
    assert done.returncode == 0, done.stderr
    assert "champion against the objections" in done.stdout
    assert why in done.stdout
    (move,) = json.loads(coin.run("--json", "registry", "history", "coin").stdout)
    assert (move["version"], move["why"]) == (1, why)
    scored = pd.read_parquet(coin.root / "data/scored/coin/cohort=new/part-00000.parquet")
    asked = 60 + scored["customer_id"].str.removeprefix("c").astype(int) % 40
    assert (scored["limit_new"] <= asked).all()  # loan by loan: as much as was asked for, or less
    assert (scored["limit_new"] == asked).any()
    assert (
        "unknown    2 features that never were so in training: customers_age_last 1, customers_region_last 1"
        in done.stdout
    )
    page = (coin.root / "data/reports/coin/cohort=new.html").read_text()
    assert "against the objections of validation" in page
    assert "features are unknown (2) that were known of everybody" in page
    assert why in page
