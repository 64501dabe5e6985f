"""Contributions beside LightGBM's and woodelf's own, and what a record, a batch's seal and a proof cost.

    make bench-explain                  [ROWS=1000000]

Two models, each asked in three interleaved rounds: the demo's champion on the demo's profiles, repeated to so many
rows, and 300 trees of 31 leaves on made-up numbers. `pred_contrib` is what `shap.TreeExplainer` calls, on as many rows
as it does in some seconds; the floor is LightGBM's plain prediction. woodelf refuses categories, so it is asked of the
second alone. Values are compared first. Then a million decisions are made records and sealed, and some are proved.
Nothing is asserted.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from woodelf import WoodelfExplainer

from credit_eval.explain.contributions import contributions
from credit_eval.explain.forest import Forest
from credit_eval.models.registry import load_champion
from credit_eval.profiles.store import open_profiles
from credit_eval.scoring.records import leaf_hashes, prove_record, write_tree

ROOT = Path(__file__).parents[1]
ROUNDS, FEW_SECONDS = 3, 3.0


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def silently(work: Callable[[], Any]) -> Any:
    """What it gives, without its progress."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        return work()


def champion(rows: int) -> tuple[lgb.Booster, np.ndarray]:
    """The demo's champion, and its profiles as often as it takes."""
    model, _ = load_champion(ROOT / "models", "simulated")
    folders = sorted((ROOT / "data/profiles/simulated").glob("as_of=*"))
    if not folders:
        raise SystemExit("no profiles of the demo: run `make` first")
    matrix = model.matrix(open_profiles(folders[-1]).frame())
    return model.booster, np.resize(matrix, (rows, matrix.shape[1]))


def made_up(rows: int) -> tuple[lgb.Booster, np.ndarray]:
    """300 trees of 31 leaves over 155 features, a fifth of whose values is unknown."""
    rng, fitted = np.random.default_rng(0), 40_000
    matrix = rng.normal(size=(fitted, 155))
    matrix[:, ::3] = np.round(np.abs(4 * matrix[:, ::3]))
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    label = np.nansum(matrix[:, :60] * rng.normal(size=60), axis=1) / 8 + rng.normal(size=fitted) > 0
    settings = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.05, "feature_fraction": 0.5, "verbose": -1}
    booster = lgb.train(settings, lgb.Dataset(matrix, label.astype(int)), num_boost_round=300)
    return booster, np.resize(matrix, (rows, matrix.shape[1]))


def has_categories(booster: lgb.Booster) -> bool:
    """Whether a tree splits by categories."""
    return any("num_cat=" in line and line != "num_cat=0" for line in booster.model_to_string().splitlines())


def compare(name: str, booster: lgb.Booster, matrix: np.ndarray) -> None:
    """Rows a second of each way, and by how much they differ."""
    few = matrix[: min(len(matrix), 2_000)]
    slow = FEW_SECONDS / seconds(lambda: booster.predict(few, pred_contrib=True)) * len(few)
    some = matrix[: max(2_000, min(len(matrix), int(slow)))]
    frame = pd.DataFrame(some)
    tables = Forest(booster.model_to_string(), matrix.shape[1])
    ways: dict[str, tuple[int, Callable[[], Any]]] = {
        "ours": (len(matrix), lambda: tables.shapley(matrix)),
        "ours, with tables and checks": (len(matrix), lambda: contributions(booster, matrix)),
        "plain prediction": (len(matrix), lambda: booster.predict(matrix, raw_score=True)),
        "pred_contrib (shap)": (len(some), lambda: booster.predict(some, pred_contrib=True)),
    }
    if not has_categories(booster):
        ways["woodelf"] = len(some), lambda: silently(lambda: WoodelfExplainer(booster).shap_values(frame))
    oracle = booster.predict(few, pred_contrib=True)[:, :-1]
    apart = np.abs(tables.shapley(few) - oracle).max()
    made = seconds(lambda: Forest(booster.model_to_string(), matrix.shape[1]))
    print(f"\n{name}: {len(matrix):,} rows, {matrix.shape[1]} features; {tables}, made in {made:.2f} s")
    print(f"largest difference from LightGBM on {len(few):,} rows: {apart:.1e} log-odds")
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, (rows, work) in ways.items():
            found[way].append(rows / seconds(work))
    base = statistics.median(found["pred_contrib (shap)"])
    for way, speeds in found.items():
        told = statistics.median(speeds)
        print(f"{way:<30}{told:>12,.0f} rows/s{told / base:>8.1f} × pred_contrib   ({ways[way][0]:,} rows at once)")


def records(rows: int) -> None:
    """What it takes to seal a batch, and to prove one decision of it."""
    scored = sorted((ROOT / "data/scored/simulated").glob("as_of=*"))[-1]
    one = pa.concat_tables(pq.read_table(part) for part in sorted(scored.glob("part-*.parquet")))
    table = pa.concat_tables([one] * -(-rows // len(one))).slice(0, rows)
    leaves: list[bytes] = []
    with tempfile.TemporaryDirectory() as place:
        folder, parts = Path(place), [Path(place) / "part-00000.parquet"]
        pq.write_table(table, parts[0], row_group_size=16_384)
        sealing = seconds(lambda: leaves.extend(leaf_hashes(table)))
        tree: dict[str, Any] = {}
        sealing += seconds(lambda: tree.update(write_tree(folder, leaves)))
        places = np.random.default_rng(0).integers(0, rows, 20)
        proofs = [seconds(partial(prove_record, folder, parts, tree, int(at), "bench")) for at in places]
    proof = statistics.median(proofs) * 1000
    print(f"\nrecords: {rows:,} sealed in {sealing:.1f} s by one process; a proof in {proof:.0f} ms")
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


def main() -> None:
    """Both models, then the records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    compare("the demo's champion", *champion(rows))
    compare("300 trees × 31 leaves", *made_up(max(rows // 5, 2_000)))
    records(rows)


if __name__ == "__main__":
    main()
