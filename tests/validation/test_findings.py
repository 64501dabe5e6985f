"""Every figure of a validation against a second implementation, or against a truth that was put into the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lending_sample import lending_sample
from scipy.integrate import quad
from scipy.stats import beta as beta_law
from scored_run import RECORD
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from validation_subject import ASKED, SETTINGS, Asked, of, subject, truth

from credit_eval.core.errors import IntegrityError
from credit_eval.models.model import CreditModel, GradeScale
from credit_eval.models.training import TrainingSettings, as_many_trees, train
from credit_eval.validation import directions, fairness, findings, ranking, robustness, stability, told
from credit_eval.validation import truth as probabilities
from credit_eval.validation.subject import Subject, joined

GRADES = GradeScale()


@pytest.fixture(scope="module")
def asked() -> Subject:
    return subject()


def regrown(asked: Subject, seed: int) -> CreditModel:
    grown = as_many_trees(
        asked.development, ASKED, replace(SETTINGS, seed=SETTINGS.seed + seed), asked.judged.booster.num_trees()
    )
    return replace(grown, calibration=asked.judged.calibration)


@pytest.fixture(scope="module")
def found(asked: Subject) -> findings.Findings:
    typical = {"late_days": 4.0, "spending": 55.0, "noise": 0.0, "customers_age": 44.0, "customers_region": "north"}
    return findings.find(asked, lambda seed: regrown(asked, seed), typical)


# Ranking ----------------------------------------------------------------------------------------------------


def test_each_part_is_ranked_as_scikit_learn_ranks_it(asked: Subject, found: findings.Findings) -> None:
    parts = found.parts.set_index("what")
    oot, fit = asked.part("oot"), asked.part("fit")
    assert parts.loc["out of time", "auc"] == pytest.approx(roc_auc_score(oot["defaulted"], oot["p_default"]))
    assert parts.loc["development, out of fold", "auc"] == pytest.approx(
        roc_auc_score(fit["defaulted"], fit["p_default"])
    )
    known, fold = parts.loc["development, by the trees that learnt from it"], parts.loc["development, out of fold"]
    assert known["auc"] > fold["auc"]
    assert found.reproduced == 0.0


def test_months_and_segments_hold_every_row_once(asked: Subject, found: findings.Findings) -> None:
    assert found.months["n"].sum() == len(asked.rows)
    assert found.months["bads"].sum() == asked.rows["defaulted"].sum()
    regions = found.segments[found.segments["what"].str.startswith("customers region")]
    assert regions["n"].sum() == len(asked.judging)


def test_with_and_without_arrears(asked: Subject, found: findings.Findings) -> None:
    rows, late = asked.judging, asked.days_past_due.loc[asked.judging.index]
    quiet = rows[late == 0]
    arrears = found.arrears.set_index("what")
    assert arrears.loc["nothing late", "auc"] == pytest.approx(roc_auc_score(quiet["defaulted"], quiet["p_default"]))
    assert arrears.loc["all", "n"] == len(rows)
    rule = found.rules.set_index("what").loc["30 or more days past due"]
    assert rule["auc"] == pytest.approx(roc_auc_score(rows["defaulted"], late >= 30))
    assert rule["share_of_bads"] == pytest.approx(rows.loc[late >= 30, "defaulted"].sum() / rows["defaulted"].sum())


def test_nobody_late_and_few_rows_leave_what_cannot_be_told_empty(asked: Subject) -> None:
    nobody = replace(asked, days_past_due=pd.Series(0.0, index=asked.rows.index))
    assert ranking.by_arrears(nobody).empty
    assert ranking.beside_plain_rules(nobody).empty
    few = ranking.measured("few", asked.judging.head(12))
    assert np.isnan(few["auc"])  # type: ignore[call-overload]
    assert few["n"] == 12


# Probabilities ----------------------------------------------------------------------------------------------


def test_jeffreys_and_binomial_by_counting_and_by_integration(asked: Subject) -> None:
    table = probabilities.by_grade(asked.judging, GRADES)
    assert table["n"].sum() == len(asked.judging)
    row = table[table["bads"] > 0].iloc[0]
    n, bads, p = int(row["n"]), int(row["bads"]), float(row["predicted"])
    inside, _ = quad(lambda x: beta_law.pdf(x, bads + 0.5, n - bads + 0.5), 0, p)
    assert row["jeffreys"] == pytest.approx(inside, abs=1e-6)
    rng = np.random.default_rng(0)
    drawn = (rng.binomial(n, p, 200_000) >= bads).mean()
    assert row["binomial"] == pytest.approx(drawn, abs=0.005)


def test_a_grade_without_defaults_or_without_rows_is_told() -> None:
    rows = pd.DataFrame({"customer_id": list("abcd"), "defaulted": 0, "p_default": [0.001, 0.002, 0.3, 0.9]})
    table = probabilities.by_grade(rows, GRADES).set_index("grade")
    assert table.loc["A", ["n", "bads", "rate"]].tolist() == [2, 0, 0.0]
    assert table.loc["A", "rate_high"] > 0
    assert table.loc["A", "holds"]
    assert table.loc["B", "n"] == 0
    assert np.isnan(table.loc["B", "jeffreys"])


def test_true_probabilities_hold_in_every_grade_and_wrong_ones_do_not() -> None:
    rng = np.random.default_rng(4)
    p = rng.beta(0.8, 9, 40_000)
    rows = pd.DataFrame(
        {"customer_id": np.arange(p.size).astype(str), "p_default": p, "defaulted": rng.random(p.size) < p}
    )
    rows = rows.astype({"defaulted": int})
    right = probabilities.by_grade(rows, GRADES)
    assert right["holds"].dropna().mean() >= 6 / 8
    wrong = probabilities.by_grade(rows.assign(p_default=rows["p_default"] / 2), GRADES)
    assert wrong["holds"].dropna().mean() < 0.4
    assert (wrong.loc[wrong["bads"] > 20, "binomial"] < 0.001).all()
    assert abs(probabilities.overall(rows)["z"]) < 3 < abs(probabilities.overall(rows.assign(p_default=p / 2))["z"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0.001, 0.999), st.integers(0, 1)), min_size=2, max_size=60))
def test_the_brier_score_is_the_sum_of_its_parts(pairs: list[tuple[float, int]]) -> None:
    rows = pd.DataFrame(pairs, columns=["p_default", "defaulted"])
    parts = probabilities.decomposed(rows, GRADES)
    assert parts.score == pytest.approx(brier_score_loss(rows["defaulted"], rows["p_default"], pos_label=1))
    assert parts.reliability >= 0
    assert -1e-12 <= parts.resolution <= parts.uncertainty + 1e-12


def test_within_the_grades_nothing_is_lost_where_each_has_one_probability() -> None:
    rows = pd.DataFrame({"p_default": [0.1] * 10 + [0.4] * 10, "defaulted": [1] + [0] * 9 + [1] * 3 + [0] * 7})
    assert probabilities.decomposed(rows, GRADES).within == pytest.approx(0, abs=1e-15)


def test_other_calibrations_are_those_of_scikit_learn_and_none_beats_the_truth(asked: Subject) -> None:
    fit, oot = asked.development, asked.part("oot")
    table = probabilities.beside_other_calibrations(asked).set_index("what")
    least = 0.5 / len(fit)
    steps = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(
        fit["p_default"], fit["defaulted"]
    )
    expected = log_loss(oot["defaulted"], steps.predict(oot["p_default"]))
    assert table.loc["isotonic", "log_loss"] == pytest.approx(expected)
    assert table.loc["as in use", "gain"] == 0
    assert set(table.index) == {"as in use", "beta", "isotonic", "a sigmoid by arrears"}


def test_a_beta_calibration_mends_what_no_sigmoid_can() -> None:
    rng = np.random.default_rng(1)
    true = rng.beta(1, 5, 30_000)
    bent = true**2 / (true**2 + (1 - true) ** 0.5)
    rows = pd.DataFrame({"customer_id": np.arange(true.size).astype(str), "p_default": bent, "late_days": 0.0})
    rows["defaulted"] = (rng.random(true.size) < true).astype(int)
    rows["part"] = np.where(rows.index < 15_000, "fit", "oot")
    rows["as_of"] = pd.Timestamp("2026-01-01")
    table = probabilities.beside_other_calibrations(of(rows, model_of_nothing())).set_index("what")
    assert table.loc["beta", "gain_low"] > 0
    assert table.loc["beta", "came"] == pytest.approx(1, abs=0.05)


def model_of_nothing() -> CreditModel:
    return train(lending_sample(200), ASKED, TrainingSettings(num_iterations=5, folds=3))


# Stability --------------------------------------------------------------------------------------------------


def test_chance_moves_a_population_as_far_as_the_bound_says() -> None:
    rng = np.random.default_rng(0)
    dates = pd.to_datetime(np.repeat(["2026-01-01", "2026-02-01"], [2_000, 800]))
    beyond = 0
    for _ in range(300):
        table = stability.score_psi(pd.DataFrame({"as_of": dates, "p_default": rng.beta(1, 9, 2_800)}))
        beyond += int(table["psi"].iloc[0] > table["by_chance"].iloc[0])
    assert 4 <= beyond <= 30  # 15 of 300 expected; the edges are those of the first sample


def test_a_population_that_moved_is_seen_and_unknown_is_a_bin(asked: Subject) -> None:
    rows = asked.rows.copy()
    later = rows["part"] == "oot"
    rows.loc[later, "noise"] += 2
    rows.loc[later, "customers_age"] = np.nan
    strong = {name: float(place) for place, name in enumerate(asked.record.importance)}
    ordered = stability.feature_psi(replace(asked, rows=rows, record=replace(asked.record, importance=strong)), top=2)
    assert ordered["importance"].tolist() == [4.0, 3.0]
    table = stability.feature_psi(replace(asked, rows=rows)).set_index("feature")
    assert table.loc["noise", "psi"] > 1 > 0.1 > table.loc["late days", "psi"]
    assert table.loc["customers age", "unknown_now"] == 1.0
    assert table.loc["customers age", "psi"] > 1


def test_migration_counts_customers_of_two_months_running(asked: Subject) -> None:
    rows = asked.judging
    table = stability.migration(rows, GRADES)
    expected = np.zeros((8, 8), dtype=int)
    of_customer: dict[str, dict[pd.Timestamp, str]] = {}
    for row, grade in zip(rows.itertuples(), GRADES.grade(rows["p_default"]), strict=True):
        of_customer.setdefault(row.customer_id, {})[row.as_of] = str(grade)
    for seen in of_customer.values():
        first, second = sorted(seen)
        expected[GRADES.labels.index(seen[first]), GRADES.labels.index(seen[second])] += 1
    assert (table.to_numpy() == expected).all()
    assert sum(stability.stays(table).values()) == pytest.approx(1)


# Robustness -------------------------------------------------------------------------------------------------


def test_a_feed_that_the_model_does_not_need_is_not_missed(found: findings.Findings) -> None:
    feeds = found.feeds.set_index("table")
    assert feeds.loc["repayments", "change_high"] < 0
    assert abs(feeds.loc["browsing", "change"]) < 0.03
    assert feeds["features"].to_dict() == {"browsing": 1, "customers": 2, "orders": 1, "repayments": 1}


def test_other_seeds_are_near_and_the_same_seed_is_the_same(asked: Subject, found: findings.Findings) -> None:
    assert (found.seeds["rank_correlation"] > 0.9).all()
    same = robustness.other_seeds(asked, lambda _: asked.judged, [0])
    assert same[["rank_correlation", "mean_distance", "other_side"]].iloc[0].tolist() == [pytest.approx(1), 0, 0]


def test_harder_times_bring_so_many_times_as_many(found: findings.Findings) -> None:
    first = found.harder.iloc[0]
    assert found.harder["predicted"].to_numpy() == pytest.approx(found.harder["factor"] * first["predicted"])
    assert found.harder["above"].is_monotonic_increasing


# Directions -------------------------------------------------------------------------------------------------


def test_directions_are_proved_where_trees_are_held_to_them_and_disproved_where_not(asked: Subject) -> None:
    wanted = {one.name: one.direction for one in ASKED}
    assert directions.prove(asked.judged, wanted).holds
    assert directions.prove(asked.judged, wanted).splits > 20
    free = train(lending_sample(), ASKED, replace(SETTINGS, monotone=False, lambda_l2=0.0, min_data_in_leaf=20))
    wrong = directions.prove(free, {"noise": +1, "customers_age": -1})
    assert not wrong.holds
    name, _ = wrong.against[0]
    rows = lending_sample().head(300)
    steps = np.array(
        [free.log_odds(rows.assign(**{name: value})) for value in np.quantile(rows[name], np.linspace(0, 1, 60))]
    )
    moved = np.diff(steps, axis=0) * {"noise": 1, "customers_age": -1}[name]
    assert (moved < 0).any()  # somebody's risk does move against it


def test_no_direction_no_proof(asked: Subject) -> None:
    assert directions.prove(asked.judged, {}) == directions.Proof(0, 0, [])


# Reasons and groups -----------------------------------------------------------------------------------------


def test_reasons_are_checked_by_counterfactual(found: findings.Findings, asked: Subject) -> None:
    assert found.told.true > 0.9
    assert found.told.falls_by > 0.02
    assert found.told.n == pytest.approx(len(asked.tested) / 10, rel=0.1)
    backward = told.reasons(asked, {"late_days": 500.0, "spending": 0.01, "customers_region": "south"})
    assert backward.true < 0.2


def test_groups_that_are_alike_pass_alike_and_one_that_is_flattered_is_seen(asked: Subject) -> None:
    alike = fairness.by_group(asked)
    assert alike["group"].tolist() == ["f", "m"]
    assert alike["n"].sum() == len(asked.judging)
    assert alike["ratio"].min() > 0.9
    rows = asked.rows.copy()
    flattered = (asked.groups["sex"] == "f") & (rows["part"] == "oot")
    rows.loc[flattered, "p_default"] /= 3
    table = fairness.by_group(replace(asked, rows=rows)).set_index("group")
    assert table.loc["f", "came_low"] > 1.5
    assert fairness.by_group(replace(asked, groups={})).empty


def test_those_without_an_outcome_are_a_band() -> None:
    record = replace(RECORD, left_out={"no_outcome": 500}, rows_by_part={"fit": 1_000, "oot": 500})
    rate = record.metrics["default_rate"]
    table = findings.rejected(record).set_index("factor")["rate"]
    assert table[1.0] == pytest.approx(rate)
    assert table[4.0] == pytest.approx((1_500 * rate + 500 * 4 * rate) / 2_000)
    assert findings.rejected(RECORD).empty


# All of it --------------------------------------------------------------------------------------------------


def test_the_truth_itself_passes_and_a_coin_does_not(asked: Subject, found: findings.Findings) -> None:
    levels = {check.what: check.level for check in findings.checks(found, asked.record)}
    assert (
        levels["It can be made again"]
        == levels["Declared directions hold"]
        == levels["Its reasons are true"]
        == "holds"
    )
    assert levels["It ranks before anything is late"] == "holds"
    coin = replace(asked.record, metrics=asked.record.metrics | {"auc_low": 0.48})
    assert {check.level for check in findings.checks(found, coin) if check.what == "It ranks"} == {"fails"}
    other = replace(found, reproduced=0.2)
    assert [c.level for c in findings.checks(other, asked.record) if c.what == "It can be made again"] == ["fails"]


def test_the_model_is_near_the_truth_that_made_the_data(asked: Subject) -> None:
    rows = asked.judging.dropna(subset=["spending", "customers_region"])
    best = roc_auc_score(rows["defaulted"], truth(rows))
    assert 0.9 * (2 * best - 1) < 2 * roc_auc_score(rows["defaulted"], rows["p_default"]) - 1 <= 2 * best - 1 + 0.02


def test_numbers_are_plain(found: findings.Findings) -> None:
    import json

    again = json.loads(json.dumps(found.plain(), allow_nan=False, default=str))
    assert [row["n"] for row in again["parts"]] == found.parts["n"].tolist()
    assert [row["grade"] for row in again["grades"]] == list(GRADES.labels)


def test_rows_of_other_data_are_refused(asked: Subject) -> None:
    judged = asked.rows[["customer_id", "as_of", "defaulted", "part", "p_default"]]
    sample = asked.rows.drop(columns="p_default").assign(label_known_at=pd.Timestamp("2026-06-01"))
    assert joined(judged, sample)["p_default"].tolist() == asked.rows["p_default"].tolist()
    with pytest.raises(IntegrityError, match="not those that the version was judged by"):
        joined(judged, sample.assign(defaulted=1 - sample["defaulted"]))
    with pytest.raises(IntegrityError, match="not those that the version was judged by"):
        joined(judged.iloc[1:], sample)


def test_features_of_a_category_are_binned_by_name() -> None:
    values = pd.Series(["a", "b", None])
    assert stability.coded(Asked("x", "category"), values, values).tolist() == ["a", "b", "unknown"]
