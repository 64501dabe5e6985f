"""The engine's counts against counts in pandas, on the same scored file."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scored_run import contributions_of, profiles_of, scored_frame, write_run

from credit_eval.core.errors import IntegrityError, SourceError
from credit_eval.language.reasons import REASONS
from credit_eval.report.summary import summarise
from credit_eval.report.tables import contribution_sample, median_case, portfolio, value_sample

ADVERSE = ["restrict", "decline", "reduce"]


def by_score(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["decision"].isin(ADVERSE) & frame["decided_by"].eq("score")]


@pytest.mark.parametrize("seed", [0, 1])
def test_summary_equals_counting_by_hand(tmp_path: Path, seed: int) -> None:
    frame = scored_frame(seed=seed)
    found = summarise(write_run(tmp_path, frame, parts=3))
    adverse = frame[frame["decision"].isin(ADVERSE)]
    decided = by_score(frame)
    assert 10 <= len(decided) < len(adverse)
    first = Counter(decided["reason_code_1"].dropna())
    assert found.customers == len(frame)
    assert found.decisions == frame["decision"].value_counts().to_dict()
    assert found.adverse == len(adverse) >= 10
    assert found.restricted == (frame["decision"].isin(["restrict", "decline"])).sum()
    none = frame["limit_previous"].eq(0) & frame["decision"].isin(["restrict", "decline"])
    assert found.restricted_at_nothing == none.sum() > 0
    assert found.share_above_half == (frame["p_default"] > 0.5).mean()
    assert found.mean_p_default == pytest.approx(frame["p_default"].mean())
    assert found.reasons_of == "adverse decisions where the score decided"
    assert found.reasons_among == found.adverse_by_score == len(decided)
    assert found.adverse_bound_by == adverse["limit_bound_by"].value_counts().to_dict()
    assert [n for _, _, n in found.reasons] == sorted(first.values(), reverse=True)[:3]
    assert all(first[code] == n and REASONS[code].en == label for code, label, n in found.reasons)
    assert found.limit_bound_by == frame["limit_bound_by"].value_counts().to_dict()


def test_limits_leave_out_those_without_a_line(tmp_path: Path) -> None:
    frame = scored_frame()
    limits = summarise(write_run(tmp_path, frame)).limits
    assert limits.lines == frame["limit_previous"].notna().sum()
    assert limits.total_before == pytest.approx(frame["limit_previous"].sum())
    assert limits.total_after == pytest.approx(frame["limit_new"].sum())
    assert limits.median_before == frame["limit_previous"].median()
    assert limits.median_after == frame["limit_new"].median()


def test_without_lines_there_is_no_median_before(tmp_path: Path) -> None:
    limits = summarise(write_run(tmp_path, scored_frame(lines=False))).limits
    assert (limits.lines, limits.total_before, limits.median_before) == (0, 0.0, None)


def test_reasons_of_the_model_are_not_counted_where_a_rule_decided(tmp_path: Path) -> None:
    frame = scored_frame()
    rule = frame["decision"].isin(ADVERSE) & frame["decided_by"].ne("score")
    frame.loc[rule, "reason_code_1"] = "R_ONLY_WHERE_A_RULE_DECIDED"
    assert rule.sum() > by_score(frame)["reason_code_1"].value_counts().max()  # it would stand first
    assert "R_ONLY_WHERE_A_RULE_DECIDED" not in {code for code, _, _ in summarise(write_run(tmp_path, frame)).reasons}


def test_few_adverse_decisions_give_the_reasons_of_all(tmp_path: Path) -> None:
    frame = scored_frame(adverse=False)
    found = summarise(write_run(tmp_path, frame))
    decided = frame[frame["decided_by"] == "score"]
    assert (found.reasons_of, found.reasons_among) == ("decisions where the score decided", len(decided))
    assert found.reasons[0].n == decided["reason_code_1"].value_counts().iloc[0]


def test_parts_do_not_matter(tmp_path: Path) -> None:
    frame = scored_frame()
    one, many = (summarise(write_run(tmp_path / str(parts), frame, parts=parts)) for parts in (1, 7))
    assert one == many


def test_nothing_scored_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing is scored"):
        summarise(tmp_path / "toy" / "as_of=2026-03-01")
    with pytest.raises(SourceError, match="no rows"):
        summarise(write_run(tmp_path, scored_frame().head(0), parts=1))


def test_tables_hold_every_customer_once(tmp_path: Path) -> None:
    frame = scored_frame()
    found = portfolio(write_run(tmp_path, frame), by_score_only=True)
    for table in (found.histogram, found.grades, found.decisions, found.outcomes):
        assert table["n"].sum() == len(frame)
    assert found.grades["grade"].tolist() == ["A", "B", "C", "D"]
    assert found.grades["mean_p"].is_monotonic_increasing
    low = found.histogram["score"]
    assert (low % 10 == 0).all()
    assert low.min() <= frame["score"].min() < low.min() + 10
    current = frame[frame["limit_bound_by"] != "in_default"]
    assert found.in_default == len(frame) - len(current)
    assert found.mean_p_current == pytest.approx(current["p_default"].mean())


def test_reasons_are_counted_in_first_place_and_among_the_four(tmp_path: Path) -> None:
    frame = scored_frame()
    found = portfolio(write_run(tmp_path, frame), by_score_only=True).reasons.set_index("code")
    adverse = by_score(frame)
    named = Counter(adverse[[f"reason_code_{rank}" for rank in (1, 2, 3, 4)]].stack().dropna())
    assert found["named"].to_dict() == named
    assert found["first"].to_dict() == {**dict.fromkeys(named, 0), **adverse["reason_code_1"].value_counts()}
    assert all(example == f"said of {code}" for code, example in found["example"].items())


def test_the_sample_is_the_same_whatever_the_parts(tmp_path: Path) -> None:
    frame = scored_frame()
    one, many = (contribution_sample(write_run(tmp_path / str(parts), frame, parts=parts), rows=50) for parts in (1, 5))
    pd.testing.assert_frame_equal(one, many)
    whole = contributions_of(frame)
    pd.testing.assert_frame_equal(one, one[["customer_id"]].merge(whole, on="customer_id")[list(one.columns)])


@pytest.mark.parametrize("adverse", [True, False])
def test_the_median_case_is_of_those_whom_the_score_decided_on(tmp_path: Path, adverse: bool) -> None:
    frame = scored_frame(adverse=adverse)
    among = by_score(frame) if adverse else frame
    ranked = among.sort_values(["p_default", "customer_id"])
    found, said = median_case(write_run(tmp_path, frame))
    assert found["customer_id"].tolist() == [ranked["customer_id"].iloc[len(ranked) // 2]]
    assert said == ("adverse decisions where the score decided" if adverse else "all customers")


def test_values_stand_beside_the_contributions_they_belong_to(tmp_path: Path) -> None:
    frame = scored_frame()
    profiles = profiles_of(frame)
    scored = write_run(tmp_path, frame, parts=3)
    keys = frame[["customer_id", "as_of"]].iloc[[7, 300, 2]]
    found = value_sample(scored, tmp_path / "profiles", keys)
    expected = profiles.set_index("customer_id").loc[keys["customer_id"], "payments_failed_count_30d"]
    np.testing.assert_array_equal(found["payments_failed_count_30d"], expected)


def test_a_run_without_contributions_is_refused(tmp_path: Path) -> None:
    scored = write_run(tmp_path, scored_frame())
    shutil.rmtree(scored / "contributions")
    with pytest.raises(IntegrityError, match=r"is not what its manifest says[\s\S]*contributions/part-00000"):
        contribution_sample(scored)


def test_profiles_that_are_gone_are_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no profiles"):
        value_sample(write_run(tmp_path, scored_frame()), tmp_path / "gone", scored_frame()[["customer_id", "as_of"]])
