"""The committee paper in words: one part of a page, in English or Chinese, that the report begins with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from credit_eval.core.statistics import Interval
from credit_eval.language.words import CURRENCY_WORDS, Language, code_in_words
from credit_eval.policy.losses import Losses
from credit_eval.policy.settings import Policy
from credit_eval.policy.words import CONSTRAINTS
from credit_eval.report.page import environment
from credit_eval.report.paper import Paper, Row, reason_label
from credit_eval.report.paper_words import ASSUMED, IS, LOANS, MOVES, NUMBERS, WORDS

_COUNTS, _SHARES = ("lines",), ("risk_of_free", "loss_rate")
_RATES = ("dearer", "cheaper")
_DASH = "–"
#: What stands over the columns before and after, of money and of who moves.
_LINES, _ASKED = ("before", "after", "limits_before", "limits_after"), ("asked", "granted", "asked", "granted")
#: From so much on: decimals, and the word of the unit.
_ENGLISH = ((1e6, 2, "\N{NO-BREAK SPACE}million"), (0.0, 0, ""))
_CHINESE = ((1e8, 2, "亿"), (1e4, 1, "万"), (0.0, 0, ""))


@dataclass(frozen=True)
class Signed:
    """Who stands behind the run: `policy` and `losses` it was decided under, None where the policy has changed since.

    `losing`: grades that lend at a loss (`paper.losing_grades`). `author` and `approver` of the published policy.
    """

    policy: Policy | None
    losses: Losses
    losing: Sequence[Row] = ()
    author: str | None = None
    approver: str | None = None


def paper_part(found: Paper, signed: Signed, *, judged_on: str, currency: str, language: Language) -> Markup:
    """The paper as a part of a page.

    Args:
        found: its numbers.
        signed: what it rests on, and who signed.
        judged_on: of which rows the default rates are.
        currency: of amounts.
        language: "en" or "zh".

    Returns:
        HTML.
    """
    say = _Say(language, currency, found.revolving)
    threshold = signed.policy.restriction.threshold if signed.policy else 0.5
    return Markup(
        environment()
        .get_template("committee.html.j2")
        .render(
            w={name: text.in_(language) for name, text in WORDS.items()},
            say=say,
            unit=say.unit,
            colon="：" if language == "zh" else ": ",
            paper=found,
            numbers=[say.number(name, *pair) for name, pair in found.numbers.items()],
            moves=[say.move(name, found.moves[name]) for name in MOVES if name in found.moves],
            decided=[say.decided(row, found.adverse) for row in found.decided],
            assumed=_assumed(signed, say),
            losing=[say.losing(row) for row in signed.losing],
            published=_published(signed, say),
            columns=[WORDS[name].in_(language) for name in (_LINES if found.revolving else _ASKED)],
            window=WORDS["window" if found.revolving else "window_loans"]
            .in_(language)
            .format(days=signed.losses.window_days),
            adverse_lead=WORDS["adverse_lead"]
            .in_(language)
            .format(n=f"{found.adverse:,}", share=say.share(found.adverse / found.customers)),
            grades_lead=WORDS["grades_lead"].in_(language).format(on=_judged_on(judged_on, language)),
            fair_lead=WORDS["fair_lead"].in_(language).format(threshold=f"{threshold:.2f}"),
        )
    )


def _judged_on(said: str, language: Language) -> str:
    """Which rows judged, as the record says it; in Chinese where it is one of two things."""
    if language == "en":
        return said
    return "时间外样本" if said == "out-of-time snapshots" else "交叉验证"


@dataclass(frozen=True)
class _Say:
    """Numbers as a language writes them."""

    language: Language
    currency: str
    revolving: bool = True

    def share(self, value: float | None, digits: int = 1) -> str:
        """A share in percent."""
        if value is None:
            return _DASH
        return (
            f"{value:.{digits}%}"
            if self.language == "zh"
            else f"{value:.{digits}%}".replace("%", "\N{NO-BREAK SPACE}%")
        )

    def money(self, amount: float | None) -> str:
        """An amount, large ones in millions, or 万 and 亿; the currency stands over the table.

        >>> _Say("zh", "CNY").money(48_683_400), _Say("zh", "CNY").money(120.4), _Say("en", "CNY").money(-2_500_000)
        ('4,868.3万', '120', '−2.50\xa0million')
        """
        if amount is None:
            return _DASH
        steps = _CHINESE if self.language == "zh" else _ENGLISH
        large, digits, word = next(step for step in steps if abs(amount) >= step[0])
        return f"{amount / max(large, 1.0):,.{digits}f}{word}".replace("-", "−")

    @property
    def unit(self) -> str:
        """The currency, behind the title of a table."""
        if not self.currency:
            return ""
        return (
            f"（{CURRENCY_WORDS.get(self.currency, self.currency)}）" if self.language == "zh" else f", {self.currency}"
        )

    def code(self, text: str) -> str:
        """A code in words."""
        return code_in_words(text, self.language)

    def interval(self, found: Interval | None) -> str:
        """A share with its interval."""
        if found is None:
            return _DASH
        return f"{self.share(found.value)} [{self.share(max(found.low, 0.0))}, {self.share(min(found.high, 1.0))}]"

    def number(self, name: str, before: float | None, after: float | None) -> tuple[str, str, str, str]:
        """A number of the paper: what, before, after, and by how much it changes."""
        how = (lambda x: f"{x:,.0f}") if name in _COUNTS else self.share if name in _SHARES else self.money
        change = _DASH
        if name in _SHARES and before is not None and after is not None:
            change = f"{100 * (after - before):+.1f}".replace("-", "−") + (
                "个百分点" if self.language == "zh" else " pp"
            )
        elif before is not None and after is not None:
            apart = after - before
            shown = self.share(apart / before) if before > 0 and after > 0 else how(apart)
            change = ("+" if apart > 0 else "") + shown.replace("-", "−")
        called = NUMBERS[name] if self.revolving or name not in LOANS else LOANS[name]
        return called.in_(self.language), how(before), how(after), change

    def move(self, name: str, row: Row) -> tuple[str, str, str, str]:
        """Who moved: what, how many, limits before and after."""
        if name in _RATES:
            return MOVES[name].in_(self.language), f"{row['n']:,}", self.share(row["before"]), self.share(row["after"])
        return MOVES[name].in_(self.language), f"{row['n']:,}", self.money(row["before"]), self.money(row["after"])

    def decided(self, row: Row, adverse: int) -> tuple[str, str, str, str]:
        """What decided, how many, their share, and the model's commonest first reason."""
        named = CONSTRAINTS[row["code"]].in_(self.language)
        return named, f"{row['n']:,}", self.share(row["n"] / adverse), reason_label(row["reason"], self.language)

    def losing(self, row: Row) -> str:
        """A grade that lends at a loss, and who signed."""
        words = WORDS["signed"].in_(self.language).format(who=row["signed"]) if row["signed"] else None
        return (
            WORDS["loss_grade"]
            .in_(self.language)
            .format(
                grade=row["grade"],
                apr=self.share(row["apr"]),
                needed=self.share(row["needed"]),
                who=words or WORDS["unsigned"].in_(self.language),
            )
        )


def _assumed(signed: Signed, say: _Say) -> list[tuple[str, str]]:
    """What the numbers rest on, name and value."""
    losses, policy = signed.losses, signed.policy
    found = {
        "lgd": f"{losses.lgd:.3f} ({IS[losses.lgd_is].in_(say.language)})",
        "ccf": f"{losses.ccf:.3f} ({IS[losses.ccf_is].in_(say.language)})",
    }
    if policy is not None:
        found |= {"threshold": f"{policy.restriction.threshold:.2f}"} | _costs(policy, say)
    shown = {
        name: value.replace(" (", "（").replace(")", "）") if say.language == "zh" else value
        for name, value in found.items()
    }
    return [(ASSUMED[name].in_(say.language), value) for name, value in shown.items()]


def _costs(policy: Policy, say: _Say) -> dict[str, str]:
    found: dict[str, str] = {}
    if policy.profit:
        found["use"], found["funding_rate"] = say.share(policy.profit.use), say.share(policy.profit.funding_rate)
        found["operating_cost"] = say.money(policy.money(policy.profit.operating_cost))
    if policy.price:
        found["capital"] = f"{say.share(policy.price.capital)}, {say.share(policy.price.hurdle)}"
        found["margin"] = say.share(policy.price.margin)
    found["legal_cap"] = WORDS["none"].in_(say.language) if policy.legal_cap is None else say.share(policy.legal_cap)
    return found


def _published(signed: Signed, say: _Say) -> str:
    if signed.policy is None:
        return WORDS["other_policy"].in_(say.language)
    if signed.author is None:
        return WORDS["not_published"].in_(say.language)
    return WORDS["published"].in_(say.language).format(author=signed.author, approver=signed.approver)
