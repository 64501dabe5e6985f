"""The words features are told in, English and Chinese: windows, folds, units.

>>> folded("mean", Text("order value", "订单金额(含税)"), 90).zh
'近90天平均订单金额（含税）'
>>> folded("max", Text("order value", "订单金额"), None).en
'largest order value so far'
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]
Unit = Literal["count", "money", "days", "share", "ratio", "years", "number", "category"]


_FULL_WIDTH = str.maketrans("(),:;", "（），：；")


#: Stands for Chinese that nobody has written yet. Whatever is made up of it holds it too, and is told in English.
UNTRANSLATED = "\N{WHITE SQUARE}"


@dataclass(frozen=True)
class Text:
    """The same words in both languages; Chinese has its own full-width punctuation, however it was typed.

    >>> Text("orders at night").in_("zh")
    'orders at night'
    """

    en: str
    zh: str = UNTRANSLATED

    def __post_init__(self) -> None:
        object.__setattr__(self, "zh", self.zh.translate(_FULL_WIDTH))

    def in_(self, language: Language) -> str:
        """The words in one language; in English where there are no others."""
        return self.zh if language == "zh" and self.translated else self.en

    @property
    def translated(self) -> bool:
        """Whether there is Chinese for all of it."""
        return UNTRANSLATED not in self.zh


#: What a sentence calls the rows of a table.
ROWS = {
    "customers": Text("registrations", "注册记录"),
    "orders": Text("orders", "订单"),
    "payments": Text("payments", "支付"),
    "browsing": Text("page views", "浏览"),
    "behaviour": Text("account events", "账户操作"),
    "applications": Text("requests for credit", "借款申请"),
    "accounts": Text("changes of credit accounts", "信用账户变动"),
    "repayments": Text("instalments that fell due", "到期账单"),
}
#: The measure word with which Chinese counts the rows of a table.
MEASURE_WORDS = {
    "customers": "次",
    "orders": "笔",
    "payments": "次",
    "browsing": "次",
    "behaviour": "次",
    "applications": "次",
    "accounts": "次",
    "repayments": "期",
}

_FOLDS = {
    "sum": Text("{}", "{}"),
    "mean": Text("average {}", "平均{}"),
    "std": Text("spread of {} (standard deviation)", "{}标准差"),
    "min": Text("smallest {}", "最低{}"),
    "max": Text("largest {}", "最高{}"),
    "min_days": Text("shortest {}", "最短{}"),
    "max_days": Text("longest {}", "最长{}"),
    "median": Text("median {}", "{}中位数"),
    "nunique": Text("different {}", "不同{}数"),
    "entropy": Text("variety of {} (0: always the same)", "{}分散度(0为单一)"),
    "last": Text("latest {}", "最近一次{}"),
}
_NTH = {2: Text("second most recent {}", "倒数第二次{}"), 3: Text("third most recent {}", "倒数第三次{}")}
_SERIES = {
    "slope": Text("average change a {one} of {what}, over the last {n} {many}", "近{n}{what}平均每{unit}变动"),
    "variation": Text(
        "variation from {one} to {one} of {what}, over the last {n} {many} (0: always the same)",
        "近{n}{what}逐{unit}波动幅度(0为不变)",
    ),
    "longest_run": Text(
        "most {many} in a row with {what}, of the last {n} {many}", "近{n}内最长连续有{what}的{unit}数"
    ),
    "active": Text("{many} with {what}, of the last {n} {many}", "近{n}内有{what}的{unit}数"),
}
#: What a step of so many days is called: one of them, several; in Chinese one, and several after their number.
_STEPS = {7: ("week", "weeks", "周", "周"), 30: ("month", "months", "月", "个月")}

#: What an absent value is called.
ABSENT = Text("not recorded", "无记录")
NO_LIMIT = Text("no limit open", "额度为零，无法计算")
_DAY, _DAYS, _YEARS = Text(" day", "天"), Text(" days", "天"), Text(" years", "岁")
#: Currencies that Chinese has a word for.
_CURRENCY_WORDS = {"CNY": "元"}


def window(days: int | None) -> Text:
    """The words of a window; ever has none."""
    return Text(f"in the last {days} days", f"近{days}天") if days else Text("", "")


def so_far(days: int | None, kind: str = "count") -> Text:
    """The words of a window where ever has some, too."""
    adds_up = kind in ("count", "sum", "nunique")
    return window(days) if days else Text("so far", "累计" if adds_up else "历史")


def folded(kind: str, of: Text, days: int | None, nth: int = 1, unit: Unit = "number") -> Text:
    """What a fold of a value is called."""
    pattern = _FOLDS.get(f"{kind}_{unit}", _FOLDS[kind]) if nth == 1 else _NTH[nth]
    when = window(days) if kind == "last" else so_far(days, kind)
    return Text(joined(pattern.en.format(of.en), when.en), when.zh + pattern.zh.format(of.zh))


def stepped(fold: str, of: Text, step: int, steps: int) -> Text:
    """What a fold of a series is called; 30 days are told as a month.

    >>> stepped("active", Text("orders placed", "订单"), 30, 12)
    Text(en='months with orders placed, of the last 12 months', zh='近12个月内有订单的月数')
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


def seen_apart(value: float, unit: Unit) -> float:
    """Values of a unit that differ by more than this are written differently, near `value`.

    >>> seen_apart(0.5, "share"), seen_apart(3.0, "days"), seen_apart(45.0, "days"), seen_apart(1200.0, "money")
    (0.01, 0.1, 1.0, 1.0)
    """
    match unit:
        case "money":
            return 1.0 if abs(value) >= 99 else 0.01
        case "days":
            return 1.0 if abs(value) >= 9 else 0.1
        case "years":
            return 1.0
        case _:
            return 0.01


def show(value: object, unit: Unit, currency: str = "", language: Language = "en", measure: str = "") -> str:
    """A value with its unit; `measure` is the measure word that Chinese counts with.

    >>> show(0.254, "share"), show(1234.6, "money", "UGX"), show(float("nan"), "count"), show(2.04, "days")
    ('25 %', '1,235 UGX', 'not recorded', '2 days')
    >>> [show(v, u, "CNY", "zh", m) for v, u, m in ((12.0, "days", ""), (0.25, "share", ""), (3, "count", "次"))]
    ['12天', '25%', '3次']
    """
    if unknown(value):
        return ABSENT.in_(language)
    if not isinstance(value, int | float):
        return code_in_words(str(value), language)
    zh = language == "zh"
    match unit:
        case "count" | "number" if float(value).is_integer():
            return (f"{value:,.0f}" if unit == "count" else f"{value:.0f}") + (measure if zh else "")
        case "money":
            amount = f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:,.2f}"
            return amount + (_CURRENCY_WORDS.get(currency, currency) if zh else f" {currency}".rstrip())
        case "days":
            days = f"{value:,.1f}".removesuffix(".0") if abs(value) < 10 else f"{value:,.0f}"
            return days + (_DAY if days in ("1", "-1") else _DAYS).in_(language)
        case "years":
            return f"{value:.0f}" + _YEARS.in_(language)
        case "share":
            return f"{value:.0%}" if zh else f"{value:.0%}".replace("%", " %")
        case _:
            return f"{value:,.2f}" + (measure if zh else "")


def code_in_words(code: str, language: Language = "en") -> str:
    """The words of a source's code; one that nobody put into words stands for itself.

    >>> code_in_words("insufficient_funds"), code_in_words("insufficient_funds", "zh"), code_in_words("Kampala")
    ('lack of funds', '余额不足', 'Kampala')
    """
    return CODES[code].in_(language) if code in CODES else code


#: Codes of the declared tables and of the simulator, in words.
CODES = {
    "biometric": Text("face or fingerprint", "人脸或指纹"),
    "password": Text("password", "密码"),
    "sms_code": Text("text message code", "短信验证码"),
    "pay_later": Text("pay later", "先买后付"),
    "app": Text("app", "应用"),
    "mini_program": Text("mini program", "小程序"),
    "web": Text("web", "网页"),
    "qr": Text("QR code", "扫码"),
    "beauty": Text("beauty", "美妆"),
    "books": Text("books", "图书"),
    "electronics": Text("electronics", "数码"),
    "fashion": Text("fashion", "服饰"),
    "games": Text("games", "游戏"),
    "groceries": Text("groceries", "食品杂货"),
    "home": Text("home", "家居"),
    "travel": Text("travel", "旅行"),
    "centre": Text("centre", "中部"),
    "east": Text("east", "东部"),
    "north": Text("north", "北部"),
    "south": Text("south", "南部"),
    "west": Text("west", "西部"),
    "employee": Text("employee", "职员"),
    "self_employed": Text("self-employed", "个体经营"),
    "worker": Text("worker", "工人"),
    "student": Text("student", "学生"),
    "retired": Text("retired", "退休"),
    "none": Text("none", "无业"),
    "wallet": Text("wallet", "钱包"),
    "card": Text("card", "银行卡"),
    "bank": Text("bank transfer", "银行转账"),
    "bnpl": Text("pay later", "先买后付"),
    "cod": Text("cash on delivery", "货到付款"),
    "insufficient_funds": Text("lack of funds", "余额不足"),
    "authentication": Text("failed authentication", "身份验证失败"),
    "technical": Text("technical fault", "技术故障"),
    "true": Text("yes", "是"),
    "false": Text("no", "否"),
}
