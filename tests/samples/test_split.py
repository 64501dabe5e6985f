import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_eval.core.errors import SampleError
from credit_eval.samples.split import (
    check_labels,
    choose_split,
    customer_folds,
    split_by_time,
)

WINDOW = 120


def monthly(customers=500, months=12, rate=0.2, seed=0):
    as_ofs = pd.date_range("2025-01-01", periods=months, freq="MS", unit="us")
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i:04}" for i in range(customers)], months),
            "as_of": np.tile(as_ofs, customers),
        }
    )
    frame["label_known_at"] = frame["as_of"] + pd.Timedelta(days=WINDOW)
    return frame.assign(defaulted=(np.random.default_rng(seed).random(len(frame)) < rate).astype("int8"))


def test_windows_of_development_end_before_the_first_oot_date():
    split = split_by_time(monthly(), window_days=WINDOW)
    dates = split.groupby("part")["as_of"].agg(["min", "max"])
    assert dates.loc["oot", "min"] == pd.Timestamp("2025-11-01")
    assert dates.loc["fit", "max"] + pd.Timedelta(days=120) <= dates.loc["oot", "min"]
    assert dates.loc["gap", "min"] == pd.Timestamp("2025-08-01")
    assert len(split) == len(monthly())


def test_labels_not_known_by_the_first_oot_date_teach_nothing():
    frame = monthly()
    first_oot, moment = pd.Timestamp("2025-11-01"), pd.Timedelta(microseconds=1)
    late, just, unknown = frame.index[frame["as_of"] == "2025-03-01"][:3]
    frame.loc[late, "label_known_at"] = first_oot + moment
    frame.loc[just, "label_known_at"] = first_oot
    frame.loc[unknown, "label_known_at"] = pd.NaT
    part = split_by_time(frame, window_days=WINDOW)["part"]
    assert part[[late, unknown]].tolist() == ["gap", "gap"]
    assert part[just] == "fit"
    before = split_by_time(monthly(), window_days=WINDOW)["part"]
    assert part.drop([late, unknown]).equals(before.drop([late, unknown]))


def test_labels_all_known_too_late_leave_nothing_to_learn_from_out_of_time():
    split = choose_split(monthly().assign(label_known_at=pd.Timestamp("2026-06-01")), window_days=WINDOW)
    assert split.kind == "grouped"
    assert "labels be known" in split.why


def test_a_month_of_dates_of_ones_own_is_one_snapshot():
    frame = monthly(months=8)
    frame["as_of"] += pd.to_timedelta(np.arange(len(frame)) % 28, unit="D").as_unit("us")
    oot = split_by_time(frame, window_days=30).query("part == 'oot'")["as_of"]
    assert set(oot.dt.month) == {7, 8}


def test_enough_time_is_split_by_time_and_says_so():
    split = choose_split(monthly(), window_days=WINDOW)
    assert split.kind == "time"
    assert "2025-11-01 to 2025-12-01" in split.why
    assert "observed 120 days or more before: its windows had ended" in split.why


@pytest.mark.parametrize("frame", [monthly(months=1), monthly(months=5), monthly(customers=60, months=9, rate=0.1)])
def test_too_little_time_or_too_few_bads_are_grouped_and_say_why(frame):
    split = choose_split(frame, window_days=WINDOW)
    assert split.kind == "grouped"
    assert split.why.startswith("Not judged out of time")
    assert set(split.frame["part"]) == {"fit"}


def test_fifty_bads_are_needed_to_learn_from_and_ten_to_judge_by():
    frame = monthly().assign(defaulted=0)
    parts = split_by_time(frame, window_days=WINDOW)["part"]
    for part, enough in (("fit", 50), ("oot", 10)):
        for n, kind in ((enough, "time"), (enough - 1, "grouped")):
            bad = frame.assign(defaulted=0)
            for other, all_ in (("fit", 60), ("oot", 60)):
                rows = parts.index[parts == other][: n if other == part else all_]
                bad.loc[rows, "defaulted"] = 1
            assert choose_split(bad, window_days=WINDOW).kind == kind


@pytest.mark.parametrize(("bads", "what"), [(0, "one class"), (9, "too few"), (92, "too few"), (100, "one class")])
def test_labels_that_teach_nothing_are_refused(bads, what):
    frame = pd.DataFrame({"defaulted": [1] * bads + [0] * (100 - bads)})
    with pytest.raises(SampleError, match=what) as error:
        check_labels(frame["defaulted"])
    assert error.value.exit_code == 14


@given(st.integers(2, 5), st.integers(0, 1000), st.integers(1, 3))
def test_folds_keep_customers_whole_and_bads_even(folds, seed, rows_each):
    customers = np.repeat([f"c{i}" for i in range(60)], rows_each)
    bad = np.isin(customers, [f"c{i}" for i in range(0, 60, 4)])
    fold = customer_folds(customers, bad, folds=folds, seed=seed)
    where = pd.DataFrame({"customer": customers, "fold": fold, "bad": bad})
    assert (where.groupby("customer")["fold"].nunique() == 1).all()
    bads_per_fold = where.groupby("fold")["bad"].sum() / rows_each
    assert bads_per_fold.max() - bads_per_fold.min() <= 1
    order = np.random.default_rng(seed).permutation(customers.size)
    assert (customer_folds(customers[order], bad[order], folds=folds, seed=seed) == fold[order]).all()


def test_fewer_bad_customers_than_folds_are_refused():
    with pytest.raises(SampleError, match="too few customers"):
        customer_folds(["a", "b", "c", "d"], [1, 0, 0, 0], folds=2, seed=0)
