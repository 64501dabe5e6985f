"""`credit-eval policy` and `ledger`, as a risk officer and an auditor would use them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from world import AS_OF, World

from credit_eval.policy.settings import DEFAULT_POLICY

Refused = Callable[..., str]
LEDGER = "data/ledger/decisions.sqlite"


@pytest.fixture
def mine(world: World, tmp_path: Path) -> Iterator[Path]:
    """A policy of one's own: stricter, and with a rule; what it leaves in the registry is taken away."""
    text = DEFAULT_POLICY.read_text().replace("threshold: 0.50", "threshold: 0.40")
    rule = "rules:\n  - {name: young, when: customers_age_last < 25, then: refer, because: the customer is young}\n"
    (tmp_path / "mine.yaml").write_text(text + rule)
    yield tmp_path / "mine.yaml"
    shutil.rmtree(world.root / "models" / "policies", ignore_errors=True)


def customer_of(world: World, decision: str) -> str:
    scored = pd.read_parquet(world.scored / "part-00000.parquet")
    return str(scored.loc[scored["decision"] == decision, "customer_id"].iloc[0])


def test_check_says_what_decides_how_often(world: World, mine: Path) -> None:
    done = world.run("policy", "check", "simulated", "--file", str(mine))
    assert done.returncode == 0, done.stderr
    assert "LGD" in done.stdout
    assert "rule young" in done.stdout
    scored = pd.read_parquet(world.scored / "part-00000.parquet")
    in_force = world.run("policy", "check", "simulated").stdout
    told = {line.split()[0]: line.split()[2] for line in in_force.splitlines() if " decides " in line}
    assert {name: n for name, n in told.items() if n != "0"} == {
        name: f"{n:,}" for name, n in scored["limit_bound_by"].value_counts().items()
    }
    mine.write_text(mine.read_text().replace("customers_age_last < 25", "p_default > 0.9"))
    faulty = world.run("policy", "check", "simulated", "--file", str(mine))
    assert faulty.returncode == 16
    assert "rule young never decides" in faulty.stdout


@pytest.mark.parametrize("decision", ["approve", "restrict", "reduce"])
def test_explain_says_the_decision_that_was_made(world: World, decision: str) -> None:
    customer = customer_of(world, decision)
    scored = pd.read_parquet(world.scored / "part-00000.parquet").set_index("customer_id").loc[customer]
    done = world.run("policy", "explain", customer, "simulated")
    assert done.returncode == 0, done.stderr
    assert f"{decision}: " in done.stdout
    assert scored["policy_reason"] in done.stdout
    assert world.run("policy", "explain", "nobody", "simulated").returncode == 12


def test_diff_says_who_moves(world: World, mine: Path) -> None:
    done = world.run("policy", "diff", str(DEFAULT_POLICY), str(mine), "simulated")
    assert done.returncode == 0, done.stderr
    assert "restriction.threshold" in done.stdout
    assert "0.5 -> 0.4" in done.stdout
    assert "-> refer" in done.stdout


def test_a_policy_is_published_by_a_second_person_and_only_then_decides(
    world: World, refused: Refused, mine: Path
) -> None:
    publish = ("policy", "publish", str(mine), "simulated", "--author", "Ada", "--approver")
    assert "second person" in refused(16, *publish, " ADA")
    strict = f"datasets: {{simulated: {{policy: {mine}, published_only: true}}}}"
    with world.settings(strict):
        assert "is not published for simulated" in refused(16, "score", "simulated", "--replace")
    done = world.run(*publish, "Grace")
    assert done.returncode == 0, done.stderr
    assert "adverse, sex female" in done.stdout
    (line,) = (world.root / "models/policies/simulated.jsonl").read_text().splitlines()
    recorded = json.loads(line)
    assert (recorded["author"], recorded["approver"]) == ("Ada", "Grace")
    assert recorded["replay"]["moved"]["n"] == len(pd.read_parquet(world.scored / "part-00000.parquet"))
    assert "published already" in refused(16, *publish, "Grace")
    with world.settings(strict):
        assert "is scored already, by another run" in refused(17, "score", "simulated")  # published, so it may decide


def test_what_was_decided_is_in_the_ledger_once_also_where_a_kill_came_between(world: World) -> None:
    customer = customer_of(world, "restrict")
    before = world.run("ledger", "simulated", customer)
    assert before.returncode == 0, before.stderr
    last = before.stdout.splitlines()[-1]  # other tests have scored anew: each time is a version of its own
    assert last.startswith(AS_OF)
    assert "restrict" in last
    (world.root / LEDGER).unlink()
    assert "is not what the last run left" in world.run("score", "simulated").stderr  # a ledger that is gone is told
    (world.root / f"{LEDGER}.seal").unlink()  # as if the run had been killed after its scored file
    for _ in range(2):
        assert world.run("score", "simulated").returncode == 0
    (line,) = world.run("ledger", "simulated", customer).stdout.splitlines()
    assert line.split("  ")[1:] == last.split("  ")[1:]
    assert "holds no decision on nobody" in world.run("ledger", "simulated", "nobody").stdout


def test_a_ledger_that_cannot_be_reached(refused: Refused, world: World) -> None:
    with world.settings("ledger: postgresql://risk:secret@127.0.0.1:1/x\ndatasets: {simulated: {policy: default}}"):
        said = refused(23, "score", "simulated")
    assert "secret" not in said
    assert "cannot be used" in said
