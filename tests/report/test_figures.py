"""Figures say what their axes are, come out the same every time, and share nothing between threads."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from matplotlib.figure import Figure
from scored_run import FEATURES, RECORD, contributions_of, profiles_of, scored_frame

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.statistics import Interval
from credit_eval.explain.explanation import explanation
from credit_eval.report import figures
from credit_eval.report.shap_figures import beeswarm, waterfall
from credit_eval.report.style import svg

_FRAME = scored_frame()
_GRADES = _FRAME.groupby("grade", as_index=False).agg(
    n=("score", "size"),
    score_low=("score", "min"),
    score_high=("score", "max"),
    limit_before=("limit_previous", "sum"),
    limit_after=("limit_new", "sum"),
)
_DECISIONS = _FRAME.groupby(["grade", "decision"], as_index=False).agg(n=("score", "size"))
_HISTOGRAM = (
    _FRAME.assign(score=_FRAME["score"] // 10 * 10)
    .groupby(["score", "decision"], as_index=False)
    .agg(n=("customer_id", "size"))
)
_MOVED = contributions_of(_FRAME)[list(FEATURES)].to_numpy()
_EXPLAINED = explanation(_MOVED, -2.0, profiles_of(_FRAME), [CATALOGUE[name] for name in FEATURES])

DRAWINGS: dict[str, Callable[[], Figure]] = {
    "scores": lambda: figures.score_distribution(_HISTOGRAM, _GRADES),
    "decisions": lambda: figures.decisions_by_grade(_DECISIONS),
    "limits": lambda: figures.limits_by_grade(_GRADES, "CNY"),
    "granted": lambda: figures.limits_by_grade(_GRADES, "CNY", lines=False),
    "reasons": lambda: figures.reasons(
        ["how soon and how fully orders are paid", "returns"],
        [30, 4],
        2_060,
        "adverse decisions where the score decided",
    ),
    "reliability": lambda: figures.reliability(RECORD.reliability),
    "capture": lambda: figures.capture(RECORD.capture),
    "importance": lambda: figures.importance(RECORD.importance),
    "auc": lambda: figures.auc_comparison({"this model": Interval(0.8, 0.78, 0.82), "other": Interval(0.7, 0.6, 0.8)}),
    "beeswarm": lambda: beeswarm(_EXPLAINED, top=3),
    "waterfall": lambda: waterfall(_EXPLAINED[7], top=2),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_axes_are_labelled_and_the_same_data_give_the_same_bytes(name: str) -> None:
    figure = DRAWINGS[name]()
    axes = figure.axes[0]
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    first, second = svg(figure, "it", "what it shows"), svg(DRAWINGS[name](), "it", "what it shows")
    assert first == second
    assert first.startswith('<svg role="img" aria-label="what it shows"')


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_label_of_an_axis_is_cut_off(name: str) -> None:
    figure = DRAWINGS[name]()
    figure.draw_without_rendering()
    for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis):
        box = axis.label.get_window_extent()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height


def test_threads_do_not_disturb_each_other() -> None:
    names = ["beeswarm", "capture", "waterfall"] * 2
    alone = [svg(DRAWINGS[name](), "it", name) for name in names]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda name: svg(DRAWINGS[name](), "it", name), names))
    assert together == alone


def test_identifiers_resolve_and_carry_the_name_of_their_figure() -> None:
    text = svg(DRAWINGS["beeswarm"](), "swarm", "x")
    declared = re.findall(r' id="([^"]+)"', text)
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    assert set(declared) == used
    assert len(declared) == len(set(declared))
    assert all(each.startswith("swarm-") for each in declared)


def test_a_description_cannot_break_out_of_its_attribute() -> None:
    assert '"><script>' not in svg(DRAWINGS["auc"](), "it", '"><script>alert(1)</script>')


def test_pyplot_is_imported_only_where_shap_draws() -> None:
    drawn = "import sys, credit_eval.report.shap_figures, credit_eval.report.figures"
    code = f"{drawn}; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_gap_drawn_is_the_largest() -> None:
    points = [
        {"share": s, "bads": b, "goods": g} for s, b, g in ((0, 0, 0), (0.2, 0.7, 0.1), (0.5, 0.9, 0.4), (1, 1, 1))
    ]
    said = [text.get_text() for text in figures.capture(points).axes[0].texts]
    assert "KS 0.60 at the\nriskiest 20\N{NO-BREAK SPACE}%" in said


def test_a_bin_without_defaults_is_drawn_hollow() -> None:
    bins = [{"n": 100, "predicted": 0.01, "observed": 0.0}, {"n": 100, "predicted": 0.2, "observed": 0.25}]
    dots = [line for line in figures.reliability(bins).axes[0].lines if line.get_marker() == "o"]
    assert [dot.get_markerfacecolor() for dot in dots] == ["white", dots[1].get_color()]
    assert all(np.all(np.asarray(dot.get_ydata()) > 0) for dot in dots)


def test_only_the_most_important_are_drawn_largest_on_top() -> None:
    axes = figures.importance({f"feature {i}": float(i) for i in range(30)}, top=4).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"feature {i}" for i in (29, 28, 27, 26)]
    assert axes.yaxis_inverted()


def test_dots_stand_at_their_contributions_largest_feature_on_top() -> None:
    axes = beeswarm(_EXPLAINED, top=3).axes[0]
    order = np.abs(_MOVED).mean(axis=0).argsort()
    dots = np.concatenate([np.asarray(collection.get_offsets()) for collection in axes.collections])
    for place, feature in enumerate(order):
        row = dots[np.round(dots[:, 1]) == place, 0]
        assert sorted(row.tolist()) == pytest.approx(sorted(_MOVED[:, feature].tolist()))
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [textwrap.fill(CATALOGUE[FEATURES[feature]].title, 58) for feature in order]


def test_a_waterfall_goes_from_the_base_value_to_the_log_odds() -> None:
    axes = waterfall(_EXPLAINED[7], top=3).axes[0]
    ends = [float(x) for line in axes.lines if len(set(line.get_xdata())) == 1 for x in line.get_xdata()]
    total = -2.0 + _MOVED[7].sum()
    assert any(x == pytest.approx(-2.0) for x in ends)
    assert any(x == pytest.approx(total) for x in ends)
    said = [label.get_text() for label in axes.get_yticklabels()]
    assert len(said) == 3
    assert any("orders" in name or "payments" in name or "region" in name for name in said)


def test_drawing_leaves_pyplot_and_the_random_numbers_as_they_were() -> None:
    import matplotlib.pyplot as plt

    before, state = plt.get_fignums(), np.random.get_state()[1].tolist()  # type: ignore[union-attr]
    beeswarm(_EXPLAINED)
    waterfall(_EXPLAINED[0])
    assert plt.get_fignums() == before
    assert np.random.get_state()[1].tolist() == state  # type: ignore[union-attr]
