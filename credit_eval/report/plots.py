"""What notebooks draw with: the report's own pictures, and its style for pictures of one's own."""

from __future__ import annotations

from textwrap import fill

from matplotlib.figure import Figure

from credit_eval.language.reasons import label as reason_label
from credit_eval.report.figures import (
    auc_comparison,
    capture,
    decisions_by_grade,
    importance,
    limits_by_grade,
    reasons,
    reliability,
    score_distribution,
)
from credit_eval.report.intervals import share_interval
from credit_eval.report.screening_figures import (
    clustered,
    correlation_clusters,
    missing_by_family,
    psi_lines,
    strongest,
)
from credit_eval.report.shap_figures import beeswarm, waterfall
from credit_eval.report.style import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SMALL,
    VERMILLION,
    canvas,
    grid,
    key,
    label_axes,
    name_rows,
)
from credit_eval.report.validation_figures import grades, migration, months
from credit_eval.report.words import CONSTRAINTS, DECISIONS, LEFT_OUT, PARTS, interval, money, percent

__all__ = [
    "BLUE",
    "CONSTRAINTS",
    "DECISIONS",
    "FAINT",
    "GREEN",
    "GREY",
    "INK",
    "LEFT_OUT",
    "ORANGE",
    "PARTS",
    "PURPLE",
    "SMALL",
    "VERMILLION",
    "auc_comparison",
    "beeswarm",
    "canvas",
    "capture",
    "clustered",
    "correlation_clusters",
    "decisions_by_grade",
    "grades",
    "grid",
    "importance",
    "interval",
    "key",
    "label_axes",
    "limits_by_grade",
    "migration",
    "missing_by_family",
    "money",
    "months",
    "name_rows",
    "percent",
    "psi_lines",
    "reason_label",
    "reasons",
    "reliability",
    "score_distribution",
    "share_interval",
    "strongest",
    "titled",
    "waterfall",
]


def titled(figure: Figure, finding: str) -> Figure:
    """The figure under a title that says what it shows."""
    figure.suptitle(fill(finding, int(10 * figure.get_figwidth())), x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure
