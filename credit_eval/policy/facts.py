"""What a policy says of a decision, as facts that can be told in any language: a code each, and its values.

A decision is recorded with its facts, so that whoever reads it later, a reviewer or the customer, is told in a
language of their own without asking the policy again.

>>> facts = (fact("restriction", p=0.62, threshold=0.5), fact("owed", owed=80.25))
>>> told(facts, "CNY")
'no new credit: p_default 0.620 is above 0.50; kept at the balance owed of 80.25 CNY'
>>> told(facts, "CNY", "zh")
'不新增授信：违约概率0.620高于0.50；额度保留至待还余额80.25元'
>>> told(as_facts(as_text(facts)), "CNY") == told(facts, "CNY")
True
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from credit_eval.core.errors import PolicyError
from credit_eval.language.reasons import HELPS
from credit_eval.language.words import CURRENCY_WORDS, Language, Text
from credit_eval.policy.words import WHY

Value = float | str | None
Texts = npt.NDArray[Any]


class Fact(NamedTuple):
    """A code of `SAID`, and the values that its words name."""

    code: str
    values: Mapping[str, Value]


class Shared(NamedTuple):
    """One fact of many decisions: their rows, and values, each the same for all of them or a list with one a row."""

    code: str
    rows: npt.NDArray[np.int64]
    values: Mapping[str, Value | list[float]]


@dataclass(frozen=True)
class Said:
    """A fact in words. `place`: before what bound (why a person decides), what bound, or after it.

    `helps`: what the customer could do about it; None where there is nothing.
    """

    text: Text
    place: Literal["before", "bound", "after"] = "bound"
    helps: Text | None = None


_ON_TIME = HELPS["R_LATE_REPAYMENTS"]
_MEANS = Text(
    "less to pay back in the next 30 days, or an income on record",
    "减少近30天应还金额，或补充收入记录",
)
_STILL = "no new credit: restricted before, and so it stays until reviews {wait} apart have found p_default below {out}"
_STILL_ZH = "不新增授信：此前已受限，相隔{wait}以上的各次复核违约概率均低于{out}方可解除"
#: Every fact there is. Fields in braces are values, written as `_KINDS` says.
SAID: dict[str, Said] = {
    "amount_asked": Said(Text("limit set by the amount asked for, {asked}", "额度按申请金额{asked}核定")),
    "grade_cap": Said(
        Text("limit set by the cap of grade {grade}, {cap}", "额度按{grade}级上限{cap}核定"), helps=_ON_TIME
    ),
    "affordability": Said(
        Text(
            "limit set by affordability, {times} × what is left of a month's own money (estimated): {capacity}",
            "额度按还款能力核定：每月自有资金结余（估计值）{capacity}的{times}倍",
        ),
        helps=_MEANS,
    ),
    "thin_file": Said(
        Text(
            "limit of {cap}, the least that grade {grade} affords: how much is left of a month is not known",
            "额度{cap}为{grade}级最低额度：每月自有资金结余未知",
        ),
        helps=_MEANS,
    ),
    "thin_file_little": Said(
        Text(
            "limit of {cap}, the least that grade {grade} affords: {times} × what is left of a month's own money "
            "(estimated), {capacity}, is not more",
            "额度{cap}为{grade}级最低额度：每月自有资金结余（估计值）{capacity}的{times}倍不高于此",
        ),
        helps=_MEANS,
    ),
    "expected_loss_budget": Said(
        Text(
            "limit set by the expected-loss budget of {budget} at p_default {p} "
            "(LGD {lgd} {lgd_is}, CCF {ccf} {ccf_is})",
            "额度按单客预期损失预算{budget}核定（违约概率{p}；违约损失率{lgd}，{lgd_is}；信用转换系数{ccf}，{ccf_is}）",
        ),
        helps=_ON_TIME,
    ),
    "profit": Said(
        Text(
            "limit set where a higher one is not expected to earn more", "更高额度预计不会带来更多收益，故核定为此额度"
        ),
        helps=_ON_TIME,
    ),
    "exposure_cap": Said(Text("limit set by the exposure cap of {cap}", "额度按单客敞口上限{cap}核定")),
    "overdue": Said(
        Text("no new credit while an instalment is overdue", "有账单逾期未还期间，不新增授信"),
        helps=Text("paying what is overdue", "还清逾期账单"),
    ),
    "stale_data": Said(
        Text(
            "no new credit while nothing has been heard of repayments for {age}",
            "已有{age}未收到还款数据，期间不新增授信",
        )
    ),
    "rule_no_rise": Said(
        Text("no more credit than before: {because} (rule {rule})", "额度不上调：{because}（规则{rule}）")
    ),
    "first_share": Said(
        Text("a new line begins with {share} of what is allowed", "新开额度先给予可授额度的{share}"), helps=_ON_TIME
    ),
    "step_cap": Said(
        Text("limit set by the largest raise at a time, {times} times {line}", "单次上调不超过原额度{line}的{times}倍"),
        helps=Text("nothing but time: the limit is reviewed again", "无需操作：到期将再次评估额度"),
    ),
    "step_cap_reopened": Said(
        Text(
            "a small or closed line is raised at once to no more than {cap}, the thin-file cap of grade {grade}",
            "额度较低或已关闭的，单次最多上调至{grade}级最低额度{cap}",
        ),
        helps=Text("nothing but time: the limit is reviewed again", "无需操作：到期将再次评估额度"),
    ),
    "step_cap_rests": Said(
        Text(
            "limit kept: opened or last changed {since} ago, and raised no sooner than {months} after that",
            "额度不变：距开通或上次调整{since}，满{months}后方可上调",
        ),
        helps=Text("nothing but time: the limit is reviewed again", "无需操作：到期将再次评估额度"),
    ),
    "restriction": Said(
        Text("no new credit: p_default {p} is above {threshold}", "不新增授信：违约概率{p}高于{threshold}"),
        helps=_ON_TIME,
    ),
    "still_restricted": Said(Text(_STILL + "; it is {p} now", _STILL_ZH + "；目前为{p}"), helps=_ON_TIME),
    "still_restricted_first": Said(
        Text(_STILL + "; it is now, for the first time", _STILL_ZH + "；目前首次低于该值"), helps=_ON_TIME
    ),
    "still_restricted_since": Said(
        Text(_STILL + "; it is now, since {below}", _STILL_ZH + "；目前已连续{below}低于该值"), helps=_ON_TIME
    ),
    "legal_cap": Said(
        Text(
            "no new credit: what the risk costs needs a rate above the legal cap of {legal} a year",
            "不新增授信：覆盖风险成本所需的年利率高于法定上限{legal}",
        ),
        helps=_ON_TIME,
    ),
    "rule": Said(Text("no new credit: {because} (rule {rule})", "不新增授信：{because}（规则{rule}）")),
    "in_default": Said(
        Text("no new credit: a debt is in default now", "不新增授信：目前有债务违约"),
        helps=Text("settling the debt that is in default", "结清违约债务"),
    ),
    "override_stop": Said(
        Text(
            "no new credit until {until}, as a person decided: {why} (override {entry})",
            "经人工决定，{until}前（含当日）不新增授信：{why}（人工决定第{entry}号）",
        )
    ),
    "override": Said(
        Text(
            "a limit of {allowed} until {until}, as a person allowed: {why} (override {entry})",
            "经人工核准，额度{allowed}，有效期至{until}：{why}（人工决定第{entry}号）",
        )
    ),
    "override_stop_too": Said(
        Text(
            "a person stopped new credit until {until} as well: {why} (override {entry})",
            "另经人工决定，{until}前（含当日）不新增授信：{why}（人工决定第{entry}号）",
        ),
        "after",
    ),
    "override_gives_way": Said(
        Text(
            "what a person allowed, {allowed} until {until}, gives way to it: {why} (override {entry})",
            "人工核准的额度{allowed}（有效期至{until}）因此不适用：{why}（人工决定第{entry}号）",
        ),
        "after",
    ),
    "too_small": Said(Text("below the smallest limit of {smallest}", "低于最低可开额度{smallest}"), "after"),
    "cut_at_most": Said(Text("cut by no more than {share} at a time", "单次下调不超过{share}"), "after"),
    "cut_rests": Said(
        Text(
            "nothing is cut sooner than {months} after the line was opened or last changed",
            "距开通或上次调整未满{months}，暂不下调",
        ),
        "after",
    ),
    "owed": Said(Text("kept at the balance owed of {owed}", "额度保留至待还余额{owed}"), "after"),
    "dearer": Said(
        Text("the rate rises from {before} to {rate} a year", "年利率由{before}上调至{rate}"), "after", helps=_ON_TIME
    ),
    "counter_offer": Said(Text("{limit} of the {asked} asked for", "申请{asked}，可授予{limit}"), "after"),
    "refer_p_default": Said(Text("p_default is above {threshold}", "违约概率高于{threshold}"), "before"),
    "refer_cured": Said(
        Text("a debt in default was paid {since} ago, less than {probation}", "违约债务还清仅{since}，不足{probation}"),
        "before",
    ),
    "refer_capacity_unknown": Said(Text("how much is left of a month is not known", "每月自有资金结余未知"), "before"),
    "refer_rule": Said(Text("{because}", "{because}"), "before"),
    "refer_no_reason": Said(Text("nothing that could be told raised the risk", "没有可告知的因素提高风险"), "before"),
}
_PERSON = Text("for a person to decide, as {why}: ", "需人工审核（{why}）：")
_STOP = Text("; ", "；")
_IS = {"assumed": Text("assumed", "假设值"), "measured": Text("measured", "实测值")}


def fact(code: str, **values: Value) -> Fact:
    """A fact of `SAID`."""
    return Fact(code, values)


def as_text(facts: Sequence[Fact]) -> str:
    """Facts as JSON: `[["owed",{"owed":80.25}]]`."""
    return "[" + ",".join(_for_each(_json(one.code, one.values), 1)[0] for one in facts) + "]"


def as_facts(text: str) -> tuple[Fact, ...]:
    """Facts from their JSON."""
    return tuple(Fact(code, values) for code, values in json.loads(text))


def told(facts: Sequence[Fact], currency: str = "", language: Language = "en") -> str:
    """One sentence: why a person decides, what bound, and what came of it.

    Raises:
        PolicyError: a rule of the policy has no words in this language.
    """
    parts: dict[str, list[str]] = {"before": [], "bound": [], "after": []}
    for one in facts:
        parts[SAID[one.code].place].append(in_words(one, currency, language))
    person = "".join(_PERSON.in_(language).format(why=why) for why in parts["before"])
    return person + _STOP.in_(language).join(parts["bound"] + parts["after"])


def in_words(one: Fact, currency: str = "", language: Language = "en") -> str:
    """One fact in words."""
    return str(_for_each(_words(one.code, one.values, currency, language), 1)[0])


def all_told(facts: Sequence[Shared], n: int, currency: str = "", language: Language = "en") -> tuple[Texts, Texts]:
    """The sentences of n decisions and their facts as JSON, as `told` and `as_text` have them.

    `facts`: in the order in which they are told; each decision has one that bound.

    Raises:
        PolicyError: a rule of the policy has no words in this language.
    """
    sentences, records = np.full(n, "", dtype=object), np.full(n, "", dtype=object)
    stop, (person, colon) = _STOP.in_(language), _PERSON.in_(language).split("{why}")
    for each in facts:
        words = _for_each(_words(each.code, each.values, currency, language), len(each.rows))
        place = SAID[each.code].place
        ends = {"before": (person, colon), "bound": ("", ""), "after": (stop, "")}[place]
        sentences[each.rows] = sentences[each.rows] + ends[0] + words + ends[1]
        records[each.rows] = records[each.rows] + "," + _for_each(_json(each.code, each.values), len(each.rows))
    return sentences, np.array([f"[{record[1:]}]" for record in records], dtype=object)


def _for_each(pieces: Iterator[str | list[str]], n: int) -> Texts:
    """Texts joined of pieces that are the same everywhere, and of lists."""
    columns = [[piece] * n if isinstance(piece, str) else piece for piece in pieces]
    return np.array(["".join(row) for row in zip(*columns, strict=True)], dtype=object)


def _words(
    code: str, values: Mapping[str, Value | list[float]], currency: str, language: Language
) -> Iterator[str | list[str]]:
    """The words of a fact, piece by piece; a list where a value differs from row to row."""
    if "because_zh" in values:
        values = _in_their_words(values, language)
    for literal, name, _, _ in Formatter().parse(SAID[code].text.in_(language)):
        yield literal
        if name is not None:
            value, limit = values[name], values.get("threshold", values.get("out"))
            if isinstance(value, list):
                yield [_shown(name, each, limit, currency, language) for each in value]
            else:
                yield _shown(name, value, limit, currency, language)


def _json(code: str, values: Mapping[str, Value | list[float]]) -> Iterator[str | list[str]]:
    yield f'["{code}",{{'
    for place, (name, value) in enumerate(values.items()):
        yield f'{"," if place else ""}"{name}":'
        yield [repr(each) for each in value] if isinstance(value, list) else json.dumps(value, ensure_ascii=False)
    yield "}]"


def helps(facts: Sequence[Fact], reasons: Sequence[str] = (), language: Language = "en") -> list[str]:
    """What a customer could do about facts of the policy and reasons of the model, by their codes; each said once."""
    found = [SAID[one.code].helps for one in facts] + [HELPS.get(code) for code in reasons]
    return list(dict.fromkeys(text.in_(language) for text in found if text is not None))


def _in_their_words(values: Mapping[str, Value | list[float]], language: Language) -> Mapping[str, Value | list[float]]:
    """A rule of a policy is told in the words of whoever wrote it."""
    because = values["because_zh"]
    if language == "zh" and because is None:
        raise PolicyError(
            f"rule {values['rule']} of the policy has no words in Chinese",
            expected="`because_zh` beside `because`",
            received="none",
            todo="write it into the policy file, or score in English (`language: en`)",
        )
    return {**values, "because": because} if language == "zh" else values


def _shown(name: str, value: Value, against: object, currency: str, language: Language) -> str:
    if value is None or isinstance(value, str):
        if name == "why":
            return WHY[str(value)].in_(language)
        return _IS[value].in_(language) if value in _IS else str(value)
    kind = _KINDS[name]
    match kind:
        case "money":
            return money(value, currency, language)
        case "days":
            return days(value, language)
        case "months":
            return f"{value:g}个月" if language == "zh" else "a month" if value == 1 else f"{value:g} months"
        case "probability":
            return _probability(value, against)
        case _:
            return format(value, kind)


def money(amount: float, currency: str = "", language: Language = "en") -> str:
    """An amount to the cent, without cents where there are none.

    >>> money(2500, "CNY"), money(52.03, "CNY", "zh")
    ('2,500 CNY', '52.03元')
    """
    shown = f"{amount:,.2f}".removesuffix(".00")
    return shown + CURRENCY_WORDS.get(currency, currency) if language == "zh" else f"{shown} {currency}".rstrip()


def days(number: float, language: Language = "en") -> str:
    """Whole days, rounded down: a wait of 30 days is not over after 29.9.

    >>> days(1.0), days(29.9), days(29.9, "zh")
    ('1 day', '29 days', '29天')
    """
    whole = math.floor(number)
    return f"{whole:,}天" if language == "zh" else f"{whole} day" if whole == 1 else f"{whole:,} days"


def _probability(p: float, against: object) -> str:
    """Three decimals, or as many as it takes to differ from the threshold it is compared with.

    >>> _probability(0.1234, None), _probability(0.5000001, 0.5)
    ('0.123', '0.5000001')
    """
    short = f"{p:.3f}"
    return repr(p) if float(short) == against else short


#: How a value is written, by its name; what is none of these words is a format.
_KINDS = {
    **dict.fromkeys(("asked", "cap", "capacity", "budget", "line", "smallest", "owed", "limit", "allowed"), "money"),
    **dict.fromkeys(("age", "since", "wait", "below", "probation"), "days"),
    **dict.fromkeys(("lgd", "ccf", "threshold", "out"), ".2f"),
    "p": "probability",
    "months": "months",
    "share": ".0%",
    **dict.fromkeys(("legal", "rate", "before"), ".1%"),
    "times": "g",
}
