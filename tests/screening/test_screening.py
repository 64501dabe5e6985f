"""The table an analyst reads before training: honest, complete, and what it recommends to keep."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from credit_eval.core.errors import SampleError
from credit_eval.samples.split import choose_split
from credit_eval.screening.correlation import rank_correlation
from credit_eval.screening.stability import psi_by_month
from credit_eval.screening.table import screen, select

MONTHS = 9


@dataclass(frozen=True)
class Declared:
    """The part of a feature's declaration that screening looks at."""

    name: str
    value_type: str = "number"
    direction: int = 0
    dimension: str = "credit_history"
    tables: frozenset[str] = frozenset({"orders"})


FEATURES = (
    Declared("late", direction=+1, tables=frozenset({"repayments"})),
    Declared("late_again", direction=+1),
    Declared("late_nearly"),
    Declared("spending", direction=-1, tables=frozenset({"orders", "payments"})),
    Declared("spending_said_wrongly", direction=+1),
    Declared("noise", direction=+1),
    Declared("always_one"),
    Declared("never_known"),
    Declared("rarely_known"),
    Declared("outcome"),
    Declared("paid_after"),
    Declared("far_from_zero"),
    Declared("drifting"),
    Declared("region", "category"),
)


def sample(customers=800, seed=0):
    """A split sample: risk rises with `late` and falls with `spending`; some columns know the outcome."""
    rng = np.random.default_rng(seed)
    n = customers * MONTHS
    late, spending = rng.gamma(1.5, 4, n), rng.lognormal(4, 1, n)
    region = rng.choice(["north", "south", "east"], n)
    raw = -2 + 0.12 * late - 0.4 * (np.log(spending) - 4) + 0.6 * (region == "south")
    bad = rng.random(n) < 1 / (1 + np.exp(-raw))
    month = np.tile(np.arange(MONTHS), customers)
    as_of = pd.date_range("2025-01-01", periods=MONTHS, freq="MS", unit="us")
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i:04}" for i in range(customers)], MONTHS),
            "as_of": as_of[month],
            "late": late,
            "late_again": late,
            "late_nearly": late + rng.normal(size=n) * 0.05,
            "spending": np.where(rng.random(n) < 0.1, np.nan, spending),
            "spending_said_wrongly": spending + rng.normal(size=n),
            "noise": rng.normal(size=n),
            "always_one": 1.0,
            "never_known": np.nan,
            "rarely_known": np.where(rng.random(n) < 0.01, late, np.nan),
            "outcome": bad + 0.1 * rng.normal(size=n),
            "paid_after": np.where(bad, np.nan, rng.normal(size=n)),
            "far_from_zero": rng.normal(size=n) + np.where(bad, rng.choice([-9, 9], n), 0),
            "drifting": rng.normal(size=n) + 0.2 * month,
            "region": np.where(rng.random(n) < 0.1, None, region),
            "defaulted": bad.astype("int8"),
        }
    )
    frame["label_known_at"] = frame["as_of"] + pd.Timedelta(days=90)
    return choose_split(frame, window_days=90).frame


SAMPLE = sample()
TABLE = screen(SAMPLE, FEATURES)
FIT = SAMPLE[SAMPLE["part"] == "fit"]


def test_one_row_a_feature_in_the_order_declared():
    assert list(TABLE.index) == [feature.name for feature in FEATURES]
    assert TABLE.index.name == "feature"
    assert TABLE["family"]["spending"] == "orders + payments"


def test_what_is_said_of_a_column_is_true_of_the_rows_that_fit():
    for feature in FEATURES:
        row, values = TABLE.loc[feature.name], FIT[feature.name]
        assert row["missing"] == pytest.approx(values.isna().mean())
        assert row["distinct"] == values.nunique()
        assert row["constant"] == (values.nunique(dropna=False) == 1)


def test_auc_agrees_with_a_second_implementation_and_is_folded():
    for name, riskier in (("late", "higher"), ("spending", "lower"), ("drifting", None)):
        known = FIT[FIT[name].notna()]
        plain = roc_auc_score(known["defaulted"], known[name])
        row = TABLE.loc[name]
        assert row["auc"] == pytest.approx(max(plain, 1 - plain))
        assert row["auc_low"] < row["auc"] < row["auc_high"]
        assert row["riskier"] == (riskier or ("higher" if plain > 0.5 else "lower"))


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("late", "yes"),
        ("spending", "yes"),
        ("spending_said_wrongly", "no"),
        ("noise", "unclear"),
        ("late_nearly", "not claimed"),
        ("region", "not claimed"),
    ],
)
def test_the_declared_direction_is_held_against_the_data(name, held):
    assert TABLE["direction_held"][name] == held


def test_duplicates_name_the_first_of_their_kind():
    assert TABLE["duplicate_of"].dropna().to_dict() == {"late_again": "late"}


def test_clusters_share_a_number_and_their_highest_iv_stands_for_them():
    together = ["late", "late_again", "late_nearly"]
    assert TABLE["cluster"].to_dict() == {name: int(name in together) for name in TABLE.index}
    best = TABLE["iv"][together].idxmax()
    assert set(TABLE["represented_by"][together]) == {best}
    assert TABLE["represented_by"]["noise"] == "noise"


def test_a_feature_that_knows_the_outcome_raises_the_alarm_in_whatever_way_it_tells():
    telling = ["outcome", "paid_after", "far_from_zero"]  # by its value, by being unknown, by both ends
    assert TABLE["alarm"].dropna().to_dict() == dict.fromkeys(telling, "too good alone")
    assert TABLE["auc_high"]["far_from_zero"] < 0.95
    assert TABLE["iv_strength"]["outcome"] == "to be checked"


def test_a_rank_of_luck_among_few_is_no_alarm():
    rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(20)], "defaulted": [0, 1] * 10, "part": "fit"})
    rows = rows.assign(as_of=pd.Timestamp("2026-01-01"), lucky=rows["defaulted"] * 1.0)
    found = screen(rows, [Declared("lucky")]).loc["lucky"]
    assert found["auc"] == 1
    assert found["auc_low"] < 0.95
    assert found["alarm"] is None
    assert np.isnan(found["psi"])
    assert found["psi_month"] is pd.NaT


def test_stability_is_over_all_months_and_the_worst_is_named():
    by_month = psi_by_month(SAMPLE, FEATURES)
    assert by_month.shape == (len(FEATURES), MONTHS - 1)
    pd.testing.assert_series_equal(by_month.max(axis=1), TABLE["psi"], check_names=False)
    assert TABLE["psi"].idxmax() == "drifting"
    assert TABLE["psi_month"]["drifting"] == pd.Period("2025-09", "M")
    assert TABLE["psi"]["noise"] < 3 * TABLE["psi_by_chance"]["noise"]


def test_only_the_rows_that_fit_are_asked_and_for_psi_no_label():
    others = SAMPLE["part"] != "fit"
    changed = SAMPLE.copy()
    changed.loc[others, "defaulted"] = 1 - changed.loc[others, "defaulted"]
    pd.testing.assert_frame_equal(screen(changed, FEATURES), TABLE)
    changed.loc[others, "noise"] = 7.0
    found = screen(changed, FEATURES)
    over_time = ["psi", "psi_month", "psi_by_chance"]
    pd.testing.assert_frame_equal(found.drop(columns=over_time), TABLE.drop(columns=over_time))
    assert found["psi"]["noise"] > 1
    relabelled = SAMPLE.assign(defaulted=np.random.default_rng(1).permutation(SAMPLE["defaulted"]))
    pd.testing.assert_frame_equal(screen(relabelled, FEATURES)[over_time], TABLE[over_time])


def test_the_order_of_rows_and_the_threads_change_nothing():
    shuffled = SAMPLE.sample(frac=1, random_state=1)
    found = screen(shuffled, FEATURES)
    exact = [name for name in TABLE if name not in ("auc", "auc_low", "auc_high", "iv")]
    pd.testing.assert_frame_equal(found[exact], TABLE[exact])
    pd.testing.assert_frame_equal(found, TABLE, rtol=1e-9)
    pd.testing.assert_frame_equal(screen(SAMPLE, FEATURES), TABLE, check_exact=True)


def test_correlations_are_those_the_clusters_come_from():
    found = rank_correlation(FIT, FEATURES)
    assert "region" not in found
    assert found.loc["late", "late_again"] == pytest.approx(1)
    assert found.loc["late", "late_nearly"] > 0.95


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop(columns="noise"), "no noise"),
        (lambda f: f.drop(columns="part"), "no part"),
        (lambda f: f.assign(noise=np.inf), "noise holds infinite numbers"),
        (lambda f: f.assign(defaulted=0), "one class only"),
        (lambda f: f.assign(part="oot"), "one class only"),
    ],
)
def test_a_sample_that_cannot_be_screened_is_refused(change, said):
    with pytest.raises(SampleError, match=said):
        screen(change(SAMPLE), FEATURES)


def test_nothing_to_screen_is_refused():
    with pytest.raises(SampleError, match="nothing to screen"):
        screen(SAMPLE, [])


def test_what_was_not_checked_for_moving_is_not_said_to_stay():
    table = screen(SAMPLE, FEATURES[:2], moved=pd.Series({"late": 0}))
    assert table["moved_rows"]["late"] == 0
    assert pd.isna(table["moved_rows"]["late_again"])


# What to keep -----------------------------------------------------------------------------------------------


def test_each_feature_is_kept_or_dropped_for_a_reason():
    chosen = select(TABLE)
    best = TABLE["iv"][["late", "late_nearly"]].idxmax()
    other = {"late": "late_nearly", "late_nearly": "late"}[best]
    spendings = ["spending", "spending_said_wrongly"]  # alike, but known for different rows
    assert chosen.kept == [best, *spendings, "noise", "drifting", "region"]
    assert (
        chosen.dropped.items()
        >= {
            "late_again": "the same values as late",
            other: f"outdone in its cluster by {best}",
            "always_one": "constant",
            "never_known": "constant",
            "outcome": "alarm: too good alone",
            "paid_after": "alarm: too good alone",
        }.items()
    )
    assert chosen.dropped["rarely_known"].startswith("unknown for 9")
    assert sorted([*chosen.kept, *chosen.dropped]) == sorted(TABLE.index)


def test_what_moves_after_as_of_is_dropped_and_stands_for_nobody():
    moved = pd.Series(0, index=TABLE.index)
    moved["late"] = 3
    moved["outcome"] = 5
    table = screen(SAMPLE, FEATURES, moved=moved)
    assert table["moved_rows"].sum() == 8
    assert table["alarm"]["late"] == "moves after as_of"
    assert table["alarm"]["outcome"] == "moves after as_of; too good alone"
    assert table["alarm"]["noise"] is None
    assert TABLE["moved_rows"].isna().all()
    chosen = select(table)
    assert chosen.dropped["late"] == "alarm: moves after as_of"
    assert len({"late_again", "late_nearly"} & set(chosen.kept)) == 1


@st.composite
def tables(draw):
    """Features of up to six kinds; those of a kind are duplicates, two kinds share a cluster."""
    row = st.tuples(
        st.integers(0, 5),
        st.sampled_from([None, None, "too good alone"]),
        st.sampled_from([False, False, True]),
        st.sampled_from([0.0, 0.95, 0.99]),
    )
    table = pd.DataFrame(draw(st.lists(row, min_size=1, max_size=12)), columns=["kind", "alarm", "constant", "missing"])
    table.index = [f"f{place}" for place in table.index]
    first = table.index.to_series().groupby(table["kind"]).transform("first")
    table["duplicate_of"] = first.where(first != table.index)
    table["cluster"] = table["kind"] // 2
    table["iv"] = table["kind"].map(dict(enumerate(draw(st.lists(st.floats(0, 1), min_size=6, max_size=6)))))
    return table


@settings(max_examples=60)
@given(tables())
def test_whatever_the_table_one_of_each_sort_is_kept(table):
    chosen = select(table)
    assert sorted([*chosen.kept, *chosen.dropped]) == sorted(table.index)
    kept = table.loc[chosen.kept]
    fit = table[table["alarm"].isna() & ~table["constant"] & (table["missing"] <= 0.95)]
    assert set(kept.index) <= set(fit.index)
    assert not kept["kind"].duplicated().any()
    assert not kept["cluster"][kept["cluster"] > 0].duplicated().any()
    for name in set(fit.index) - set(kept.index):
        reason, other = chosen.dropped[name].rsplit(" ", 1)
        if reason == "the same values as":
            assert table["kind"][name] == table["kind"][other]
            assert table.index.get_loc(other) < table.index.get_loc(name)
        else:
            assert other in kept.index
            assert table["cluster"][name] == table["cluster"][other] > 0
            assert table["iv"][name] <= table["iv"][other]
