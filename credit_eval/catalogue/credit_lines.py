"""The credit there is: accounts and limits, what is owed on them, and how both have moved."""

from __future__ import annotations

from credit_eval.catalogue.repayment import UNPAID
from credit_eval.catalogue.spending import NET_SPENDING_180
from credit_eval.language.constructors import count, difference, fold, gaps, ratio, since
from credit_eval.language.expressions import AsOf, Case, Constant, DaysBetween, Expression, column
from credit_eval.language.feature import Dimension, Feature, Keep, Named, Of
from credit_eval.language.subjects import about, counts, told
from credit_eval.language.words import so_far

_OPEN = Keep("open", UNPAID, "instalments not yet paid")
_OWED = Of("due", column("due_amount"), "money", "money owed in instalments not yet paid")
_LIMIT = Of("limit", column("credit_limit"), "money", "credit limit")
_BORROWED = Of("limit", column("credit_limit"), "money", "credit granted at opening")
_ACCOUNT = Of("held", column("account_id"), "category", "credit accounts or loans")
_PRODUCT = Of("product", column("product"), "category", "credit products")

_CHANGED = Keep("changed", column("occurred_at").above(column("opened_at")), "changes of the credit limit")
_OPENED = Keep("opened", ~_CHANGED.where, "credit accounts or loans opened")
_BLOCKED = Keep("blocked", column("credit_limit").equals(0), "credit lines closed by the lender")

_HISTORY, _CAPACITY = Dimension.HISTORY, Dimension.CAPACITY


def owed_now() -> Feature:
    """All that is drawn up and not paid, due or not: the balance the policy works with."""
    owed = fold("repayments", "sum", _OWED, _OPEN, when_empty=0, title=_OWED.phrase)
    return Feature(owed, _HISTORY, 0, "R_DEBT_LEVEL", role="balance")


def limit_now() -> Feature:
    """The limit of the account changed last."""
    return Feature(_limit(1, "credit limit"), _HISTORY, 0, "R_CREDIT_LINE", role="limit")


def _limit(nth: int, title: str) -> Named:
    return fold("accounts", "last", _LIMIT, when_empty=None, nth=nth, title=title)


def _owed_then(days: int) -> Expression:
    """What of a line was owed so many days before `as_of`: drawn up by then, and not paid by then."""
    drawn_up = DaysBetween(column("occurred_at"), AsOf()).at_least(days)
    not_paid = UNPAID | DaysBetween(column("paid_at"), AsOf()).below(days)
    return Case(drawn_up & not_paid, column("due_amount"), Constant(0))


def _debt_change(days: int) -> Named:
    now = Case(UNPAID, column("due_amount"), Constant(0))
    of = Of(f"owed_change_{days}d", now - _owed_then(days), "money", "change of money owed")
    title = f"change of money owed over the last {days} days"
    return fold("repayments", "sum", of, when_empty=0, title=title)


def _opened(days: int | None) -> Named:
    """Accounts by when they were opened; a change of limit is no opening."""
    title = f"credit accounts or loans {'opened ' if days else ''}{so_far(days)}"
    return fold("accounts", "nunique", _ACCOUNT, clock="opened_at", days=days, when_empty=0, title=title)


_NOW, _BEFORE = limit_now().named, _limit(2, "previous credit limit")
_HIGHEST = fold("accounts", "max", _LIMIT, when_empty=None)
_LOWEST = fold("accounts", "min", _LIMIT, when_empty=None)
_CHANGE_90 = _debt_change(90)

_ACCOUNTS = (
    _opened(None),
    since("accounts", clock="opened_at", first=True, phrase="since the first credit account"),
)
_RECENT = (
    *(_opened(days) for days in (90, 365)),
    since("accounts", clock="opened_at", phrase="since the latest credit account"),
    told(
        gaps("accounts", clock="opened_at"),
        "average time between openings of credit accounts",
    ),
)

_LINE = (
    _HIGHEST,
    fold("accounts", "sum", _BORROWED, _OPENED, days=365, when_empty=0),
    fold("accounts", "mean", _BORROWED, _OPENED, when_empty=None),
    fold("accounts", "last", _PRODUCT, when_empty=None, title="latest credit product"),
)

_LIMIT_MOVES = (
    ratio(
        "accounts_limit_growth",
        _NOW,
        _LOWEST,
        title="credit limit relative to the lowest so far",
    ),
    ratio(
        "accounts_limit_vs_highest",
        _NOW,
        _HIGHEST,
        title="credit limit relative to the highest so far",
    ),
    _BEFORE,
    difference(
        "accounts_limit_last_change",
        _NOW,
        _BEFORE,
        title="latest change of the credit limit",
    ),
    *counts("accounts", _CHANGED, 180, None),
    since("accounts", _CHANGED, phrase="since the credit limit last changed"),
)

_DEBT = (
    _CHANGE_90,
    _debt_change(30),
    ratio(
        "repayments_owed_vs_net_spending_180d",
        owed_now().named,
        NET_SPENDING_180.named,
        title="balance owed relative to net spending of the last 180 days",
    ),
)
_UTILISATION = (
    ratio(
        "repayments_owed_per_limit",
        owed_now().named,
        _NOW,
        unit="share",
        title="share of the credit limit in use",
    ),
    ratio(
        "repayments_owed_change_per_limit_90d",
        _CHANGE_90,
        _NOW,
        unit="share",
        title="change of the share of the credit limit in use over the last 90 days",
    ),
    ratio(
        "repayments_owed_per_highest_limit",
        owed_now().named,
        _HIGHEST,
        unit="share",
        title="money owed as a share of the highest credit limit so far",
    ),
)

FEATURES: tuple[Feature, ...] = (
    owed_now(),
    limit_now(),
    *about("R_SHORT_CREDIT_HISTORY", _HISTORY, *_ACCOUNTS),
    *about("R_RECENT_CREDIT", _HISTORY, *_RECENT),
    *about("R_CREDIT_LINE", _HISTORY, *_LINE),
    *about("R_LIMIT_CHANGES", _HISTORY, *_LIMIT_MOVES),
    *about("R_LIMIT_CHANGES", _HISTORY, count("accounts", _BLOCKED), direction=+1),
    *about("R_DEBT_LEVEL", _CAPACITY, *_DEBT),
    *about("R_UTILISATION", _CAPACITY, *_UTILISATION),
)
