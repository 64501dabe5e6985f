"""A WoE scorecard by optbinning: monotone bins, features of an information value above 0.02, logistic regression."""

from folds import THREADS, measured


def fit(X, y, groups, categories):
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    usable = [name for name in X if X[name].nunique() > 1]
    bins = BinningProcess(
        usable,
        categorical_variables=[name for name in categories if name in usable],
        selection_criteria={"iv": {"min": 0.02, "strategy": "highest", "top": 60}},
        n_jobs=THREADS,
    )
    card = Scorecard(binning_process=bins, estimator=LogisticRegression(C=1.0, max_iter=1000), scaling_method=None).fit(
        X[usable], y, metric_missing="empirical", metric_special="empirical"
    )
    return lambda seen: card.predict_proba(seen[usable])[:, 1]


measured(fit)
