"""Our training beside LightGBM, CatBoost, a WoE scorecard and an AutoML: same rows, same folds. `make bench-models`.

    python -m benchmarks.models [--data ../shared/data] [--only superlender,simulated] [--seconds 10] [--work DIRECTORY]

Every program gets the same features and the same folds, with two threads, one after the other; each in a process, peers
in an environment of their own (made the first time: minutes, and a network). Where time splits the sample, development
months teach and later ones judge; elsewhere five folds by customer (three of 30,000 rows).

How to read the tables
- AUC, KS, Brier score and log loss on all judged rows. "Over it": our AUC minus theirs, paired, with its 95 % interval
  by customer; below 0 and without 0 inside, they rank better.
- CPU seconds of fitting, all folds together; and microseconds a row of predicting, from the features as a frame.
- Of simulated customers the true probability is known: the share of the Gini that who knew it would reach, the
  calibration error against it, and what is true where more than 0.3 is said.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

import credit_eval as ce
from benchmarks.environments import python
from credit_eval.core.statistics import auc, auc_difference, brier, ks, log_loss
from credit_eval.samples.split import customer_folds

PROJECT = Path(__file__).parents[1]
PEERS = PROJECT / "benchmarks" / "model_peers"
CONSOLE = Console(width=132)
#: Of each peer that needs one, what its environment holds.
ENVIRONMENTS = {
    "catboost": ["catboost==1.2.10", "pandas<3", "pyarrow"],
    "scorecard": ["optbinning==1.0.0", "pyarrow"],
    "flaml": ["flaml[automl]==2.3.6", "pandas<3", "pyarrow"],
}
PROGRAMS = ["ours", "logistic", "lightgbm", "catboost", "scorecard", "flaml"]
NAMES = {
    "ours": "ours",
    "logistic": "logistic on ranks",
    "lightgbm": "LightGBM defaults",
    "catboost": "CatBoost defaults",
    "scorecard": "WoE scorecard",
    "flaml": "FLAML",
}
DATA_SETS = ["superlender", "xente", "taiwan", "taiwan-flat", "simulated"]
_FLAT_LABEL, _FLAT_GROUP = "default.payment.next.month", "SEX"


@dataclass(frozen=True)
class Asked:
    """A sample with its folds on disk."""

    name: str
    folder: Path

    @property
    def sample(self) -> Path:
        return self.folder / "sample.parquet"

    @property
    def told(self) -> Path:
        return self.folder / "asked.json"


def asked(name: str, work: Path, data: Path) -> Asked:
    """The sample of a data set, made if it is not there."""
    found = Asked(name, work / "samples" / name)
    if found.sample.exists():
        return found
    CONSOLE.print(f"making the sample of {name} …")
    frame, categories, directions = _flat(data) if name == "taiwan-flat" else _events(name, work, data)
    found.folder.mkdir(parents=True, exist_ok=True)
    found.told.write_text(json.dumps({"categories": categories, "directions": directions}))
    frame.to_parquet(found.sample, index=False)
    return found


def _events(name: str, work: Path, data: Path) -> tuple[pd.DataFrame, list[str], dict[str, int]]:
    """A data set through this project: imported or simulated, profiled and labelled."""
    if not (work / "data" / "raw" / name).exists():
        command = ["simulate"] if name == "simulated" else ["import", name, "--from", str(data / name)]
        subprocess.run([sys.executable, "-m", "credit_eval", "--root", str(work), "--quiet", *command], check=True)
    sample = ce.open(name, root=work, policy="default").sample()
    rows, features = sample.frame, sample.profiles.catalogue.features
    if sample.split.kind == "time":
        rows = rows[rows["part"] != "gap"].reset_index(drop=True)
        fold = np.where(rows["part"] == "oot", 0, -1)
    else:
        fold = _folds(rows)
    kept = rows[["customer_id", "as_of", "defaulted", *(feature.name for feature in features)]].assign(held_out=fold)
    if name == "simulated":
        rows[["customer_id", "as_of"]].to_parquet(work / "samples" / "simulated-keys.parquet", index=False)
    categories = [feature.name for feature in features if feature.value_type == "category"]
    return kept.drop(columns="as_of"), categories, {feature.name: feature.direction for feature in features}


def _flat(data: Path) -> tuple[pd.DataFrame, list[str], dict[str, int]]:
    """Taiwan's file as it is: a row a client, sex left out."""
    frame = pd.read_csv(next((data / "taiwan").glob("*.csv")))
    frame = frame.rename(columns={"ID": "customer_id", _FLAT_LABEL: "defaulted"}).drop(columns=_FLAT_GROUP)
    frame = frame.astype({"customer_id": str})
    named = ["EDUCATION", "MARRIAGE"]
    frame[named] = frame[named].astype(str)
    numbers = [name for name in frame if name not in ("customer_id", "defaulted", *named)]
    frame[numbers] = frame[numbers].astype(float)
    return frame.assign(held_out=_folds(frame)), named, {}


def _folds(rows: pd.DataFrame) -> np.ndarray:
    return customer_folds(rows["customer_id"], rows["defaulted"], folds=3 if len(rows) > 20_000 else 5, seed=0)


def measured(program: str, one: Asked, work: Path, seconds: float) -> dict[str, object]:
    """What a program says of the judged rows, and what that cost."""
    out = one.folder / f"{program}.parquet"
    script = "ours" if program in ("ours", "logistic") else f"by_{program}"
    command = [
        python(program, ENVIRONMENTS, work, CONSOLE.print),
        str(PEERS / f"{script}.py"),
        str(one.sample),
        str(one.told),
        str(out),
    ]
    command += [program] if script == "ours" else []
    told = {"SECONDS_A_FOLD": str(seconds), "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, env=os.environ | told, capture_output=True, text=True, check=False)
    if done.returncode:
        CONSOLE.print(f"[bold]{NAMES[program]} failed on {one.name}:[/] {done.stderr.strip().splitlines()[-1]}")
        return {"program": program}
    return {"program": program, "p": pd.read_parquet(out)} | json.loads(out.with_suffix(".json").read_text())


def show(one: Asked, found: list[dict[str, object]], work: Path) -> None:
    """A table of a data set, a row per program."""
    told = pd.read_parquet(one.sample, columns=["customer_id", "defaulted", "held_out"])
    rows = told[told["held_out"] >= 0]
    n, bads = len(rows), int(rows["defaulted"].sum())
    title = f"{one.name}: {n:,} judged rows, {bads:,} bads, {rows['held_out'].nunique()} fold(s)"
    table = Table(title=title, title_justify="left")
    for head in ("", "AUC", "over it", "KS", "Brier", "log loss", "CPU s", "µs a row"):
        table.add_column(head, justify="left" if not head else "right")
    done = [each for each in found if "p" in each]
    ours = _told(done[0], rows)
    y, customers = rows["defaulted"].to_numpy(), rows["customer_id"]
    for each in done:
        p = _told(each, rows)
        gain = auc_difference(y, ours, p, groups=customers)
        over = "" if each["program"] == "ours" else f"{gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]"
        numbers = (f"{auc(y, p):.4f}", over, f"{ks(y, p):.4f}", f"{brier(y, p):.5f}", f"{log_loss(y, p):.5f}")
        table.add_row(NAMES[str(each["program"])], *numbers, f"{each['cpu']:.1f}", f"{each['us_per_row']:.1f}")
    CONSOLE.print(table)
    if one.name == "simulated":
        _beside_the_truth(rows, done, work)


def _told(each: dict[str, object], rows: pd.DataFrame) -> np.ndarray:
    return each["p"].set_index("row")["p_default"].reindex(rows.index).to_numpy()


def _beside_the_truth(rows: pd.DataFrame, done: list[dict[str, object]], work: Path) -> None:
    true = _true(work)
    true = true.loc[rows.index]
    table = Table(title="beside the true probability", title_justify="left")
    for head in ("", "of the best Gini", "calibration error", "said where it says more than 0.3"):
        table.add_column(head, justify="left" if not head else "right")
    known = true.notna().to_numpy()
    p_true = true.to_numpy()[known]
    best = _expected_gini(p_true, p_true)
    for each in done:
        p = _told(each, rows)[known]
        tenths = pd.qcut(p, 10, duplicates="drop", labels=False)
        apart = pd.DataFrame({"t": tenths, "p": p, "true": p_true}).groupby("t")[["p", "true"]].agg(["mean", "size"])
        error = np.average((apart["p"]["mean"] - apart["true"]["mean"]).abs(), weights=apart["p"]["size"])
        risky = p > 0.3
        said = f"{p[risky].mean():.4f}, true {p_true[risky].mean():.4f}" if risky.any() else "nothing"
        bias = f"{said} ({risky.sum():,} rows)"
        table.add_row(NAMES[str(each["program"])], f"{_expected_gini(p_true, p) / best:.1%}", f"{error:.4f}", bias)
    CONSOLE.print(table)


def _expected_gini(p_true: np.ndarray, score: np.ndarray) -> float:
    """Gini of a score were every row a bad with its true probability and a good with the rest."""
    y, weight = np.repeat([1, 0], p_true.size), np.append(p_true, 1 - p_true)
    from sklearn.metrics import roc_auc_score

    return 2 * roc_auc_score(y, np.tile(score, 2), sample_weight=weight) - 1


def _true(work: Path) -> pd.Series:
    """The simulator's own probability of each row of the simulated sample, NaN where it does not say."""
    keys = pd.read_parquet(work / "samples" / "simulated-keys.parquet")
    truth = pd.read_parquet(work / "data" / "truth" / "simulated" / "true_pd.parquet")
    return keys.merge(truth, on=["customer_id", "as_of"], how="left")["true_p_default"]


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("CREDIT_EVAL_DATA", PROJECT / "../shared/data"))
    )
    parser.add_argument("--only", default=",".join(DATA_SETS))
    parser.add_argument("--programs", default=",".join(PROGRAMS))
    parser.add_argument("--seconds", type=float, default=10.0, help="of the AutoML a fold")
    parser.add_argument("--work", type=Path, default=PROJECT / "data" / "bench-models")
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    for name in chosen.only.split(","):
        if name != "simulated" and not (chosen.data / name.removesuffix("-flat")).exists():
            CONSOLE.print(f"no {name} in {chosen.data}: left out (--data says where the files are)")
            continue
        one = asked(name, chosen.work, chosen.data)
        show(
            one, [measured(each, one, chosen.work, chosen.seconds) for each in chosen.programs.split(",")], chosen.work
        )


if __name__ == "__main__":
    main()
