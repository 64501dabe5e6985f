"""Kill a scoring run before and after every step that touches the disk, and look what is left each time.

Run as a script in a project root: `python kill_points.py`. Everything is imported and loaded once; each kill happens
in a forked child, which dies by SIGKILL and so runs no cleaning-up of its own. Prints the number of kills.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
from killing import Step, arm, in_child
from world import AS_OF, bytes_of

from credit_eval.core import files, seals
from credit_eval.language.typical import Typical
from credit_eval.models.registry import load_champion
from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
from credit_eval.profiles.store import Profiles, open_profiles
from credit_eval.samples.definition import DefaultDefinition
from credit_eval.scoring import run as scoring
from credit_eval.scoring.run import Job, score

NO_MEANS = {
    "days_past_due": 0.0,
    "months_since_limit_change": 3.0,
    "data_age": 0.0,
    "was_restricted": False,
    "days_below": float("nan"),
    "apr_previous": float("nan"),
} | {
    "own_inflow": float("nan"),
    "debt_service": 0.0,
    "unbilled": 0.0,
    "monthly_income": float("nan"),
}

STEPS: list[Step] = [
    (Path, "mkdir"),
    (Path, "rename"),
    (Path, "replace"),
    (scoring.pq, "write_table"),
    (files, "_flush"),
    (files, "_move_in"),
    (shutil, "rmtree"),
]


def jobs() -> tuple[Job, Job, Profiles]:
    """The same customers under two policies, so that the old output and the new differ; and their profiles."""
    profiles = open_profiles(Path("data/profiles/simulated") / f"as_of={AS_OF}")
    model, version = load_champion(Path("models"), "simulated")
    policy = load_policy(DEFAULT_POLICY)
    tighter = policy.model_copy(update={"expected_loss": policy.expected_loss.model_copy(update={"budget": 7.0})})
    old = Job(
        dataset="simulated",
        cohort=profiles.info.cohort,
        data_fingerprint=profiles.info.data_fingerprint,
        catalogue=profiles.catalogue,
        model=model,
        model_of="simulated",
        model_version=version,
        policy=policy,
        typical={name: Typical(*told) for name, told in model.metadata["typical"].items()},
        currency="CNY",
        revolving=True,
        assume_no_debt=False,
        jurisdiction="any",
        definition=DefaultDefinition(),
        standing=everybody_quiet(profiles),
    )
    return old, replace(old, policy=tighter), profiles


def everybody_quiet(profiles: Profiles) -> pd.DataFrame:
    """Nobody late, nobody cured, all lines long unchanged."""
    return profiles.frame()[["customer_id", "as_of"]].assign(
        in_default=False,
        overdue=False,
        days_since_cure=float("nan"),
        days_since_limit_change=90.0,
        amount_asked=float("nan"),
        **NO_MEANS,
    )


def decisions(target: Path) -> dict[str, bytes]:
    return {name: content for name, content in bytes_of(target).items() if name.endswith(".parquet")}


def main() -> None:
    old, new, profiles = jobs()
    reference, target = Path("kill/new"), Path("kill/run")
    os.environ["OMP_NUM_THREADS"] = "1"
    for job, place in ((new, reference), (old, target)):
        in_child(partial(score, job, profiles, place))
    outputs = {"old": decisions(target), "new": decisions(reference)}
    assert outputs["old"] != outputs["new"]
    step, found = 0, []

    def armed() -> None:
        arm(STEPS, step)
        score(new, profiles, target, replace=True)

    while in_child(armed):
        left = [name for name, content in outputs.items() if decisions(target) == content]
        assert len(left) == 1, f"killed at step {step}: neither the old output nor the new"
        manifest = files.read_json(target / "manifest.json")["files"]
        assert all(seals.sha256_file(target / name) == sealed for name, sealed in manifest.items())
        found += left
        step += 1
    assert found == sorted(found, reverse=True), "once the new output was there, the old one came back"
    assert [path.name for path in target.parent.iterdir() if path.name != "new"] == ["run"], "something was left behind"
    print(f"{step} kills, the last one after {found.count('old')} steps on the old output")


if __name__ == "__main__":
    main()
