"""Who may become champion: a model that is shown to rank, whose probabilities are true, and that is not shown to be
worse than a simpler one, nor than the champion.

>>> objections({"auc": 0.438, "auc_low": 0.40, "auc_high": 0.48}, {})
['it is not shown to rank better than a coin: AUC 0.438 [0.400, 0.480]']
>>> objections({"auc": 0.7, "auc_low": 0.66, "auc_high": 0.74}, {"logistic regression": {"value": -0.01, "low": -0.03,
...                                                                                    "high": 0.01}})
[]
>>> calibrated({"value": 1.6, "low": 1.45, "high": 1.75})
['its probabilities are not true: 1.60 [1.45, 1.75] defaults came for one that was predicted']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from credit_eval.core.errors import ModelError
from credit_eval.models.comparison import Comparison

#: Defaults that come for each predicted one, between which a model is not said to be wrong.
BORNE = (0.8, 1.25)
Gain = Mapping[str, float]


@dataclass(frozen=True)
class Overruled:
    """Objections to a champion, and why it decides all the same."""

    why: str
    objections: list[str]


def objections(metrics: Mapping[str, float], gains: Mapping[str, Gain]) -> list[str]:
    """Why a model should not decide about people, one phrase each; none where nothing speaks against it.

    `metrics` has the AUC on rows that taught it nothing, with its 95 % interval; `gains` the paired difference of AUC
    to each baseline on those rows. A difference whose interval holds 0 is no objection, only a thing to say.
    """
    found = []
    if metrics["auc_low"] <= 0.5:
        shown = f"{metrics['auc']:.3f} [{metrics['auc_low']:.3f}, {metrics['auc_high']:.3f}]"
        found.append(f"it is not shown to rank better than a coin: AUC {shown}")
    found += [
        f"it ranks worse than {name}: AUC difference {gain['value']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"
        for name, gain in gains.items()
        if gain["high"] < 0
    ]
    return found


def calibrated(came: Gain) -> list[str]:
    """The objection to a model of which so many defaults came for each predicted one (95 % interval, by customer).

    A fifth more or less is borne: later months differ from earlier ones. It must be shown to be more than that.
    """
    low, high = BORNE
    if low <= came["high"] and came["low"] <= high:
        return []
    shown = f"{came['value']:.2f} [{came['low']:.2f}, {came['high']:.2f}]"
    return [f"its probabilities are not true: {shown} defaults came for one that was predicted"]


def beside_the_champion(found: Comparison) -> list[str]:
    """Objections to a challenger that is shown to be worse than the champion on the same rows."""
    said = {"ranks worse than": ("AUC", found.gain_auc), "predicts worse than": ("log loss", found.gain_log_loss)}
    return [
        f"it {what} the champion, version {found.against}: {name} gain {gain['value']:+.4f} [{gain['low']:+.4f}, "
        f"{gain['high']:+.4f}]"
        for what, (name, gain) in said.items()
        if gain["high"] < 0
    ]


def compared(gain: Gain) -> str:
    """What a paired difference of AUC shows, in words.

    >>> compared({"value": 0.01, "low": -0.01, "high": 0.03}), compared({"value": 0.02, "low": 0.01, "high": 0.03})
    ('not shown to rank better', 'ranks better')
    """
    if gain["high"] < 0:
        return "ranks worse"
    return "not shown to rank better" if gain["low"] <= 0 else "ranks better"


def check_reason(why_anyway: str | None) -> None:
    """Refuse a reason that says nothing, before anything is trained.

    Raises:
        ModelError: it is blank.
    """
    if why_anyway is not None and not why_anyway.strip():
        raise ModelError("no reason is given to promote the model anyway", expected="a sentence", received="blank")


def refused(dataset: str, version: int, found: Sequence[str]) -> ModelError:
    """What is told of a challenger with objections that nobody overrules."""
    return ModelError(
        f"version {version}, trained on {dataset}, does not become champion: " + "; ".join(found),
        expected="an AUC whose interval lies above 0.5, true probabilities, and neither a baseline nor a champion that "
        "is shown to be better",
        todo=f"look at it: `credit-eval compare {dataset}`; bring more data or better features; or say why it shall "
        f"decide all the same: --promote-anyway WHY, or `credit-eval registry promote {dataset} {version} --why … --by "
        "…`. The champion is who it was",
    )
