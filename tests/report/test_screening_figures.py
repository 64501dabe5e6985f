"""Pictures of a screening: labelled, the same every time, and true to the table they show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from credit_eval.report import screening_figures as figures
from credit_eval.report.style import VERMILLION, svg

NAMES = [f"orders_{place}" for place in range(12)]
TABLE = pd.DataFrame(
    {
        "family": ["orders"] * 8 + ["repayments"] * 4,
        "missing": np.linspace(0, 1, 12),
        "iv": [9.0, *np.linspace(0.6, 0.01, 11)],
        "iv_by_chance": 0.01,
        "auc": [0.99, *np.linspace(0.8, 0.5, 11)],
        "auc_low": [0.98, *np.linspace(0.78, 0.48, 11)],
        "auc_high": [0.995, *np.linspace(0.82, 0.52, 11)],
        "riskier": ["higher", None, *["lower"] * 10],
        "alarm": ["too good alone", *[None] * 11],
        "cluster": [0, 1, 1, 0, 2, 2, 2, 3, 3, 3, 3, 0],
        "represented_by": [
            "orders_0",
            *["orders_1"] * 2,
            "orders_3",
            *["orders_4"] * 3,
            *["orders_7"] * 4,
            "orders_11",
        ],
    },
    index=NAMES,
)
SAME = pd.DataFrame(np.eye(12), NAMES, NAMES)
PSI = pd.DataFrame(np.linspace(0, 2, 12 * 5).reshape(12, 5), NAMES, pd.period_range("2025-11", periods=5, freq="M"))
TITLES = {name: f"what is meant by {name}" for name in NAMES}

DRAWINGS: dict[str, Callable[[], Figure]] = {
    "strongest": lambda: figures.strongest(TABLE, TITLES, top=8),
    "missing": lambda: figures.missing_by_family(TABLE),
    "clusters": lambda: figures.correlation_clusters(SAME, TABLE, most=8),
    "psi": lambda: figures.psi_lines(PSI, TITLES),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_axes_are_labelled_and_the_same_data_give_the_same_bytes(name: str) -> None:
    figure = DRAWINGS[name]()
    assert figure.axes[0].get_xlabel()
    assert figure.axes[0].get_ylabel()
    assert svg(figure, "it", "what it shows") == svg(DRAWINGS[name](), "it", "what it shows")


def test_an_alarmed_bar_is_cut_off_told_and_coloured() -> None:
    bars, areas = DRAWINGS["strongest"]().axes
    first, second = bars.patches[:2]
    assert first.get_width() < 1 < TABLE["iv"].iloc[0]
    assert second.get_width() == pytest.approx(TABLE["iv"].iloc[1])
    assert {"9.00  (cut off)", "0.60"} <= {text.get_text() for text in bars.texts}
    assert first.get_facecolor() != second.get_facecolor()
    assert areas.lines[1].get_color() == VERMILLION
    assert [text.get_text() for text in areas.texts[:3]] == ["0.99 ↑", "0.80 ", "0.77 ↓"]


def test_all_alarmed_is_drawn_too() -> None:
    axes = figures.strongest(TABLE.assign(alarm="too good alone"), TITLES).axes[0]
    assert axes.patches[0].get_width() == pytest.approx(9)


def test_every_feature_of_a_family_has_a_dot() -> None:
    axes = DRAWINGS["missing"]().axes[0]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in dots] == [8, 4]
    assert dots[1].get_xdata()[-1] == 100
    assert axes.texts[0].get_text().startswith("8 features, median 3")


def test_clusters_come_whole_the_largest_first_and_the_strongest_name_stands_first() -> None:
    assert figures.clustered(TABLE, most=8) == [f"orders_{place}" for place in (7, 8, 9, 10, 4, 5, 6)]
    assert figures.clustered(TABLE, most=1) == ["orders_7", "orders_8", "orders_9", "orders_10"]
    labels = DRAWINGS["clusters"]().axes[0].get_yticklabels()
    assert [label.get_text() for label in labels if label.get_fontweight() == "bold"] == ["orders_7", "orders_4"]


def test_the_features_that_moved_furthest_are_named_in_the_order_of_their_ends() -> None:
    axes = DRAWINGS["psi"]().axes[0]
    named = [text for text in axes.texts if text.get_text().startswith("what is meant")]
    assert len(named) == 10
    by_height = sorted(named, key=lambda text: text.get_position()[1])
    assert [text.get_text().split("_")[-1] for text in by_height] == [str(place) for place in range(2, 12)]
    heights = np.array([text.get_position()[1] for text in by_height])
    assert (np.diff(heights) > 0.05).all()
    assert heights.min() >= 0
    assert heights.max() <= 1
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Nov\n2025", "Dec", "Jan\n2026", "Feb", "Mar"]
