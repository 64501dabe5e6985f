"""Decisions made again after nights that came later and a retraining: byte for byte the same, or told why not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from world import World

import credit_eval as ce
from credit_eval import stages
from credit_eval.core.errors import CohortError, IntegrityError, ReplayError
from credit_eval.core.runs import Run
from credit_eval.core.seals import hashes_of
from credit_eval.ingest.mapping import append_mapping, import_mapping
from credit_eval.models.history import read_history
from credit_eval.replay import replay
from credit_eval.schema.store import describe_dataset, open_dataset
from credit_eval.schema.tables import TABLES
from credit_eval.scoring.sealed import open_scored, seal_scored
from credit_eval.study import Study

pytestmark = pytest.mark.xdist_group("world")
END = datetime(2026, 7, 1)
NIGHTS = (END - timedelta(days=60), END - timedelta(days=30), END)


def known(raw: Path, table: str, since: datetime | None, until: datetime) -> pd.DataFrame:
    """Rows of a table that came within a time: new ones, and those of which more was revealed then."""
    rows = pd.read_parquet(raw / f"{table}.parquet")
    new = rows["known_at"] < until
    if since is not None:
        new &= rows["known_at"] >= since
    for reveal in TABLES[table].reveals:
        columns = [name for name in reveal.columns if name in rows]
        if since is not None:
            new |= (rows["known_at"] < since) & (rows[reveal.by] >= since) & (rows[reveal.by] < until)
        rows.loc[~(rows[reveal.by] < until), columns] = None
    return rows[new]


def write(raw: Path, folder: Path, since: datetime | None, until: datetime) -> Path:
    """A folder of CSV files with what came within a time."""
    folder.mkdir(parents=True)
    for path in raw.glob("*.parquet"):
        known(raw, path.stem, since, until).to_csv(folder / path.name.replace(".parquet", ".csv"), index=False)
    return folder


@pytest.fixture(scope="module")
def root(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that was imported, trained and scored; a month later scored again; then trained and scored once more."""
    raw, root = world.root / "data/raw/simulated", tmp_path_factory.mktemp("shop")
    tables = {}
    for path in sorted(raw.glob("*.parquet")):
        columns = list(pd.read_parquet(path).columns)
        tables[path.stem] = {"file": f"{path.stem}.csv", "columns": {name: name for name in columns}}
    first = write(raw, root / "sources" / "first", None, NIGHTS[0])
    mapping = first / "shop.yaml"
    said = {"dataset": "shop", "currency": "CNY", "tables": tables, "known_until": f"{NIGHTS[0]:%Y-%m-%d}"}
    mapping.write_text(yaml.safe_dump(said))
    (root / "data").mkdir()
    (root / "settings.yaml").write_text("datasets: {shop: {policy: default, jurisdiction: cn}}\n")
    import_mapping(mapping, root / "data" / "raw")
    stages.run_all(opened(root), promote_anyway="a test")
    for number, (since, until) in enumerate(pairwise(NIGHTS)):
        night = write(raw, root / "sources" / f"night{number}", since, until)
        append_mapping(mapping, night, root / "data" / "raw", "shop", known_until=until)
        if until == END:
            stages.train(opened(root), promote_anyway="another")
        stages.score(opened(root), Run(as_of=until))
    return root


def opened(root: Path) -> Study:
    return ce.open("shop", root=root)


def scored(root: Path, until: datetime) -> pd.DataFrame:
    return opened(root).results(Run(as_of=until)).scored


def test_every_decision_of_the_first_night_comes_out_the_same(root: Path) -> None:
    study, frame = opened(root), scored(root, NIGHTS[0])
    assert len(read_history(root / "models", "shop")) == 2
    chosen = pd.concat([one.head(4) for _, one in frame.groupby("decision")] + [frame.iloc[::120]]).drop_duplicates()
    assert len(set(chosen["decision"])) >= 3
    for customer in chosen["customer_id"]:
        (found,) = replay(study, Run(as_of=NIGHTS[0]), customer)
        assert found.differing == []
        assert found.same
        assert any("the data are others" in one for one in found.since)


def test_the_other_nights_do_too(root: Path) -> None:
    for until in NIGHTS[1:]:
        for customer in scored(root, until)["customer_id"].iloc[[0, 77, -1]]:
            (found,) = replay(opened(root), Run(as_of=until), customer)
            assert found.same, found.differing
            assert bool(found.since) == (until != END)


def test_the_command_line_replays_and_tells_a_decision_that_comes_out_otherwise(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    world, customer = World(copy), str(scored(root, NIGHTS[0])["customer_id"].iloc[3])
    said = ["replay", customer, "--dataset", "shop", "--as-of", f"{NIGHTS[0]:%Y-%m-%d}"]
    done = world.run(*said)
    assert (done.returncode, "the same, byte for byte" in done.stdout) == (0, True), done.stderr
    _orders_of_the_past(copy, customer)
    done = world.run("--json", *said)
    assert done.returncode == 26, (done.stdout, done.stderr)
    (told,) = json.loads(done.stdout)
    assert told["same"] is False
    assert "OTHERWISE" in world.run(*said).stdout


def _orders_of_the_past(root: Path, customer: str) -> None:
    """Late payments of the past that somebody puts in, with a data set sealed anew: what an audit looks for."""
    dataset = open_dataset(root / "data/raw/shop")
    for name in ("payments", "orders"):
        path = dataset.path(name)
        table = pq.read_table(path)
        rows = table.to_pandas()
        if name == "payments":
            rows = rows[rows["customer_id"] != customer]
        else:
            rows.loc[rows["customer_id"] == customer, "amount"] *= 40
        pq.write_table(pa.Table.from_pandas(rows, schema=table.schema, preserve_index=False), path)
    describe_dataset(dataset.root, replace(dataset.info, hashes=hashes_of(dataset.root, "**/*.parquet")))


GONE: dict[str, tuple[Callable[[Path], object], str]] = {
    "the run": (lambda root: shutil.rmtree(root / f"data/scored/shop/as_of={NIGHTS[0]:%Y-%m-%d}"), "no run"),
    "the model": (lambda root: shutil.rmtree(root / "models"), "is not there as it was"),
    "the customers": (lambda root: _import_others(root), "no longer hold"),
}


def _import_others(root: Path) -> None:
    first = root / "sources" / "first"
    for path in first.glob("*.csv"):
        rows = pd.read_csv(path, dtype=str)
        rows["customer_id"] = "other" + rows["customer_id"]
        rows.to_csv(path, index=False)
    import_mapping(first / "shop.yaml", root / "data" / "raw", replace=True)


@pytest.mark.parametrize("what", GONE)
def test_what_is_gone_is_told(root: Path, tmp_path: Path, what: str) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    customer = str(scored(root, NIGHTS[0])["customer_id"].iloc[3])
    remove, told = GONE[what]
    remove(copy)
    with pytest.raises(ReplayError, match=told):
        replay(opened(copy), Run(as_of=NIGHTS[0]), customer)


def test_who_was_not_decided_on_and_a_run_that_was_edited_are_told(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    with pytest.raises(CohortError):
        replay(opened(copy), Run(as_of=NIGHTS[0]), "nobody")
    part = next((copy / f"data/scored/shop/as_of={NIGHTS[0]:%Y-%m-%d}").glob("part-*.parquet"))
    frame = pd.read_parquet(part)
    frame.loc[5, "limit_new"] += 100
    frame.to_parquet(part)
    with pytest.raises(IntegrityError, match="not those that were sealed"):
        replay(opened(copy), Run(as_of=NIGHTS[0]), str(frame["customer_id"][5]))


def test_a_run_whose_policy_was_edited_and_sealed_anew_is_not_replayed(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    run = open_scored(copy / f"data/scored/shop/as_of={NIGHTS[0]:%Y-%m-%d}")
    policy = run.manifest["policy"] | {"version": "another"}
    seal_scored(run.root, {**run.manifest, "policy": policy})
    with pytest.raises(IntegrityError, match="not the run that the ledger recorded"):
        replay(opened(copy), Run(as_of=NIGHTS[0]), str(scored(root, NIGHTS[0])["customer_id"].iloc[3]))
