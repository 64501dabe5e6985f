"""This project's training, as `credit-eval train` does it before it judges; and the logistic regression beside it."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from folds import THREADS, measured

from credit_eval.models.training import TrainingSettings, train
from credit_eval.models.validation import logistic_regression

WHICH = sys.argv.pop(4)
DIRECTIONS = json.loads(Path(sys.argv[2]).read_text())["directions"]


@dataclass(frozen=True)
class Told:
    name: str
    value_type: str
    direction: int


def features(X, categories):
    return [Told(n, "category" if n in categories else "number", DIRECTIONS.get(n, 0)) for n in X]


def fit(X, y, groups, categories):
    taught = pd.concat([pd.DataFrame({"customer_id": groups, "defaulted": y}, index=X.index), X], axis=1)
    if WHICH == "logistic":
        known = [each for each in features(X, categories) if X[each.name].notna().any()]
        line = logistic_regression(known, ranks=True).fit(X, y)
        return lambda seen: line.predict_proba(seen)[:, 1]
    return train(taught, features(X, categories), TrainingSettings(threads=THREADS)).p_default


measured(fit)
