"""FLAML, an AutoML: searches LightGBM, XGBoost, forests and linear models for so many seconds a fold."""

import os

from folds import THREADS, measured


def fit(X, y, groups, categories):
    from flaml import AutoML

    known = {name: X[name].unique() for name in categories}

    def typed(frame):
        return frame.assign(**{name: frame[name].astype("category").cat.set_categories(known[name]) for name in known})

    search = AutoML()
    search.fit(
        typed(X), y, task="classification", metric="roc_auc", time_budget=float(os.environ["SECONDS_A_FOLD"]), seed=0,
        n_jobs=THREADS, verbose=0, split_type="group", groups=groups, eval_method="cv", n_splits=3,
        estimator_list=["lgbm", "xgboost", "rf", "extra_tree", "lrl1"],
    )  # fmt: skip
    return lambda seen: search.predict_proba(typed(seen))[:, 1]


measured(fit)
