"""The page: its numbers are right, it needs nothing but itself, and data cannot become markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scored_run import INFO, edit_manifest, record, scored_frame, write_run

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.errors import SourceError
from credit_eval.models.comparison import Comparison
from credit_eval.models.record import Record, Refitted
from credit_eval.report.build import write_report
from credit_eval.schema.store import DatasetInfo

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Collects text, references and tags, and checks that tags close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "action", "data"):
                self.references.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style",):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def written(tmp_path: Path, validation: Record | None = None, **frame: Any) -> str:
    return reported(tmp_path, scored_frame(**frame), validation).read_text()


def reported(tmp_path: Path, frame: pd.DataFrame, validation: Record | None = None, **options: Any) -> Path:
    """The report of a run that is written now."""
    return report_of(write_run(tmp_path, frame), validation, **options)


def report_of(scored: Path, validation: Record | None = None, info: DatasetInfo = INFO) -> Path:
    """The report of a run that is there."""
    profiles, target = scored.parents[1] / "profiles", scored.parents[1] / "report.html"
    return write_report(scored, validation or record(), info, target, profiles=profiles, catalogue=CATALOGUE)


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("run"))


def test_numbers_on_the_page_are_those_of_the_file(html: str) -> None:
    frame = scored_frame()
    text = Page(html).text
    restricted = int(frame["decision"].isin(["restrict", "decline"]).sum())
    assert f"Of 400 customers, {restricted} ({restricted / 400:.1%}".replace("%", " %)") in text
    late = int((frame["limit_bound_by"] == "in_default").sum())
    assert f"{late} have a debt in default now" in text
    for decision, rows in frame.groupby("decision"):
        row = rf"{decision} [^0-9]+{len(rows):,} {len(rows) / 400:.1%}".replace("%", " %")
        assert re.search(row, text), row
    assert f"{frame['limit_previous'].sum():,.0f} CNY to {frame['limit_new'].sum():,.0f} CNY" in text
    assert f"Mean p_default {frame['p_default'].mean():.1%}".replace("%", " %") in text


def test_what_bound_adverse_decisions_stands_beside_the_reasons_of_the_model(html: str) -> None:
    frame, text = scored_frame(), Page(html).text
    adverse = frame[frame["decision"].isin(["restrict", "decline", "reduce"])]
    bound = adverse["limit_bound_by"].value_counts()
    by_score = adverse.loc[adverse["decided_by"] == "score", "limit_bound_by"].value_counts()
    decided = by_score.sum()
    assert f"Of {len(adverse)} adverse decisions, the score decided {decided}" in text
    assert f"among {decided} adverse decisions where the score decided" in text
    for name, n in bound.items():
        share = f"{n / len(adverse):.1%}".replace("%", "\N{NO-BREAK SPACE}%")
        assert re.search(
            rf"{name} [^0-9]+ {n} {share} {by_score.get(name, 0)}", text.replace(" %", "\N{NO-BREAK SPACE}%")
        ), name


def test_the_run_is_told_by_whatever_its_manifest_holds(tmp_path: Path) -> None:
    scored = write_run(tmp_path, scored_frame())
    edit_manifest(scored, in_default_hash="99" * 32, versions={"lightgbm": "4.7"})
    text = Page(report_of(scored).read_text()).text
    for said in (f"in default hash {'99' * 32}", "versions lightgbm 4.7", "days past due 60, window days 120"):
        assert said in text
    assert "seed" not in text


def test_the_calibration_error_stands_beside_what_chance_alone_gives(html: str) -> None:
    assert "Calibration error (ECE) 0.010 by chance alone 0.008" in Page(html).text


def test_the_validation_is_told_with_intervals_and_how_it_was_judged(html: str) -> None:
    text = Page(html).text
    for expected in (
        "AUC 0.800 95 % interval 0.790 to 0.810",
        "500 of 5,000, 95 % interval 9.2 % to 10.9 %",
        "Judged out of time, on 2026-01-01 to 2026-02-01.",
        "60 or more days past due within 120 days after as_of",
        "+0.050 [+0.030, +0.070]",
        "321 rows (already in default",
        "1 / (1 + exp(−(0.1000 + 1.0500 · log-odds)))",
        "Before you rely on this",
        "fit taught the model; its folds said when to stop 20,000",
    ):
        assert expected in text, expected


def test_the_page_needs_nothing_but_itself(html: str) -> None:
    page = Page(html)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert all(each.startswith(("#", "data:image/png;base64,")) for each in page.references)
    addresses = set(re.findall(r"https?://[^\s\"'<>)]+", html))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_identifiers_are_unique_and_links_lead_somewhere(html: str) -> None:
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    assert {each[1:] for each in page.references if each.startswith("#")} <= set(page.ids)


def test_data_cannot_become_markup(tmp_path: Path) -> None:
    script = "<script>alert('x')</script>"
    frame = scored_frame()
    frame["reason_text_1"] = script
    frame["decision"] = frame["decision"].where(frame.index != 3, script)
    frame["limit_bound_by"] = frame["limit_bound_by"].where(frame.index != 5, script)
    frame["grade"] = frame["grade"].where(frame.index != 7, script)
    info = replace(INFO, name=script, source=script, notes=[script])
    validation = record(features_absent={script: script}, why=script, left_out={script: 3})
    html = reported(tmp_path, frame, validation, info=info).read_text()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 8


def test_the_same_inputs_give_the_same_bytes(html: str, tmp_path: Path) -> None:
    assert written(tmp_path) == html


def test_single_customers_are_drawn_with_their_values(html: str, tmp_path: Path) -> None:
    text = Page(html).text
    assert "Colours show the value of the feature" in text
    assert "It is the one whose p_default is the median of adverse decisions where the score decided" in text
    assert "the median of all customers" in Page(written(tmp_path, adverse=False)).text


def test_a_cross_validated_model_of_single_loans(tmp_path: Path) -> None:
    validation = record(
        split="grouped",
        judged_on="cross-validation grouped by customer",
        why="Not judged out of time: the sample spans 30 days.",
        label_source="outcomes",
        features_absent={"browsing_view_count_30d": "table browsing"},
        left_out={},
        metrics_by_part={},
    )
    text = Page(written(tmp_path, validation, lines=False)).text
    for expected in (
        "judged on cross-validation grouped by customer",
        "Not judged out of time: the sample spans 30 days.",
        "nobody had a line before",
        "as the source labels it",
        "Absent features: 1 of 4",
        "table browsing 1 browsing_view_count_30d",
        "No row was left out",
        "All 25,000 rows taught the model that scores",
    ):
        assert expected in text, expected
    assert "Limits before" not in text
    assert "taught the trees" not in text


def test_a_run_without_a_manifest_is_refused(tmp_path: Path) -> None:
    scored = write_run(tmp_path, scored_frame())
    (scored / "manifest.json").unlink()
    with pytest.raises(SourceError, match="nothing is scored"):
        report_of(scored)
    assert list(tmp_path.glob("*.html")) == []


def test_a_report_of_another_model_says_so(tmp_path: Path) -> None:
    scored = write_run(tmp_path, scored_frame())
    edit_manifest(scored, model_version=9)
    text = Page(report_of(scored).read_text()).text
    assert "scored by model version 9, but the validation below is of version 1" in text


def test_a_model_that_was_grown_again_says_what_was_judged(tmp_path: Path) -> None:
    again = Refitted(25_000, 0.973, 0.0679, 0.0637)
    beside = {"value": 0.004, "low": 0.001, "high": 0.007}
    compared = Comparison(3, 5_000, 300, 0.81, 0.806, 0.2, 0.21, 0.06, 0.06, beside, beside, [])
    page = written(tmp_path, validation=record(refitted=again, compared=compared))
    assert "the model was grown again on all 25,000 rows" in page
    assert "rank correlation 0.973" in page
    assert "Beside version 3, the champion before, on 5,000 rows that taught neither: AUC +0.004" in page
