"""The words features are told in, English and Chinese: windows, folds, units.

>>> folded("mean", Text("order value", "订单金额"), 90).zh
'近90天平均订单金额'
>>> folded("max", Text("order value", "订单金额"), None).en
'largest order value so far'
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]
Unit = Literal["count", "money", "days", "share", "ratio", "years", "number", "category"]


@dataclass(frozen=True)
class Text:
    """The same words in both languages."""

    en: str
    zh: str

    def in_(self, language: Language) -> str:
        """The words in one language."""
        return self.zh if language == "zh" else self.en


#: What a sentence calls the rows of a table.
ROWS = {
    "customers": Text("registrations", "注册记录"),
    "orders": Text("orders", "订单"),
    "payments": Text("payments", "支付"),
    "browsing": Text("page events", "浏览"),
    "behaviour": Text("account events", "账户操作"),
    "applications": Text("requests for credit", "借款申请"),
    "accounts": Text("changes of credit accounts", "信用账户变动"),
    "repayments": Text("instalments that fell due", "到期分期"),
}

_FOLDS = {
    "sum": Text("{}", "{}"),
    "mean": Text("average {}", "平均{}"),
    "std": Text("spread of {}", "{}的波动"),
    "min": Text("smallest {}", "最低{}"),
    "max": Text("largest {}", "最高{}"),
    "min_days": Text("shortest {}", "最短{}"),
    "max_days": Text("longest {}", "最长{}"),
    "nunique": Text("different {}", "不同{}数"),
    "entropy": Text("spread over {} (bits)", "{}的分散程度(比特)"),
    "last": Text("latest {}", "最近一次{}"),
}
_NTH = {2: Text("last but one {}", "倒数第二次{}"), 3: Text("last but two {}", "倒数第三次{}")}
_SERIES = {
    "slope": Text("trend of {what} per {one} over the last {n} {many}", "近{n}{what}的逐{unit}趋势"),
    "variation": Text(
        "relative variation of {what} per {one} over the last {n} {many}", "近{n}{what}的逐{unit}相对波动"
    ),
    "longest_run": Text(
        "longest run of {many} with {what} in the last {n} {many}", "近{n}内连续有{what}的最长{unit}数"
    ),
    "active": Text("{many} with {what} among the last {n} {many}", "近{n}内有{what}的{unit}数"),
}
#: What a step of so many days is called: one of them, several; in Chinese one, and several after their number.
_STEPS = {7: ("week", "weeks", "周", "周"), 30: ("month", "months", "月", "个月")}

_UNKNOWN = Text("unknown", "未知")
_DAYS, _YEARS = Text(" days", "天"), Text(" years", "岁")


def window(days: int | None) -> Text:
    """The words of a window; ever has none."""
    return Text(f"in the last {days} days", f"近{days}天") if days else Text("", "")


def so_far(days: int | None, kind: str = "count") -> Text:
    """The words of a window where ever has some, too."""
    adds_up = kind in ("count", "sum", "nunique")
    return window(days) if days else Text("so far", "累计" if adds_up else "历来")


def folded(kind: str, of: Text, days: int | None, nth: int = 1, unit: Unit = "number") -> Text:
    """What a fold of a value is called."""
    pattern = _FOLDS.get(f"{kind}_{unit}", _FOLDS[kind]) if nth == 1 else _NTH[nth]
    when = window(days) if kind == "last" else so_far(days, kind)
    return Text(joined(pattern.en.format(of.en), when.en), when.zh + pattern.zh.format(of.zh))


def stepped(fold: str, of: Text, step: int, steps: int) -> Text:
    """What a fold of a series is called; 30 days are told as a month.

    >>> stepped("active", Text("orders placed", "订单"), 30, 12)
    Text(en='months with orders placed among the last 12 months', zh='近12个月内有订单的月数')
    """
    unnamed = (f"period of {step} days", f"periods of {step} days", f"{step}天周期", f"个{step}天周期")
    one, many, unit, units = _STEPS.get(step, unnamed)
    pattern = _SERIES[fold]
    return Text(
        pattern.en.format(what=of.en, one=one, many=many, n=steps),
        pattern.zh.format(what=of.zh, unit=unit, n=f"{steps}{units}"),
    )


def joined(*parts: str) -> str:
    """Parts that are not empty, with a space between.

    >>> joined("orders", "")
    'orders'
    """
    return " ".join(part for part in parts if part)


def unknown(value: object) -> bool:
    """Whether a profile holds no value here (None or NaN)."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or value != value


def show(value: object, unit: Unit, currency: str = "", language: Language = "en") -> str:
    """A value with its unit.

    >>> show(0.254, "share"), show(1234.6, "money", "UGX"), show(float("nan"), "count"), show(2.04, "days")
    ('25 %', '1,235 UGX', 'unknown', '2.0 days')
    >>> show(12.0, "days", language="zh")
    '12天'
    """
    if unknown(value):
        return _UNKNOWN.in_(language)
    if not isinstance(value, int | float):
        return str(value)
    match unit:
        case "count" | "number" if float(value).is_integer():
            return f"{value:,.0f}" if unit == "count" else f"{value:.0f}"
        case "money":
            return f"{value:,.0f} {currency}".rstrip() if abs(value) >= 100 else f"{value:,.2f} {currency}".rstrip()
        case "days":
            return (f"{value:,.1f}" if value < 10 else f"{value:,.0f}") + _DAYS.in_(language)
        case "years":
            return f"{value:.0f}" + _YEARS.in_(language)
        case "share":
            return f"{value:.0%}".replace("%", " %")
        case _:
            return f"{value:,.2f}"
