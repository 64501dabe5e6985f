"""The validation as one page that prints: what was asked, what was found, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from credit_eval.core.files import atomic_file
from credit_eval.core.statistics import Interval
from credit_eval.models.record import Record
from credit_eval.report import figures, validation_figures, words
from credit_eval.report.page import environment
from credit_eval.report.style import svg
from credit_eval.schema.store import DatasetInfo
from credit_eval.validation.findings import Findings, checks

_Cell = Callable[[Any], str]


@dataclass(frozen=True)
class Table:
    """Cells as text, and which of the columns hold numbers; `first` names the rows."""

    caption: str
    heads: list[str]
    numbers: list[bool]
    rows: list[list[str]]


def write_validation(found: Findings, record: Record, info: DatasetInfo, target: Path) -> Path:
    """Write the page to `target`, atomically; returns it.

    Raises:
        StorageError: the disk refused; an older page is left as it was.
    """
    drawn = {name: Markup(svg(figure, name, said)) for name, (figure, said) in _pictures(found, record).items()}
    page = environment().get_template("validation.html.j2").render(
        f=found,
        v=record,
        m=record.metrics,
        info=info,
        checks=checks(found, record),
        tables=_tables(found, record),
        pictures=drawn,
        brier=asdict(found.brier),
        words=words,
    )  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(target) as path:
        path.write_text(page, encoding="utf-8")
    return target


def _pictures(found: Findings, record: Record) -> dict[str, tuple[Figure, str]]:
    judged = {"this model": record.metrics} | record.baselines
    areas = {name: Interval(each["auc"], each["auc_low"], each["auc_high"]) for name, each in judged.items()}
    drawn = {
        "auc": (figures.auc_comparison(areas), "AUC of the model and of its baselines"),
        "reliability": (figures.reliability(record.reliability), "Predicted against observed default rates"),
        "capture": (figures.capture(record.capture), "Defaults found among the riskiest customers"),
        "grades": (validation_figures.grades(found.grades), "Predicted and observed default rate by grade"),
    }
    if found.months["auc"].notna().sum() > 1:
        drawn["months"] = (validation_figures.months(found.months), "AUC by month")
    if found.migration.to_numpy().sum():
        drawn["migration"] = (validation_figures.migration(found.migration), "Grades a month later")
    return drawn


# Tables -----------------------------------------------------------------------------------------------------


def _tables(found: Findings, record: Record) -> dict[str, Table]:
    plain = {
        "parts": _ranked("How well it ranks, part by part", found.parts),
        "arrears": _ranked("With and without arrears", found.arrears),
        "segments": _ranked("Segment by segment", found.segments),
        "months": _table("Month by month", found.months, _MONTHS),
        "rules": _table("Beside plain rules", found.rules, _RULES),
        "grades": _table("Grade by grade", found.grades, _GRADES),
        "calibrations": _table("Other calibrations, fitted on the same rows", found.calibrations, _CALIBRATIONS),
        "score_psi": _table("Scores against the first month", found.score_psi, _SCORE_PSI),
        "feature_psi": _table(
            "The strongest features, development against later rows", found.feature_psi, _FEATURE_PSI
        ),
        "seeds": _table("The same recipe by other seeds", found.seeds, _SEEDS),
        "feeds": _table("A feed stops", found.feeds, _FEEDS),
        "harder": _table("Harder times", found.harder, _HARDER),
        "groups": _table("Groups that no model may see", found.groups, _GROUPS),
        "rejected": _table("Were those without an outcome riskier", found.rejected, _REJECTED),
        "baselines": _baselines(record),
    }
    return {name: table for name, table in plain.items() if table.rows}


def _baselines(record: Record) -> Table:
    rows: list[dict[str, str | float]] = [{"what": "this model"} | record.metrics]
    for name, gain in record.gains.items():
        told: dict[str, str | float] = {"what": name} | record.baselines[name]
        rows.append(told | {f"gain{end}": gain[which] for end, which in _ENDS.items()})
    cells = {
        "Model": _text("what"), "AUC": _ends("auc"), "KS": _ends("ks"), "Brier": _ends("brier", 4),
        "Log loss": _number("log_loss", 4), "ECE": _number("ece", 4),
        "AUC of this model over it": _ends("gain", signed=True),
    }  # fmt: skip
    return _table(f"Judged on {record.judged_on}", pd.DataFrame(rows), cells)


def _ranked(caption: str, frame: pd.DataFrame) -> Table:
    return _table(caption, frame, {"Rows": _text("what"), **_RANKED})


def _table(caption: str, frame: pd.DataFrame, cells: Mapping[str, _Cell]) -> Table:
    rows = [[cell(row) for cell in cells.values()] for row in frame.to_dict("records")]
    return Table(caption, list(cells), [cell.__name__ != "text" for cell in cells.values()], rows)


def _text(name: str) -> _Cell:
    def text(row: Mapping[str, Any]) -> str:
        return str(row[name])

    return text


def _number(name: str, digits: int = 3) -> _Cell:
    def cell(row: Mapping[str, Any]) -> str:
        found = row.get(name)
        return "" if found is None or pd.isna(found) else f"{found:,.{digits}f}".replace("-", "−")

    return cell


def _share(name: str, digits: int = 1) -> _Cell:
    def cell(row: Mapping[str, Any]) -> str:
        found = row.get(name)
        return "" if found is None or pd.isna(found) else words.percent(found, digits)

    return cell


def _ends(name: str, digits: int = 3, *, signed: bool = False) -> _Cell:
    """A number and its interval, from `name`, `name_low` and `name_high`."""
    sign = "+" if signed else ""

    def cell(row: Mapping[str, Any]) -> str:
        three = [row.get(name + end) for end in ("", "_low", "_high")]
        if any(one is None or pd.isna(one) for one in three):
            return "" if three[0] is None or pd.isna(three[0]) else f"{three[0]:{sign}.{digits}f}".replace("-", "−")
        value, low, high = (f"{one:{sign}.{digits}f}".replace("-", "−") for one in three)
        return f"{value} [{low}, {high}]"

    return cell


def _p_value(name: str) -> _Cell:
    def cell(row: Mapping[str, Any]) -> str:
        found = row.get(name)
        return "" if found is None or pd.isna(found) else "< 0.001" if found < 0.001 else f"{found:.3f}"

    return cell


def _holds(row: Mapping[str, Any]) -> str:
    found = row.get("holds")
    return "" if found is None or pd.isna(found) else "yes" if found else "no"


_ENDS = {"": "value", "_low": "low", "_high": "high"}
_COUNTS: dict[str, _Cell] = {"n": _number("n", 0), "Defaults": _number("bads", 0)}
_RANKED: dict[str, _Cell] = {
    **_COUNTS, "AUC": _ends("auc"), "Gini": _number("gini"), "KS": _ends("ks"), "Bads in the riskiest tenth":
    _share("capture", 0)
}  # fmt: skip
_MONTHS: dict[str, _Cell] = {
    "Month": _text("what"), "Part": _text("part"), **_COUNTS, "AUC": _ends("auc"), "Predicted": _share("predicted", 2),
    "Defaulted": _share("rate", 2),
}  # fmt: skip
_RULES: dict[str, _Cell] = {
    "Rule": _text("what"), "AUC": _number("auc"), "AUC of the model over it": _ends("gain", signed=True),
    "Flags": _share("flagged"), "of the defaults": _share("share_of_bads"), "Default rate": _share("rate"),
}  # fmt: skip
_GRADES: dict[str, _Cell] = {
    "Grade": _text("grade"), **_COUNTS, "Predicted": _share("predicted", 2), "Defaulted": _share("rate", 2),
    "Binomial": _p_value("binomial"), "Jeffreys": _p_value("jeffreys"), "By customer": _holds,
}  # fmt: skip
_CALIBRATIONS: dict[str, _Cell] = {
    "Calibration": _text("what"), "Log loss": _number("log_loss", 5), "Came for each predicted": _number("came", 2),
    "Gain of log loss": _ends("gain", 5, signed=True),
}  # fmt: skip
_SCORE_PSI: dict[str, _Cell] = {
    "Month": _text("month"), "n": _number("n", 0), "PSI": _number("psi"), "Chance stays below": _number("by_chance"),
}  # fmt: skip
_FEATURE_PSI: dict[str, _Cell] = {
    "Feature": _text("feature"), "Moves log-odds by": _number("importance", 2), "PSI": _number("psi"),
    "Chance stays below": _number("by_chance"), "Unknown before": _share("unknown_before"),
    "now": _share("unknown_now"),
}  # fmt: skip
_SEEDS: dict[str, _Cell] = {
    "Seed, shifted by": _text("seed"), "AUC": _number("auc", 4),
    "Rank correlation with the judged": _number("rank_correlation", 4),
    "Mean distance of p": _number("mean_distance", 4), "Change the side of the threshold": _share("other_side", 2),
}  # fmt: skip
_FEEDS: dict[str, _Cell] = {
    "Table": _text("table"), "Features": _number("features", 0), "AUC without": _number("auc"),
    "Change": _ends("change", signed=True), "Predicted": _share("predicted", 2),
}  # fmt: skip
_HARDER: dict[str, _Cell] = {
    "Times as many default": _number("factor", 1), "Predicted": _share("predicted"),
    "Above the threshold": _share("above"),
}  # fmt: skip
_GROUPS: dict[str, _Cell] = {
    "Attribute": _text("attribute"), "Group": _text("group"), **_COUNTS, "Defaulted": _share("rate"),
    "Predicted": _share("predicted"), "Passes": _share("passes"),
    "of the best": _number("ratio", 2), "AUC": _ends("auc"),
    "Came for each predicted": _ends("came", 2),
}  # fmt: skip
_REJECTED: dict[str, _Cell] = {"Times as risky": _number("factor", 1), "Default rate of all": _share("rate", 2)}
