"""The committee paper: its numbers are those of the file, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from credit_eval.core.statistics import Interval
from credit_eval.language.words import Text
from credit_eval.policy.decide import is_adverse
from credit_eval.policy.losses import Losses, losses
from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
from credit_eval.report.build import write_chinese
from credit_eval.report.paper import BANDS, Judged, losing_grades, paper
from credit_eval.report.paper_page import Signed, _Say, paper_part
from credit_eval.report.paper_words import ASSUMED, IS, LOANS, MOVES, NUMBERS, WORDS
from tests.scored_run import GRADES, INFO, RECORD, scored_frame, write_run

HALF_WIDTH = re.compile(r"[;:!?()]|[,.](?!\d)")
TEXTS = [text for table in (WORDS, NUMBERS, LOANS, MOVES, ASSUMED, IS) for text in table.values()]
POLICY = load_policy(DEFAULT_POLICY)


def judged_rows(n: int = 600, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    p = rng.beta(0.8, 5, n)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i % 400:05}" for i in range(n)],
            "as_of": pd.Timestamp("2026-01-01"),
            "defaulted": (rng.random(n) < p).astype(int),
            "p_default": p,
        }
    )


@pytest.fixture
def frame() -> pd.DataFrame:
    made = scored_frame()
    rng = np.random.default_rng(5)
    before = np.where(rng.random(len(made)) < 0.3, rng.choice([0.10, 0.15], len(made)), np.nan)
    return made.assign(apr_previous=np.where(made["limit_previous"] > 0, before, np.nan), balance=50.0)


@pytest.fixture
def found(frame: pd.DataFrame, tmp_path: Path):
    rows = judged_rows()
    late = pd.Series(np.where(np.arange(len(rows)) % 5 == 0, 12.0, 0.0))
    group = pd.Series(np.where(np.arange(len(rows)) % 3 == 0, "f", "m"))
    scored = write_run(tmp_path, frame)

    def groups(keys: pd.DataFrame) -> dict[str, pd.Series]:
        return {"sex": keys["customer_id"].str[-1].isin(list("024")).map({True: "f", False: "m"})}

    return paper(scored, POLICY, revolving=True, judged=Judged(rows, late, {"sex": group}), groups=groups), scored


def test_the_ten_numbers_are_those_of_the_file(found, frame: pd.DataFrame) -> None:
    numbers = found[0].numbers
    assert list(numbers) == list(NUMBERS)
    before, after = frame["limit_previous"].fillna(0), frame["limit_new"]
    free = [(limit - frame["balance"]).clip(lower=0) for limit in (before, after)]
    risky = frame["p_default"] > 0.5
    assert numbers["lines"] == ((before > 0).sum(), (after > 0).sum())
    assert numbers["limits"] == pytest.approx((before.sum(), after.sum()))
    assert numbers["free"] == pytest.approx(tuple(one.sum() for one in free))
    assert numbers["free_risky"] == pytest.approx(tuple(one[risky].sum() for one in free))
    assert numbers["free_risky"][1] == 0
    assert numbers["risk_of_free"] == pytest.approx(tuple((frame["p_default"] * one).sum() / one.sum() for one in free))
    for name, column in (("exposure", "exposure"), ("expected_loss", "expected_loss"), ("revenue", "revenue")):
        assert numbers[name] == pytest.approx((frame[f"{column}_before"].sum(), frame[column].sum()))
    assert numbers["margin"] == pytest.approx((frame["profit_before"].sum(), frame["profit"].sum()))
    assert numbers["loss_rate"][1] == pytest.approx(frame["expected_loss"].sum() / frame["exposure"].sum())


def test_everybody_moves_one_way_and_adverse_ones_are_counted_once(found, frame: pd.DataFrame) -> None:
    told = found[0]
    ways = [name for name in MOVES if name not in ("dearer", "cheaper") and not name.startswith("loan_")]
    assert sum(told.moves[name]["n"] for name in ways if name in told.moves) == len(frame) == told.customers
    dearer = frame["apr"] > frame["apr_previous"]
    assert told.moves["dearer"]["n"] == dearer.sum() > 0
    assert told.moves["dearer"]["before"] == pytest.approx(frame.loc[dearer, "apr_previous"].mean())
    assert told.adverse == is_adverse(frame).sum()
    assert sum(row["n"] for row in told.decided) == told.adverse
    raised = frame["limit_new"] > frame["limit_previous"]
    assert told.moves["raised"]["n"] == (raised & (frame["decision"] != "restrict")).sum()


def test_grades_and_bands_hold_every_judged_row_with_arrears_apart(found) -> None:
    told, rows = found[0], judged_rows()
    assert sum(row["n"] for row in told.grades) == len(rows)
    by_name = {name: sum(row["n"] for row in table) for name, table in told.bands.items()}
    assert by_name["all"] == by_name["current"] + by_name["late"] == len(rows)
    assert len(told.bands["all"]) == len(BANDS) + 1
    last = told.bands["all"][-1]
    above = rows["p_default"] > 0.5
    assert (last["grade"], last["n"]) == ("50%–100%", above.sum())
    assert {row["grade"] for row in told.grades} == {grade.grade for grade in POLICY.grades}
    assert GRADES[0][0] == told.grades[0]["grade"]


def test_rates_of_error_by_group_are_what_they_are_called(found, frame: pd.DataFrame) -> None:
    told, rows = found[0].fair, judged_rows()
    group = np.where(np.arange(len(rows)) % 3 == 0, "f", "m")
    by_name = {row["group"]: row for row in told}
    for one in "fm":
        mine = rows[group == one]
        goods, bads = (mine[mine["defaulted"] == value]["p_default"] > 0.5 for value in (0, 1))
        assert by_name[one]["goods_stopped"].value == pytest.approx(goods.mean())
        assert by_name[one]["bads_stopped"].value == pytest.approx(bads.mean())
        assert isinstance(by_name[one]["kept"], Interval)
    kept = [by_name[one]["kept"].value for one in "fm"]
    assert by_name[None]["kept"] == pytest.approx(abs(kept[0] - kept[1]))
    assert by_name[None]["n"] == len(frame)


def test_nobody_is_told_of_what_is_not_kept(frame: pd.DataFrame, tmp_path: Path) -> None:
    told = paper(write_run(tmp_path, frame), POLICY, revolving=False, judged=None, groups=lambda keys: {})
    assert told.bands == {}
    assert told.fair == []
    asked, granted = frame["exposure_before"] - frame["balance"], frame["limit_new"]
    assert told.numbers["limits"] == pytest.approx((asked.sum(), granted.sum()))
    assert told.numbers["average"][1] == pytest.approx(granted.sum() / (granted > 0).sum())
    assert sum(row["n"] for row in told.moves.values()) == len(frame)
    for language in ("en", "zh"):
        page = paper_part(told, Signed(None, _losses()), judged_on="x", currency="CNY", language=language)
        assert WORDS["no_judged"].in_(language) in page
        assert WORDS["other_policy"].in_(language) in page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_says_the_numbers_what_it_rests_on_and_who_signed(found, language) -> None:
    told, scored = found
    grades = [g | ({"loss_signed_by": "Ana & Co"} if g["grade"] == "E" else {}) for g in POLICY.model_dump()["grades"]]
    policy = type(POLICY).model_validate(POLICY.model_dump() | {"grades": grades, "legal_cap": 0.36})
    losing = losing_grades(policy, _losses(), scored)
    assert {row["grade"] for row in losing} >= {"B"}
    signed = Signed(policy, _losses(), losing, author="Bo", approver="Cy")
    page = paper_part(told, signed, judged_on="rows", currency="CNY", language=language)
    again = paper_part(told, signed, judged_on="rows", currency="CNY", language=language)
    assert page == again
    say = _Say(language, "CNY")
    for wanted in (say.money(told.numbers["limits"][1]), say.share(told.numbers["loss_rate"][0]), "Bo", "Cy", "0.50"):
        assert wanted in page
    assert WORDS["unsigned"].in_(language) in page
    assert "None" not in page
    assert "nan" not in page


def test_the_chinese_edition_leads_to_the_whole(found, tmp_path: Path) -> None:
    told, scored = found
    front = paper_part(told, Signed(POLICY, _losses()), judged_on="x", currency="CNY", language="zh")
    target = write_chinese(scored, RECORD, INFO, tmp_path / "as_of=2026-03-01.zh.html", front, "as_of=2026-03-01.html")
    page = target.read_text(encoding="utf-8")
    assert 'lang="zh-CN"' in page
    assert "Noto Sans CJK SC" in page
    assert 'href="as_of=2026-03-01.html"' in page
    assert "信审委员会报告" in page


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.en[:30])
def test_both_languages_say_it_with_the_same_values(text: Text) -> None:
    assert sorted(re.findall(r"\{(\w+)\}", text.en)) == sorted(re.findall(r"\{(\w+)\}", text.zh))
    assert not HALF_WIDTH.search(re.sub(r"\{\w+\}", "", text.zh))


def _losses() -> Losses:
    return losses(POLICY, None)
