"""One decision as a person reads it: what, how risky, why, and the profile behind it, beside what is typical.

It reads what a run left and works nothing out anew, so it takes no longer of a million customers than of ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credit_eval.core.errors import SourceError
from credit_eval.core.files import read_json
from credit_eval.core.runs import Run
from credit_eval.language.feature import Dimension
from credit_eval.scoring.lookup import Decided, Seen

if TYPE_CHECKING:
    from credit_eval.language.words import Language

Tell = Callable[..., None]
#: Contributions smaller than this, in log-odds, are told as none.
NOTHING = 0.005


def latest_run(all_scored: Path) -> Run:
    """The run scored last of a data set's own customers.

    Args:
        all_scored: directory of its scored runs.

    Returns:
        by the time at which scoring finished.

    Raises:
        SourceError: nothing is scored yet.
    """
    manifests = [path for path in all_scored.glob("*/manifest.json") if not path.parent.name.startswith("file=")]
    if not manifests:
        name = all_scored.name
        raise SourceError(f"nothing is scored of {name} yet", todo=f"run `credit-eval score {name}` first")
    return Run.read(max(manifests, key=_finished).parent.name)


def _finished(manifest: Path) -> str:
    return str(read_json(manifest)["finished"])


def as_json(found: Decided) -> dict[str, Any]:
    """A decision for programs: the scored row, and per feature its value, what is typical, and its contribution."""
    profile = {
        one.feature.name: {"value": one.value, "typical": one.typical.value, "contribution": one.contribution}
        for one in found.seen
    }
    return found.row | {"profile": profile}


def in_language(found: Decided, language: Language) -> Decided:
    """A decision whose reasons of the model are told in a language; those of the policy are in English.

    Args:
        found: a decision.
        language: "en" or "zh".

    Returns:
        the same decision.
    """
    import numpy as np
    import pandas as pd

    from credit_eval.explain.reasons import reason_codes

    if not found.row["reason_code_1"]:
        return found
    features, profile = [one.feature for one in found.seen], {one.feature.name: [one.value] for one in found.seen}
    told = reason_codes(
        np.array([[one.contribution for one in found.seen]]),
        pd.DataFrame(profile),
        features,
        {one.feature.name: one.typical for one in found.seen},
        currency=found.manifest["currency"],
        language=language,
    )
    return replace(found, row=found.row | {str(name): text for name, text in told.iloc[0].items()})


def tell_decision(found: Decided, tell: Tell, *, everything: bool = False) -> None:
    """Print a decision for a person.

    Args:
        found: a decision.
        tell: prints a line.
        everything: also the features that moved the score by next to nothing.
    """
    row, currency = found.row, found.manifest["currency"]
    tell(
        (str(row["customer_id"]), "bold"),
        f" of {found.manifest['dataset']} as of {row['as_of']:%Y-%m-%d %H:%M} UTC, model {row['model_version']}, "
        f"policy {row['policy_version']}",
    )
    tell((f"  {row['decision']}", "bold"), f"  {_limits(row, currency)}")
    tell(f"  {row['policy_reason']}")
    risk = f"p_default {row['p_default']:.3f}, score {row['score']}, grade {row['grade']}"
    tell(f"  decided by {row['decided_by']}; {risk}")
    reasons = [(row[f"reason_code_{n}"], row[f"reason_text_{n}"]) for n in range(1, 5) if row[f"reason_code_{n}"]]
    for n, (code, text) in enumerate(reasons, 1):
        tell(f"  {n}. {text}  ", (str(code), "dim"))
    if not reasons:
        tell(("  no reasons of the model: a rule decided, or nothing raised the risk", "dim"))
    told = [one for one in found.seen if everything or abs(one.contribution) >= NOTHING]
    tell("\nthe profile, and by how much it moved the log-odds of default (+ raises the risk):")
    for dimension, lines in _by_dimension(told, currency):
        tell((f"  {dimension.replace('_', ' ')}", "bold"))
        for line in lines:
            tell(line)
    if len(told) < len(found.seen):
        rest = len(found.seen) - len(told)
        tell((f"  and {rest} feature{'s' * (rest > 1)} that moved it by less than {NOTHING}: --all", "dim"))


def _limits(row: dict[str, Any], currency: str) -> str:
    before = "no limit" if row["limit_previous"] is None else f"{row['limit_previous']:,.2f}"
    plans = f", up to {row['max_installments']} instalments" if row["max_installments"] else ", no new instalments"
    return f"{before} -> {row['limit_new']:,.2f} {currency} ({row['limit_bound_by']}), {row['apr']:.0%} a year{plans}"


def _by_dimension(seen: Sequence[Seen], currency: str) -> Iterator[tuple[Dimension, list[str]]]:
    for dimension in Dimension:
        mine = [one for one in seen if one.feature.dimension == dimension]
        if mine:
            yield dimension, [_line(one, currency) for one in mine]


def _line(one: Seen, currency: str) -> str:
    """Title, value, what is typical, and by how much it moved the log-odds: + raises the risk."""
    feature = one.feature
    moved = f"{one.contribution:+.2f}" if abs(one.contribution) >= NOTHING else ""
    value, usual = feature.show(one.value, currency), feature.usual(one.typical, currency)
    return f"  {moved:>6}  {feature.title:<64} {value:>16}   {usual}"
