"""CatBoost as it comes: 1,000 trees, ordered boosting."""

from folds import THREADS, measured


def fit(X, y, groups, categories):
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(thread_count=THREADS, verbose=0, allow_writing_files=False, random_seed=0)
    model.fit(X, y, cat_features=categories)
    return lambda seen: model.predict_proba(seen)[:, 1]


measured(fit)
