"""Who may become champion: a model that is shown to rank, and that is not shown to rank worse than a simpler one.

>>> objections({"auc": 0.438, "auc_low": 0.40, "auc_high": 0.48}, {})
['it is not shown to rank better than a coin: AUC 0.438 [0.400, 0.480]']
>>> objections({"auc": 0.7, "auc_low": 0.66, "auc_high": 0.74}, {"logistic regression": {"value": -0.01, "low": -0.03,
...                                                                                    "high": 0.01}})
[]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from credit_eval.core.errors import ModelError

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


def check_promotion(dataset: str, found: Sequence[str], why_anyway: str | None) -> Overruled | None:
    """Refuse a model with objections, unless somebody gives a reason; the record of that, or None if none is needed.

    Raises:
        ModelError: there are objections and no reason.
    """
    if not found:
        return None
    if why_anyway is None:
        raise ModelError(
            f"the model trained on {dataset} does not become champion: " + "; ".join(found),
            expected="an AUC whose interval lies above 0.5, and no baseline that is shown to rank better",
            todo="bring more data or better features; or say why it shall decide all the same: --promote-anyway WHY. "
            "The champion is who it was",
        )
    return Overruled(why_anyway.strip(), list(found))
