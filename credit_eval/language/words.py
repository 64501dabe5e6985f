"""The words features are told in: titles made of their parts in English; values and codes in English and Chinese.

>>> folded("mean", "order value", 90), folded("max", "order value", None)
('average order value in the last 90 days', 'largest order value so far')
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal
from unicodedata import east_asian_width

Language = Literal["en", "zh"]
#: Where customers live, as far as laws of credit differ here.
Jurisdiction = Literal["any", "us", "eu", "cn"]
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
    "customers": "registrations",
    "orders": "orders",
    "payments": "payments",
    "browsing": "page views",
    "behaviour": "account events",
    "applications": "requests for credit",
    "accounts": "changes of credit accounts",
    "repayments": "instalments that fell due",
}

_FOLDS = {
    "sum": "{}",
    "mean": "average {}",
    "std": "spread of {} (standard deviation)",
    "min": "smallest {}",
    "max": "largest {}",
    "min_days": "shortest {}",
    "max_days": "longest {}",
    "median": "median {}",
    "nunique": "different {}",
    "entropy": "variety of {} (0: always the same)",
    "last": "latest {}",
}
_NTH = {2: "second most recent {}", 3: "third most recent {}"}
_SERIES = {
    "slope": "average change a {one} of {what}, over the last {n} {many}",
    "variation": "variation from {one} to {one} of {what}, over the last {n} {many} (0: always the same)",
    "longest_run": "most {many} in a row with {what}, of the last {n} {many}",
    "active": "{many} with {what}, of the last {n} {many}",
}
#: What a step of so many days is called: one of them, and several.
_STEPS = {7: ("week", "weeks"), 30: ("month", "months")}

#: What an absent value is called.
ABSENT = Text("not recorded", "无记录")
LESS_THAN_A_DAY = Text("less than a day", "不足1天")
NEVER = Text("never", "从未发生")
NO_LIMIT = Text("no limit open", "额度为零，无法计算")
_DAY, _DAYS, _YEARS = Text(" day", "天"), Text(" days", "天"), Text(" years", "岁")
#: Currencies that Chinese has a word for.
CURRENCY_WORDS = {"CNY": "元"}


def window(days: int | None) -> str:
    """The words of a window; ever has none."""
    return f"in the last {days} days" if days else ""


def so_far(days: int | None) -> str:
    """The words of a window where ever has some, too."""
    return window(days) or "so far"


def folded(kind: str, of: str, days: int | None, nth: int = 1, unit: Unit = "number") -> str:
    """What a fold of a value is called."""
    pattern = _FOLDS.get(f"{kind}_{unit}", _FOLDS[kind]) if nth == 1 else _NTH[nth]
    return joined(pattern.format(of), window(days) if kind == "last" else so_far(days))


def stepped(fold: str, of: str, step: int, steps: int) -> str:
    """What a fold of a series is called; 30 days are told as a month.

    >>> stepped("active", "orders placed", 30, 12)
    'months with orders placed, of the last 12 months'
    """
    one, many = _STEPS.get(step, (f"period of {step} days", f"periods of {step} days"))
    return _SERIES[fold].format(what=of, one=one, many=many, n=steps)


def joined(*parts: str) -> str:
    """Parts that are not empty, with a space between.

    >>> joined("orders", "")
    'orders'
    """
    return " ".join(part for part in parts if part)


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: Chinese takes two a character.

    >>> columns("late"), columns("逾期")
    (4, 4)
    """
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


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
            return amount + (CURRENCY_WORDS.get(currency, currency) if zh else f" {currency}".rstrip())
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
    "sex": Text("sex", "性别"),
    "ethnicity": Text("ethnicity", "民族"),
    "female": Text("female", "女"),
    "male": Text("male", "男"),
    "unknown": Text("not recorded", "未记录"),
    "true": Text("yes", "是"),
    "false": Text("no", "否"),
}
