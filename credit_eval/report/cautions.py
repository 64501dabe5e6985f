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
    """One thing to be careful about, in English and Chinese."""

    level: Literal["warning", "note"]
    text: str
    zh: str


@dataclass(frozen=True)
class Evidence:
    """All that the rules look at."""

    summary: Summary
    portfolio: Portfolio
    validation: Record
    manifest: Mapping[str, Any]
    info: DatasetInfo


_BASELINES = {
    "logistic regression": "逻辑回归",
    "logistic regression on ranks": "逻辑回归（按排位）",
}


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


def _warn(text: str, zh: str) -> Caution:
    return Caution("warning", text, zh)


def _note(text: str, zh: str) -> Caution:
    return Caution("note", text, zh)


def _identity(evidence: Evidence) -> Iterator[Caution]:
    """The scored file, the validation and the data set belong together."""
    scored, judged = evidence.manifest["model_version"], evidence.validation.model_version
    if scored != judged:
        yield _warn(
            f"These customers were scored by model version {scored}, but the validation below is of version {judged}: "
            "it says nothing about the model used. Score again.",
            f"评分使用的是模型版本{scored}，而以下检验针对版本{judged}，不能说明所用模型的质量。请重新评分。",
        )
    of_a_file = str(evidence.manifest["cohort"]).startswith("file=")
    if not of_a_file and evidence.manifest["data_fingerprint"] != evidence.info.fingerprint:
        yield _warn(
            "The data set has changed since these customers were scored. Score again.",
            "评分之后数据集已有变更。请重新评分。",
        )


def _promotion(evidence: Evidence) -> Iterator[Caution]:
    overruled = evidence.validation.promoted_anyway
    if overruled:
        said = "; ".join(overruled.objections)
        yield _warn(
            f"The model is champion against the objections of validation: {said}. Because: {overruled.why}",
            f"该模型在检验提出异议的情况下投入使用：{said}。理由：{overruled.why}",
        )


def _how_judged(evidence: Evidence) -> Iterator[Caution]:
    metrics = evidence.validation.metrics
    if evidence.validation.split != "time":
        yield _warn(
            "The model is not judged out of time, but by cross-validation: on customers it has not seen, in a time it "
            "has. Performance on later customers may be worse.",
            "模型未经时间外检验，而是采用交叉验证：客户未参与训练，但时段相同。对之后客户的表现可能较差。",
        )
    if metrics["bads"] < FEW_BADS:
        yield _warn(
            f"Only {count(metrics['bads'])} defaults judge the model; below {FEW_BADS}, no figure of quality is firm.",
            f"检验样本仅有{count(metrics['bads'])}笔违约；少于{FEW_BADS}笔时，任何质量指标都不可靠。",
        )


def _discrimination(evidence: Evidence) -> Iterator[Caution]:
    metrics, parts = evidence.validation.metrics, evidence.validation.metrics_by_part
    width = metrics["auc_high"] - metrics["auc_low"]
    if metrics["auc_low"] <= 0.5:
        yield _warn(
            "The interval of the AUC reaches down to 0.5: the model is not shown to rank better than a coin.",
            "AUC的置信区间下限不高于0.5，不能证明模型的排序优于随机。",
        )
    elif width > WIDE_AUC:
        yield _warn(
            f"The AUC is known only to within {width:.2f} (the width of its 95 % interval).",
            f"AUC的95%置信区间宽达{width:.2f}，估计不够精确。",
        )
    if "fit" in parts and parts["fit"]["auc"] - metrics["auc"] > LEARNT_BY_HEART:
        yield _note(
            f"On the rows that taught the trees the AUC is {parts['fit']['auc']:.3f}, on those that judge them "
            f"{metrics['auc']:.3f}: much of what was learnt does not carry over.",
            f"训练样本上的AUC为{parts['fit']['auc']:.3f}，检验样本上为{metrics['auc']:.3f}：所学内容有相当部分无法推广。",
        )


def _against_baselines(evidence: Evidence) -> Iterator[Caution]:
    for name, gain in evidence.validation.gains.items():
        shown = f"{signed(gain['value'])} [{signed(gain['low'])}, {signed(gain['high'])}]"
        if gain["high"] < 0:
            yield _warn(
                f"The model ranks worse than {name}: AUC difference {shown}.",
                f"模型的排序不如{_BASELINES.get(name, name)}：AUC相差{shown}。",
            )
        elif gain["low"] <= 0:
            yield _warn(
                f"The model is not shown to rank better than {name}: AUC difference {shown}.",
                f"不能证明模型的排序优于{_BASELINES.get(name, name)}：AUC相差{shown}。",
            )


def _calibration(evidence: Evidence) -> Iterator[Caution]:
    metrics, bins = evidence.validation.metrics, evidence.validation.reliability
    rate, n = metrics["default_rate"], metrics["n"]
    by_chance = metrics["ece_by_chance"]
    if metrics["ece"] > max(LARGE_ECE, 2 * by_chance):
        yield _warn(
            f"Calibration error is large: predicted and observed default rates lie {percent(metrics['ece'])} apart on "
            f"average over ten bins (chance alone: about {percent(by_chance)}). Limits and prices rest on them.",
            f"校准误差较大：十个分组的预测与实际违约率平均相差{_share(metrics['ece'])}（随机因素约{_share(by_chance)}）。"
            "额度与定价均以此为依据。",
        )
    predicted = mean_predicted(bins)
    seen = share_interval(rate * n, n)
    apart = max(predicted, rate) / max(min(predicted, rate), 1e-9)
    if apart > LEVEL_APART and not seen.low <= predicted <= seen.high:
        word = "more" if predicted > rate else "fewer"
        yield _warn(
            f"The model expected {word} defaults than came: {percent(predicted, 2)} predicted, {percent(rate, 2)} "
            "observed in the judged sample.",
            f"模型预测的违约{'多' if predicted > rate else '少'}于实际：检验样本预测{_share(predicted, 2)}，"
            f"实际{_share(rate, 2)}。",
        )


def _coverage(evidence: Evidence) -> Iterator[Caution]:
    absent: Mapping[str, str] = evidence.validation.features_absent
    lacks = Counter(absent.values())
    if lacks:
        said = "; ".join(f"{lack} ({n} feature{'s' if n > 1 else ''})" for lack, n in lacks.most_common())
        total = len(absent) + evidence.validation.n_features
        yield _note(
            f"{len(absent)} of {total} features are absent, since the source does not provide: {said}.",
            f"{total}个特征中有{len(absent)}个缺失，因数据来源未提供所需的表或字段，详见英文版。",
        )
    if evidence.manifest["features_absent"] != absent:
        yield _warn(
            "The features absent when scoring are not those absent when the model was trained.",
            "评分时缺失的特征与训练时缺失的特征不一致。",
        )
    unknown = evidence.summary.never_seen_unknown
    if unknown:
        yield _warn(
            f"Of some who are scored, features are unknown ({len(unknown)}) that were known of everybody whom the "
            f"model learnt from: {_commonest(unknown)}. What to think of that it learnt only from values hidden at "
            "random. Find out whether the data still bring them.",
            f"部分客户有{len(unknown)}个特征未知，而训练样本中这些特征对所有人均已知："
            f"{_commonest(unknown, '涉及{n}人', '；')}。请核实数据是否仍在提供。",
        )
    unseen = evidence.summary.never_seen
    if unseen:
        yield _warn(
            "Some who are scored have categories that the model has never seen, and takes for unknown: "
            f"{_commonest(unseen)}.",
            f"部分客户的类别为模型从未见过，按未知处理：{_commonest(unseen, '涉及{n}人', '；')}。",
        )


def _commonest(counted: Mapping[str, int], of: str = "", stop: str = "; ") -> str:
    """The first of counts, commonest first, and how many more there are; in Chinese with `of` and `stop` of its own."""
    first, more = list(counted.items())[:MOST_UNKNOWN], len(counted) - MOST_UNKNOWN
    if of:
        told = stop.join(f"{name}（{of.format(n=count(n))}）" for name, n in first)
        return told + (f"等{len(counted)}项" if more > 0 else "")
    told = stop.join(f"{name} (of {count(n)})" for name, n in first)
    return told + (f"; and {more} more" if more > 0 else "")


def _share(value: float, digits: int = 1) -> str:
    """A share as Chinese writes it."""
    return f"{value:.{digits}%}"


def _who_is_scored(evidence: Evidence) -> Iterator[Caution]:
    summary, portfolio = evidence.summary, evidence.portfolio
    if evidence.info.flat and evidence.manifest["cohort"] == f"cohort={ROWS}":
        yield _note(
            "Every row of the table has a label, so those scored are those who taught the model: it knows them, and "
            "ranks them better than it would others. How it ranks others is what validation says.",
            "表中每一行都有标签，评分对象即训练样本：模型对其排序优于对其他人。对其他人的表现以检验为准。",
        )
    restricted = summary.restricted / summary.customers
    if restricted > MANY_RESTRICTED:
        yield _warn(
            f"{percent(restricted)} of customers get no new credit. Check the data before acting on it.",
            f"{_share(restricted)}的客户将不新增授信。执行前请先核查数据。",
        )
    adverse = summary.adverse / summary.customers
    if adverse > MANY_ADVERSE:
        yield _note(
            f"{percent(adverse)} of decisions are adverse: credit is taken away or refused, or made dearer.",
            f"{_share(adverse)}的决定为不利决定，即减少、拒绝授信或上调利率。",
        )
    if portfolio.in_default:
        yield _note(
            f"{count(portfolio.in_default)} of those scored have a debt in default now. The sample that taught and "
            "judged the model holds nobody like them, so their p_default is an extrapolation; what restricts them is "
            "the debt, not the model.",
            f"{count(portfolio.in_default)}名客户目前有债务违约。训练和检验样本中没有此类客户，其违约概率属于外推；"
            "对其限制的依据是债务本身，而非模型。",
        )
    rate, expected = evidence.validation.metrics["default_rate"], portfolio.mean_p_current
    if expected and max(rate, expected) > RATES_APART * min(rate, expected):
        yield _warn(
            f"The customers scored are expected to default at {percent(expected)}, those who judged the model did at "
            f"{percent(rate)}: another population, or another time.",
            f"评分客户的预期违约率为{_share(expected)}，检验样本的实际违约率为{_share(rate)}：客群或时期不同。",
        )


def mean_predicted(bins: list[dict[str, float]]) -> float:
    """Mean p_default of the judged sample, from its reliability bins.

    >>> mean_predicted([{"n": 1, "predicted": 0.2}, {"n": 3, "predicted": 0.4}])
    0.35
    """
    total = sum(each["n"] for each in bins)
    return round(sum(each["n"] * each["predicted"] for each in bins) / total, 12)
