"""What the report's codes mean, in words a committee reads, and how it writes numbers."""

from __future__ import annotations

from collections.abc import Mapping

from credit_eval.models.record import Record
from credit_eval.policy import words

_UNBROKEN = "\N{NO-BREAK SPACE}"

DECISIONS = {name: called.means.en for name, called in words.DECISIONS.items()}
CONSTRAINTS = {name: called.en for name, called in words.CONSTRAINTS.items()}

LEFT_OUT = {
    "no_account": "had no account yet",
    "already_in_default": "already in default, so they could not fall into it",
    "no_exposure": "had no open limit and owed nothing, so there was nothing to default on",
    "not_matured": "their performance window had not ended",
    "no_outcome": "the source brings no outcome for them",
}

PARTS = {
    "fit": "taught the model; its folds said when to stop",
    "gap": "not in use while it was judged: their window overlaps the judged dates",
    "oot": "judge the model, out of time",
}


def default(record: Record) -> str:
    """What default means."""
    if record.label_source == "outcomes":
        return "as the source labels it; the definition is the source's own"
    days, window = record.definition.days_past_due, record.definition.window_days
    return f"an instalment {days} or more days past due within {window} days after as_of"


def count(number: float) -> str:
    """A whole number with thousands.

    >>> count(27526.0)
    '27,526'
    """
    return f"{number:,.0f}"


def percent(share: float, digits: int = 1) -> str:
    """A share in percent, the sign not parted from the number.

    >>> percent(0.0553).replace(_UNBROKEN, " ")
    '5.5 %'
    """
    return f"{share:.{digits}%}".replace("%", f"{_UNBROKEN}%")


def money(amount: float, currency: str) -> str:
    """An amount without cents, large ones in millions.

    >>> money(48_683_400, "CNY").replace(_UNBROKEN, " "), money(2200, "CNY").replace(_UNBROKEN, " ")
    ('48.7 million CNY', '2,200 CNY')
    """
    text = f"{amount / 1e6:,.1f}{_UNBROKEN}million" if abs(amount) >= 1e6 else f"{amount:,.0f}"
    return f"{text}{_UNBROKEN}{currency}".rstrip()


def number(found: float) -> str:
    """A share with three decimals, an amount without any.

    >>> number(0.31654), number(1234.5), number(0.0)
    ('0.317', '1,234', '0')
    """
    return f"{found:.3f}" if 0 < abs(found) < 2 else f"{found:,.0f}"


def signed(number: float) -> str:
    """A difference of AUCs.

    >>> signed(0.0010), signed(-0.02)
    ('+0.001', '−0.020')
    """
    return f"{number:+.3f}".replace("-", "−")


def interval(metrics: Mapping[str, float], name: str, digits: int = 3) -> str:
    """A metric from a flat record, and its interval where there is one.

    >>> interval({"auc": 0.8407, "auc_low": 0.8275, "auc_high": 0.8531}, "auc").replace(_UNBROKEN, " ")
    '0.841 [0.828, 0.853]'
    >>> interval({"ece": 0.0123}, "ece", 4)
    '0.0123'
    """
    ends = _ends(metrics, name, digits)
    return f"{metrics[name]:.{digits}f}" + (f" [{ends[0]},{_UNBROKEN}{ends[1]}]" if ends else "")


def reach(metrics: Mapping[str, float], name: str) -> str:
    """The interval of a metric in words; nothing where there is none."""
    ends = _ends(metrics, name, 3)
    return f"95{_UNBROKEN}% interval {ends[0]} to {ends[1]}" if ends else ""


def _ends(metrics: Mapping[str, float], name: str, digits: int) -> tuple[str, str] | None:
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    return None if low is None or high is None else (f"{low:.{digits}f}", f"{high:.{digits}f}")
