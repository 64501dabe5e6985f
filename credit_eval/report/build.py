"""One HTML file that says what a run decided, why, and how far to believe it: no scripts, no network.

The same inputs give the same bytes: every time shown comes from the manifest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from credit_eval.core.files import atomic_file
from credit_eval.core.statistics import Interval
from credit_eval.explain.explanation import explanation
from credit_eval.language.catalogue import Catalogue, axis_titles
from credit_eval.models.record import Record
from credit_eval.report import figures, words
from credit_eval.report.cautions import Evidence, cautions, mean_predicted
from credit_eval.report.intervals import share_interval
from credit_eval.report.page import environment
from credit_eval.report.paper_words import WORDS
from credit_eval.report.shap_figures import beeswarm, waterfall
from credit_eval.report.style import svg
from credit_eval.report.summary import summarise
from credit_eval.report.tables import SAMPLE_ROWS, contribution_sample, median_case, portfolio, value_sample
from credit_eval.samples.exposure import segments
from credit_eval.schema.store import DatasetInfo
from credit_eval.scoring.sealed import open_scored

_TOP_REASONS = 10
_NOTHING = Markup("")


def write_report(
    scored: Path,
    validation: Record,
    info: DatasetInfo,
    target: Path,
    *,
    profiles: Path,
    catalogue: Catalogue,
    front: Markup = _NOTHING,
) -> Path:
    """Write the report of a scored directory to `target`, atomically; returns it.

    `validation`: the record that training wrote. `info`: the data set that was scored. `profiles`: the directory
    of the profiles that were scored, whose values stand beside the contributions. `catalogue`: their features. `front`:
    the committee paper, which comes first.

    Raises:
        SourceError: no scored file, or no manifest.
        StorageError: the disk refused; an older report is left as it was.
    """
    evidence = _evidence(scored, validation, info)
    page = environment().get_template("report.html.j2").render(
        e=evidence,
        s=evidence.summary,
        v=validation,
        m=validation.metrics,
        cautions=cautions(evidence),
        pictures=_pictures(evidence, scored, profiles, catalogue),
        case=median_case(scored)[1],
        facts=_facts(evidence),
        absent=_by_lack(validation.features_absent),
        losses=evidence.manifest.get("losses"),
        exposure=segments(validation.exposure) if validation.exposure else [],
        sample_rows=SAMPLE_ROWS,
        words=words,
        front=front,
    )  # fmt: skip
    with atomic_file(target) as path:
        path.write_text(page, encoding="utf-8")
    return target


def write_chinese(
    scored: Path, validation: Record, info: DatasetInfo, target: Path, front: Markup, english: str
) -> Path:
    """Write the Chinese edition, the committee paper, to `target`, atomically; returns it.

    `front`: the paper in Chinese. `english`: the name of the whole report.

    Raises:
        SourceError: no scored file, or no manifest.
        StorageError: the disk refused.
    """
    found = cautions(_evidence(scored, validation, info))
    said = {name: text.zh for name, text in WORDS.items()}
    page = environment().get_template("paper_zh.html.j2").render(
        manifest=open_scored(scored).manifest,
        paper=front,
        english=english,
        w=said,
        cautions=found,
    )  # fmt: skip
    with atomic_file(target) as path:
        path.write_text(page, encoding="utf-8")
    return target


def _evidence(scored: Path, validation: Record, info: DatasetInfo) -> Evidence:
    summary = summarise(scored)
    counted = portfolio(scored, by_score_only=summary.enough_by_score)
    return Evidence(summary, counted, validation, open_scored(scored).manifest, info)


def _facts(evidence: Evidence) -> dict[str, Any]:
    """Numbers and sentences worked out for the page."""
    summary, counted, validation = evidence.summary, evidence.portfolio, evidence.validation
    metrics, limits = validation.metrics, summary.limits
    change = limits.total_after / limits.total_before - 1 if limits.total_before else None
    return {
        "rate": share_interval(metrics["bads"], metrics["n"]),
        "predicted": mean_predicted(validation.reliability),
        "riskiest_tenth": _bads_among(validation.capture, 0.10),
        "limit_change": change,
        "bound_adverse": [
            (name, n, summary.adverse_by_score_bound_by.get(name, 0)) for name, n in summary.adverse_bound_by.items()
        ],
        "run": _of_the_run(evidence.manifest),
        "reasons": counted.reasons.head(_TOP_REASONS).to_dict("records"),
        "grades": counted.grades.to_dict("records"),
        "outcomes": counted.outcomes.to_dict("records"),
        "default": words.default(validation),
        "by_part": _parts_in_order(validation) if validation.split == "time" else [],
    }


def _of_the_run(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the manifest holds of the run, but for the counts that the page shows elsewhere and the files."""
    elsewhere = ("decisions", "explained_by", "features_absent", "never_seen_unknown", "never_seen", "typical", "files")
    return [(name.replace("_", " "), _plain(value)) for name, value in manifest.items() if name not in elsewhere]


def _plain(value: object) -> str:
    """A value of the manifest on one line.

    >>> _plain({"days_past_due": 60, "window_days": 120}), _plain(None)
    ('days past due 60, window days 120', 'none')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(each)}".replace("_", " ") for name, each in value.items())
    return "none" if value is None else str(value)


def _bads_among(capture: list[dict[str, float]], share: float) -> float:
    """Share of bads among the riskiest `share` of rows, at the nearest point drawn."""
    return min(capture, key=lambda point: abs(point["share"] - share))["bads"]


def _parts_in_order(validation: Record) -> list[dict[str, Any]]:
    """Rows of the sample by part, with what was measured on each where it was."""
    measured = validation.metrics_by_part
    rows = validation.rows_by_part
    order = [*words.PARTS, *sorted(set(rows) - set(words.PARTS))]
    return [
        {"part": part, "role": words.PARTS.get(part, ""), "rows": rows[part], "metrics": measured.get(part)}
        for part in order
        if part in rows
    ]


def _by_lack(absent: Mapping[str, str]) -> dict[str, list[str]]:
    """Absent features under the table or column they lack, largest loss first."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for feature, lack in sorted(absent.items()):
        found[lack].append(feature)
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0])))


# Figures ----------------------------------------------------------------------------------------------------


def _pictures(evidence: Evidence, scored: Path, profiles: Path, catalogue: Catalogue) -> dict[str, Markup]:
    drawn = _portfolio_figures(evidence) | _model_figures(evidence.validation, axis_titles(catalogue.features))
    explained = partial(
        _explanation, scored=scored, profiles=profiles, catalogue=catalogue, currency=evidence.info.currency
    )
    many, (one, _) = contribution_sample(scored), median_case(scored)
    drawn["beeswarm"] = (
        beeswarm(explained(many)),
        "Contributions of the main features to the risk of single customers",
    )
    drawn["waterfall"] = (
        waterfall(explained(one)[0]),
        "How the features of one customer move the score from the base value to its end",
    )
    return {name: Markup(svg(figure, name, said)) for name, (figure, said) in drawn.items()}


def _portfolio_figures(evidence: Evidence) -> dict[str, tuple[Figure, str]]:
    summary, counted = evidence.summary, evidence.portfolio
    top, among = counted.reasons.head(_TOP_REASONS), summary.reasons_of
    limits = figures.limits_by_grade(counted.grades, evidence.info.currency, lines=summary.limits.lines > 0)
    return {
        "scores": (figures.score_distribution(counted.histogram, counted.grades), "Customers by score and decision"),
        "decisions": (figures.decisions_by_grade(counted.decisions), "Share of each decision by grade"),
        "limits": (limits, "Sum of credit limits by grade"),
        "reasons": (
            figures.reasons(top["label"].tolist(), top["first"].tolist(), summary.reasons_among, among),
            "How often each reason stands first",
        ),
    }


def _model_figures(validation: Record, named: Mapping[str, str]) -> dict[str, tuple[Figure, str]]:
    judged = {"this model": validation.metrics} | validation.baselines
    areas = {name: Interval(each["auc"], each["auc_low"], each["auc_high"]) for name, each in judged.items()}
    titled = {named.get(name, name): value for name, value in validation.importance.items()}
    return {
        "auc": (figures.auc_comparison(areas), "AUC of the model and of its baselines"),
        "reliability": (figures.reliability(validation.reliability), "Predicted against observed default rates"),
        "capture": (figures.capture(validation.capture), "Defaults found among the riskiest customers"),
        "importance": (figures.importance(titled), "The features that move the score most"),
    }


def _explanation(
    contributed: pd.DataFrame, *, scored: Path, profiles: Path, catalogue: Catalogue, currency: str
) -> Any:
    """A sample of contributions beside the values they come from."""
    names = [name for name in contributed.columns if name not in ("customer_id", "as_of", "base_value", "log_odds")]
    features, values = [catalogue[name] for name in names], value_sample(scored, profiles, contributed)
    moved, base = contributed[names].to_numpy(dtype=np.float64), float(contributed["base_value"].iloc[0])
    return explanation(moved, base, values, features, currency=currency)
