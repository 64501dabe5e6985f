"""What a reader should be warned of before believing the rest: rules over the numbers, said first in the report.

A `warning` doubts a number that decisions rest on; a `note` says what a number does not cover.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from credit_eval.models.record import Record
from credit_eval.report.intervals import share_interval
from credit_eval.report.summary import Summary
from credit_eval.report.tables import Portfolio
from credit_eval.report.words import count, percent, signed
from credit_eval.schema.flat import ROWS
from credit_eval.schema.store import DatasetInfo

FEW_BADS = 30
WIDE_AUC = 0.10
LARGE_ECE = 0.02
LEARNT_BY_HEART = 0.10
MANY_RESTRICTED, MANY_ADVERSE = 0.20, 0.40
#: How far two default rates may lie apart, as a ratio, before it is said.
RATES_APART = 1.5
LEVEL_APART = 1.1
#: Features that are named where many are unknown.
MOST_UNKNOWN = 5


@dataclass(frozen=True)
class Caution:
    """One thing to be careful about."""

    level: Literal["warning", "note"]
    text: str


@dataclass(frozen=True)
class Evidence:
    """All that the rules look at."""

    summary: Summary
    portfolio: Portfolio
    validation: Record
    manifest: Mapping[str, Any]
    info: DatasetInfo


def cautions(evidence: Evidence) -> list[Caution]:
    """Everything worth a caution, warnings first."""
    rules = (
        _identity,
        _promotion,
        _how_judged,
        _discrimination,
        _against_baselines,
        _calibration,
        _coverage,
        _who_is_scored,
    )
    found = [caution for rule in rules for caution in rule(evidence)]
    return sorted(found, key=lambda caution: caution.level != "warning")


def _warn(text: str) -> Caution:
    return Caution("warning", text)


def _note(text: str) -> Caution:
    return Caution("note", text)


def _identity(evidence: Evidence) -> Iterator[Caution]:
    """The scored file, the validation and the data set belong together."""
    scored, judged = evidence.manifest["model_version"], evidence.validation.model_version
    if scored != judged:
        yield _warn(
            f"These customers were scored by model version {scored}, but the validation below is of version {judged}: "
            "it says nothing about the model used. Score again."
        )
    of_a_file = str(evidence.manifest["cohort"]).startswith("file=")
    if not of_a_file and evidence.manifest["data_fingerprint"] != evidence.info.fingerprint:
        yield _warn("The data set has changed since these customers were scored. Score again.")


def _promotion(evidence: Evidence) -> Iterator[Caution]:
    overruled = evidence.validation.promoted_anyway
    if overruled:
        said = "; ".join(overruled.objections)
        yield _warn(f"The model is champion against the objections of validation: {said}. Because: {overruled.why}")


def _how_judged(evidence: Evidence) -> Iterator[Caution]:
    metrics = evidence.validation.metrics
    if evidence.validation.split != "time":
        yield _warn(
            "The model is not judged out of time, but by cross-validation: on customers it has not seen, in a time it "
            "has. Performance on later customers may be worse."
        )
    if metrics["bads"] < FEW_BADS:
        yield _warn(
            f"Only {count(metrics['bads'])} defaults judge the model; below {FEW_BADS}, no figure of quality is firm."
        )


def _discrimination(evidence: Evidence) -> Iterator[Caution]:
    metrics, parts = evidence.validation.metrics, evidence.validation.metrics_by_part
    width = metrics["auc_high"] - metrics["auc_low"]
    if metrics["auc_low"] <= 0.5:
        yield _warn("The interval of the AUC reaches down to 0.5: the model is not shown to rank better than a coin.")
    elif width > WIDE_AUC:
        yield _warn(f"The AUC is known only to within {width:.2f} (the width of its 95 % interval).")
    if "fit" in parts and parts["fit"]["auc"] - metrics["auc"] > LEARNT_BY_HEART:
        yield _note(
            f"On the rows that taught the trees the AUC is {parts['fit']['auc']:.3f}, on those that judge them "
            f"{metrics['auc']:.3f}: much of what was learnt does not carry over."
        )


def _against_baselines(evidence: Evidence) -> Iterator[Caution]:
    for name, gain in evidence.validation.gains.items():
        shown = f"{signed(gain['value'])} [{signed(gain['low'])}, {signed(gain['high'])}]"
        if gain["high"] < 0:
            yield _warn(f"The model ranks worse than {name}: AUC difference {shown}.")
        elif gain["low"] <= 0:
            yield _warn(f"The model is not shown to rank better than {name}: AUC difference {shown}.")


def _calibration(evidence: Evidence) -> Iterator[Caution]:
    metrics, bins = evidence.validation.metrics, evidence.validation.reliability
    rate, n = metrics["default_rate"], metrics["n"]
    by_chance = metrics["ece_by_chance"]
    if metrics["ece"] > max(LARGE_ECE, 2 * by_chance):
        yield _warn(
            f"Calibration error is large: predicted and observed default rates lie {percent(metrics['ece'])} apart on "
            f"average over ten bins (chance alone: about {percent(by_chance)}). Limits and prices rest on them."
        )
    predicted = mean_predicted(bins)
    seen = share_interval(rate * n, n)
    apart = max(predicted, rate) / max(min(predicted, rate), 1e-9)
    if apart > LEVEL_APART and not seen.low <= predicted <= seen.high:
        word = "more" if predicted > rate else "fewer"
        yield _warn(
            f"The model expected {word} defaults than came: {percent(predicted, 2)} predicted, {percent(rate, 2)} "
            "observed in the judged sample."
        )


def _coverage(evidence: Evidence) -> Iterator[Caution]:
    absent: Mapping[str, str] = evidence.validation.features_absent
    lacks = Counter(absent.values())
    if lacks:
        said = "; ".join(f"{lack} ({n} feature{'s' if n > 1 else ''})" for lack, n in lacks.most_common())
        total = len(absent) + evidence.validation.n_features
        yield _note(f"{len(absent)} of {total} features are absent, since the source does not provide: {said}.")
    if evidence.manifest["features_absent"] != absent:
        yield _warn("The features absent when scoring are not those absent when the model was trained.")
    unknown = evidence.summary.never_seen_unknown
    if unknown:
        yield _warn(
            f"Of some who are scored, features are unknown ({len(unknown)}) that were known of everybody whom the "
            f"model learnt from: {_commonest(unknown)}. What to think of that it learnt only from values hidden at "
            "random. Find out whether the data still bring them."
        )
    unseen = evidence.summary.never_seen
    if unseen:
        yield _warn(
            "Some who are scored have categories that the model has never seen, and takes for unknown: "
            f"{_commonest(unseen)}."
        )


def _commonest(counted: Mapping[str, int]) -> str:
    """The first of counts, commonest first, and how many more there are."""
    told = "; ".join(f"{name} (of {count(n)})" for name, n in list(counted.items())[:MOST_UNKNOWN])
    return told + (f"; and {len(counted) - MOST_UNKNOWN} more" if len(counted) > MOST_UNKNOWN else "")


def _who_is_scored(evidence: Evidence) -> Iterator[Caution]:
    summary, portfolio = evidence.summary, evidence.portfolio
    if evidence.info.flat and evidence.manifest["cohort"] == f"cohort={ROWS}":
        yield _note(
            "Every row of the table has a label, so those scored are those who taught the model: it knows them, and "
            "ranks them better than it would others. How it ranks others is what validation says."
        )
    restricted = summary.restricted / summary.customers
    if restricted > MANY_RESTRICTED:
        yield _warn(f"{percent(restricted)} of customers get no new credit. Check the data before acting on it.")
    adverse = summary.adverse / summary.customers
    if adverse > MANY_ADVERSE:
        yield _note(f"{percent(adverse)} of decisions are adverse: credit is taken away or refused.")
    if portfolio.in_default:
        yield _note(
            f"{count(portfolio.in_default)} of those scored have a debt in default now. The sample that taught and "
            "judged the model holds nobody like them, so their p_default is an extrapolation; what restricts them is "
            "the debt, not the model."
        )
    rate, expected = evidence.validation.metrics["default_rate"], portfolio.mean_p_current
    if expected and max(rate, expected) > RATES_APART * min(rate, expected):
        yield _warn(
            f"The customers scored are expected to default at {percent(expected)}, those who judged the model did at "
            f"{percent(rate)}: another population, or another time."
        )


def mean_predicted(bins: list[dict[str, float]]) -> float:
    """Mean p_default of the judged sample, from its reliability bins.

    >>> mean_predicted([{"n": 1, "predicted": 0.2}, {"n": 3, "predicted": 0.4}])
    0.35
    """
    total = sum(each["n"] for each in bins)
    return round(sum(each["n"] * each["predicted"] for each in bins) / total, 12)
