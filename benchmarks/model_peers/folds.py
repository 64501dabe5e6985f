"""What a program of this folder reads and writes. Nothing of the project is imported: peers run in other environments.

    python by_X.py SAMPLE.parquet ASKED.json OUT.parquet

SAMPLE: customer_id, defaulted, held_out (the fold in which a row is judged, -1: it only teaches) and the features.
ASKED: the categories among them. OUT: a row per judged row, in the order of folds: row, p_default. Beside it OUT.json:
CPU seconds of fitting (of all threads and child processes), and microseconds a row of predicting (the faster of two).
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

THREADS = 2


def cpu() -> float:
    """CPU seconds of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measured(fit) -> None:
    """Fit on each fold's other rows, predict its own; `fit(X, y, groups, categories)` returns X -> probabilities."""
    warnings.filterwarnings("ignore")
    source, asked, out = map(Path, sys.argv[1:4])
    sample, told = pd.read_parquet(source), json.loads(asked.read_text())
    features = [name for name in sample if name not in ("customer_id", "defaulted", "held_out")]
    categories = told["categories"]
    sample[categories] = sample[categories].astype(object).where(sample[categories].notna(), "unknown").astype(str)
    parts, fitting, predicting, judged = [], 0.0, 0.0, 0
    for fold in sorted(set(sample["held_out"]) - {-1}):
        here = sample["held_out"] == fold
        learnt, seen = sample[~here], sample.loc[here, features]
        started = cpu()
        predict = fit(learnt[features], learnt["defaulted"].to_numpy(), learnt["customer_id"].to_numpy(), categories)
        fitting += cpu() - started
        spent = []
        for _ in range(2):
            started = time.perf_counter()
            p = predict(seen)
            spent.append(time.perf_counter() - started)
        predicting, judged = predicting + min(spent), judged + len(seen)
        parts.append(pd.DataFrame({"row": np.flatnonzero(here), "p_default": np.clip(p, 1e-6, 1 - 1e-6)}))
    pd.concat(parts).to_parquet(out)
    out.with_suffix(".json").write_text(json.dumps({"cpu": fitting, "us_per_row": 1e6 * predicting / judged}))
