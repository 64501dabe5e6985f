"""Decisions made again after nights that came later and a retraining: byte for byte the same, or told why not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
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
from credit_eval.models.model import CreditModel
from credit_eval.models.registry import find_version, load_version
from credit_eval.policy.facts import money
from credit_eval.policy.overruled import COLUMNS
from credit_eval.policy.words import CONSTRAINTS
from credit_eval.replay import replay
from credit_eval.review.background import events, policy_path, similar
from credit_eval.schema.store import describe_dataset, open_dataset
from credit_eval.schema.tables import TABLES
from credit_eval.scoring.lookup import Decided, decided, profile_of
from credit_eval.scoring.overrides import Override, overrides, overrule, second
from credit_eval.scoring.sealed import Scored, open_scored, seal_scored
from credit_eval.study import Study
from credit_eval.study.backtesting import _without_people
from credit_eval.study.overruling import monitored, overruled

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
    """A shop that was imported, trained and scored; a month later scored again; then trained and scored once more.

    After the first night people overrule the policy, of four customers.
    """
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
    _overrule_some(root)
    for number, (since, until) in enumerate(pairwise(NIGHTS)):
        night = write(raw, root / "sources" / f"night{number}", since, until)
        append_mapping(mapping, night, root / "data" / "raw", "shop", known_until=until)
        if until == END:
            stages.train(opened(root), promote_anyway="another")
        stages.score(opened(root), Run(as_of=until))
    return root


def _overrule_some(root: Path) -> None:
    """Allow two who are restricted, one of them with nobody to approve it; stop one who is approved; take one back."""
    study, frame = opened(root), scored(root, NIGHTS[0])
    stopped = frame["limit_bound_by"].isin(["restriction", "still_restricted"])
    restricted = frame[stopped & frame["limit_previous"].between(100, 3000)]
    approved = frame[frame["decision"].isin(["approve", "hold"]) & (frame["limit_new"] > 0)]
    said = [
        ("allow", restricted.iloc[0], 2),
        ("allow", restricted.iloc[1], 2),
        ("stop", approved.iloc[0], 2),
        ("stop", approved.iloc[1], 2),
        ("allow", restricted.iloc[2], 1),
    ]
    for number, (then, row, months) in enumerate(said):
        written = overrule(
            study.ledger,
            "shop",
            Override(
                customer_id=str(row["customer_id"]),
                as_of=str(row["as_of"]),
                decision=str(row["decision"]),
                first_reason=str(row["reason_code_1"] or ""),
                p_default=float(row["p_default"]),
                stake=float(row["limit_previous"]),
                then=then,
                limit=float(row["limit_previous"]) if then == "allow" else 0.0,
                until=f"{NIGHTS[0] + timedelta(days=31 * months):%Y-%m-%d}",
                why="one_off" if then == "allow" else "unverified",
                note="shown to us on paper",
                who="ana",
                role="reviewer",
            ),
            study.policy,
            bound_by=str(row["limit_bound_by"]),
        )
        if number in (0, 2, 4):
            second(study.ledger, "shop", written.place, "approve", "ben", "approver")
        if number == 3:
            second(study.ledger, "shop", written.place, "withdraw", "ana", "reviewer")


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


def test_what_people_decided_holds_in_the_nights_that_follow_until_it_ends(root: Path) -> None:
    said = overrides(opened(root).ledger.log("shop"))
    assert [one.state for one in said] == ["holds", "waits", "holds", "withdrawn", "holds"]
    nights = [scored(root, until).set_index("customer_id").loc[[one.customer_id for one in said]] for until in NIGHTS]
    first, then, last = nights
    heard = [open_scored(root / f"data/scored/shop/as_of={until:%Y-%m-%d}").heard for until in NIGHTS]
    assert heard == [0, 9, 9]  # five overrides and four words on them, whatever else the log holds
    assert not first["limit_bound_by"].isin(["override", "override_stop"]).any()
    allowed = first["limit_previous"].iloc[0]
    assert (then["limit_new"].iloc[0], then["decided_by"].iloc[0]) == (allowed, "override")
    assert f"(override {said[0].place})" in then["policy_reason"].iloc[0]
    assert then["limit_bound_by"].iloc[1] in ("restriction", "still_restricted")
    assert then["limit_bound_by"].iloc[2] == "override_stop"
    assert then["limit_bound_by"].iloc[4] in ("override", "in_default")  # who defaults meanwhile is lifted by nobody
    assert then["decision"].iloc[2] == "restrict"
    assert last["limit_bound_by"].iloc[2] == "override_stop"
    assert "override" not in last["policy_facts"].iloc[4]  # it ended on a day before the last night
    assert last["limit_bound_by"].iloc[4] in ("restriction", "still_restricted", "in_default")
    restricted = opened(root).ledger.history("shop", said[0].customer_id)["restricted"].tolist()
    assert restricted[:2] == [True, True]  # that a person lifted it is no way out
    everybody = scored(root, NIGHTS[1])
    mine = everybody["policy_facts"].str.contains('"override')
    assert set(everybody.loc[mine, "customer_id"]) == {said[0].customer_id, said[2].customer_id, said[4].customer_id}
    study = opened(root)
    for one in said:
        for until in NIGHTS[1:]:
            (found,) = replay(study, Run(as_of=until), one.customer_id)
            assert found.same, found.differing


def _behind(root: Path, until: datetime, customers: list[str]) -> Iterator[tuple[Study, Scored, Decided, pd.DataFrame]]:
    study, label = opened(root), f"as_of={until:%Y-%m-%d}"
    run, profiles = open_scored(study.paths.scored("shop", label)), study.paths.profiles("shop", label)
    for customer in customers:
        (found,) = decided(run.root, profiles, customer)
        yield study, run, found, profile_of(run.root, profiles, customer).to_pandas()


def _model(study: Study) -> CreditModel:
    """Version 1, which decided in the first two nights."""
    version = find_version(study.paths.models, "shop", 1)
    assert version
    return load_version(study.paths.models, version)


def test_the_policys_path_is_that_of_the_decision_whatever_came_later(root: Path) -> None:
    frame = scored(root, NIGHTS[1])
    chosen = pd.concat([one.head(3) for _, one in frame.groupby("limit_bound_by")])["customer_id"].tolist()
    bound = set()
    for study, run, found, profile in _behind(root, NIGHTS[1], chosen):
        path = policy_path(study, run, _model(study), found, profile, "en")
        (step,) = [one for one in path.steps if one.binds]
        assert step.name == CONSTRAINTS[found.row["limit_bound_by"]].en
        assert ("limit before", "–" if found.row["limit_previous"] is None else _money(found)) in path.inputs
        bound.add(found.row["limit_bound_by"])
    assert {"override_stop", "restriction"} <= bound
    referred = frame[frame["decision"] == "refer"]["customer_id"].head(5).tolist()
    assert referred
    for study, run, found, profile in _behind(root, NIGHTS[1], referred):
        proposed = policy_path(study, run, _model(study), found, profile, "en").proposed
        assert proposed
        amount = float(proposed.split()[0].replace(",", ""))
        assert amount > (found.row["limit_previous"] or 0.0) or found.row["decided_by"] == "no_reason"


def _money(found: Decided) -> str:
    return money(found.row["limit_previous"], found.manifest["currency"])


def test_a_path_of_an_edited_past_is_not_told(root: Path, tmp_path: Path) -> None:
    frame = scored(root, NIGHTS[0])
    customer = str(frame.loc[frame["limit_bound_by"] == "affordability", "customer_id"].iloc[0])
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    _orders_of_the_past(copy, customer)
    ((study, run, found, profile),) = _behind(copy, NIGHTS[0], [customer])
    with pytest.raises(IntegrityError, match="comes to another limit"):
        policy_path(study, run, _model(study), found, profile, "en")


def test_events_are_those_that_were_known_then_as_they_were_known(root: Path) -> None:
    study, until = opened(root), NIGHTS[0]
    repayments = study.query("FROM repayments")
    late = repayments[(repayments["known_at"] < until) & (repayments["paid_known_at"] >= until)]
    customer = str(late["customer_id"].iloc[0])
    told = events(study, customer, until, "CNY", "en", "cn")
    assert told == sorted(told, key=lambda one: one.at, reverse=True)
    assert all(one.at < until for one in told)
    mine = {dict(one.columns)["installment_id"]: dict(one.columns) for one in told if one.table == "repayment"}
    known = late[late["customer_id"] == customer]
    for row in known[known["installment_id"].isin(mine)].to_dict("records"):
        assert "paid_at" not in mine[row["installment_id"]]
    orders = study.query(
        "SELECT count(*) AS n FROM orders WHERE customer_id = $who AND known_at < $until",
        {"who": customer, "until": until},
    )
    assert sum(one.table == "order" for one in told) == min(12, orders["n"].item())
    assert any(one.table == "browsing" for one in told)
    barred = events(study, customer, until, "CNY", "en", "eu")
    assert not any(one.table == "browsing" for one in barred)
    assert not any(name == "region" for one in barred for name, _ in one.columns)


def test_the_similar_are_those_nearest_by_contributions(root: Path) -> None:
    frame = scored(root, NIGHTS[0])
    ((_, run, found, _),) = _behind(root, NIGHTS[0], [str(frame["customer_id"].iloc[7])])
    told = similar(run, found)
    moved = opened(root).results(Run(as_of=NIGHTS[0])).contributions.set_index("customer_id")
    names = [one.feature.name for one in sorted(found.seen, key=lambda one: -abs(one.contribution))[:16]]
    names = [name for name in names if moved.loc[found.row["customer_id"], name]]
    apart = ((moved[names] - moved.loc[found.row["customer_id"], names]) ** 2).sum(axis=1).pow(0.5)
    nearest = apart.drop(found.row["customer_id"]).nsmallest(len(told))
    assert [one.distance for one in told] == pytest.approx(nearest.tolist(), abs=1e-5)
    rows = frame.set_index("customer_id")
    assert all(one.row["decision"] == rows.loc[one.customer_id, "decision"] for one in told)


def test_people_are_among_what_the_policy_looks_at_and_not_in_a_backtest(root: Path) -> None:
    results = opened(root).results(Run(as_of=NIGHTS[1]))
    inputs = results.inputs()
    assert inputs["override_stopped"].sum() == 1
    assert not set(COLUMNS) & set(_without_people(inputs))
    assert len(_without_people(inputs)) == len(inputs)


def test_it_is_told_how_those_did_whom_people_decided_on(root: Path) -> None:
    study = opened(root)
    told = overruled(study)
    assert len(told) == 5
    found = monitored(told, study.dataset.info.known_until).set_index(["then", "why"])
    allowed, stopped = found.loc[("allow", "one_off")], found.loc[("stop", "unverified")]
    assert (allowed["said"], allowed["waiting"], allowed["holding"]) == (3, 1, 1)
    assert (stopped["said"], stopped["waiting"], stopped["holding"]) == (2, 0, 1)
    judged = told["defaulted"].notna()
    assert allowed["judged"] + stopped["judged"] == (judged & (told["state"] != "waits")).sum()
    done = World(root).run("--json", "overrides", "shop")
    said = json.loads(done.stdout)
    assert [one["state"] for one in said["overrides"]] == ["holds", "waits", "holds", "withdrawn", "holds"]
    assert sum(one["said"] for one in said["monitored"]) == 5


def test_a_night_that_is_asked_for_again_is_the_same_night_whatever_people_decided_since(
    root: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    study, run = opened(copy), Run(as_of=END)
    waits = next(one for one in overrides(study.ledger.log("shop")) if one.state == "waits")
    second(study.ledger, "shop", waits.place, "approve", "ben", "approver")
    manifest = copy / f"data/scored/shop/as_of={END:%Y-%m-%d}/manifest.json"
    before = manifest.read_bytes()
    stages.score(study, run)
    assert manifest.read_bytes() == before
    stages.score(study, run, replace=True)
    row = study.results(run).scored.set_index("customer_id").loc[waits.customer_id]
    assert row["limit_bound_by"] == "override"
    (found,) = replay(study, run, waits.customer_id)
    assert found.same


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
