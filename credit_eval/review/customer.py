"""One customer as the review page shows it: the decision, what moved the score, and what was decided before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from credit_eval.core.odds import ScoreScale
from credit_eval.language.feature import Dimension, Feature
from credit_eval.language.words import Language
from credit_eval.models.model import CreditModel
from credit_eval.policy.facts import as_facts, helps, money
from credit_eval.policy.words import CONSTRAINTS, DECISIONS
from credit_eval.review.words import word
from credit_eval.scoring.decision import NOTHING, adverse, in_language
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.lookup import Decided, decided

#: In place of a value that the visitor's role does not show.
HIDDEN = "•••"


#: Features that are shown as steps.
MOST_STAIRS = 12


@dataclass(frozen=True)
class Moved:
    """What moved the score: in words, by how many log-odds of default and points; `share` of the widest bar, -1 … 1.

    `others`: by how many log-odds it moved everybody of the run on average, `others_share` of the bar; None: not told.
    """

    title: str
    log_odds: float
    points: float
    share: float
    value: str = ""
    usual: str = ""
    others: float | None = None
    others_share: float = 0.0


@dataclass(frozen=True)
class Stair:
    """A step from the base to the score: what moved it, by how much, and where the score stands then.

    `begins` and `ends`: in log-odds as shares of the picture's width, 0 … 1.
    """

    title: str
    value: str
    usual: str
    log_odds: float
    points: float
    score: int
    begins: float
    ends: float


@dataclass(frozen=True)
class Shown:
    """A decision, all of it texts and numbers for a page."""

    row: dict[str, Any]
    decision: str
    by: str
    limits: str
    reasons: list[tuple[str, str]]
    helpful: list[str]
    sides: list[Moved]
    stairs: list[Stair]
    features: list[Moved]
    rest: int
    base: float
    total: float


def shown(
    scored: Path,
    profiles: Path,
    model: CreditModel,
    customer: str,
    language: Language,
    others: Mapping[str, float] | None = None,
    *,
    personal: bool = True,
) -> list[Shown]:
    """Every decision of a run on a customer.

    Args:
        scored: directory of the run.
        profiles: of the profiles that were scored.
        model: that decided; it says what a log-odds is in points.
        customer: its id.
        language: of everything.
        others: by feature the mean contribution over everybody of the run (`population`).
        personal: whether what customers are like in person is shown: values of the side "identity and stability".

    Raises:
        SourceError, IntegrityError, CohortError: as `scoring.lookup.decided`.
    """
    found = [in_language(one, language) for one in decided(scored, profiles, customer)]
    return [_shown(one, model, language, others or {}, personal=personal) for one in found]


def history(ledger: Ledger, dataset: str, customer: str, language: Language, scale: ScoreScale) -> list[dict[str, str]]:
    """Every decision on a customer that the ledger holds, latest first, in words."""
    rows = ledger.history(dataset, customer).iloc[::-1].to_dict("records")
    return [
        {
            "date": f"{row['as_of']:%Y-%m-%d}",
            "decision": _decision(str(row["decision"]), language),
            "p": f"{row['p_default']:.1%}",
            "score": str(int(scale.whole_points(row["p_default"]))),
            "rate": "–" if pd.isna(row["apr"]) else f"{row['apr']:.1%}",
            "limit": limits(_or_none(row["limit_before"]), float(row["limit_after"]), "", language),
        }
        for row in rows
    ]


def limits(before: float | None, now: float, currency: str, language: Language) -> str:
    """A limit before and now."""
    was = word("no_line", language) if before is None else money(before, language=language)
    return f"{was} → {money(now, currency, language)}"


def _shown(
    found: Decided, model: CreditModel, language: Language, others: Mapping[str, float], *, personal: bool
) -> Shown:
    row, currency = found.row, str(found.manifest["currency"])
    a_point = -model.scale.pdo / math.log(2) * model.calibrated().slope
    reasons = [(row[f"reason_code_{n}"], row[f"reason_text_{n}"]) for n in range(1, 5) if row[f"reason_code_{n}"]]
    told = [one for one in found.seen if abs(one.contribution) >= NOTHING]
    widest = max((abs(one.contribution) for one in told), default=1.0)
    features = [
        Moved(
            one.feature.title_in(language),
            one.contribution,
            one.contribution * a_point,
            one.contribution / widest,
            HIDDEN if _is_personal(one.feature) and not personal else one.feature.show(one.value, currency, language),
            one.feature.usual(one.typical, currency, language),
        )
        for one in sorted(told, key=lambda one: -abs(one.contribution))
    ]
    helpful = helps(as_facts(row["policy_facts"]), [code for code, _ in reasons], language) if adverse(row) else []
    return Shown(
        row=row,
        decision=_decision(str(row["decision"]), language),
        by=CONSTRAINTS[row["decided_by"]].in_(language),
        limits=limits(_or_none(row["limit_previous"]), float(row["limit_new"]), currency, language),
        reasons=reasons,
        helpful=helpful,
        sides=_sides(found, a_point, language, others),
        stairs=_stairs(found, features[:MOST_STAIRS], model, a_point, language),
        features=features[MOST_STAIRS:],
        rest=len(found.seen) - len(told),
        base=found.base,
        total=found.log_odds,
    )


def _stairs(
    found: Decided, features: list[Moved], model: CreditModel, a_point: float, language: Language
) -> list[Stair]:
    """From the base over the features that moved the score most, and all others together, to the score."""
    said = [(one.title, one.value, one.usual, one.log_odds) for one in features]
    rest = found.log_odds - found.base - sum(one.log_odds for one in features)
    n = sum(1 for one in found.seen if one.contribution) - len(features)
    if n > 0:
        said.append((word("rest_together", language, n=n), "", "", rest))
    ends = list(accumulate((one[3] for one in said), initial=found.base))
    low, high = min(ends), max(ends)
    wide = (high - low) or 1.0
    places = [(one - low) / wide for one in ends]
    scores = model.scale.whole_points(model.calibrated().p_default(np.array([*ends[:-1], found.log_odds]))).tolist()
    base = Stair(word("base", language), "", "", found.base, 0.0, scores[0], places[0], places[0])
    return [base] + [
        Stair(title, value, usual, moved, moved * a_point, score, begins, end)
        for (title, value, usual, moved), score, (begins, end) in zip(said, scores[1:], pairwise(places), strict=True)
    ]


def _is_personal(feature: Feature) -> bool:
    return feature.dimension == Dimension.IDENTITY


def _sides(found: Decided, a_point: float, language: Language, others: Mapping[str, float]) -> list[Moved]:
    of_side = {side: [one for one in found.seen if one.feature.dimension == side] for side in Dimension}
    sums = {side: sum(one.contribution for one in seen) for side, seen in of_side.items() if seen}
    usual = {side: sum(others.get(one.feature.name, 0.0) for one in of_side[side]) for side in sums}
    widest = max((abs(one) for one in [*sums.values(), *usual.values()]), default=1.0) or 1.0
    return [
        Moved(
            side.in_words(language),
            one,
            one * a_point,
            one / widest,
            others=usual[side] if others else None,
            others_share=usual[side] / widest,
        )
        for side, one in sums.items()
    ]


def _decision(name: str, language: Language) -> str:
    return DECISIONS[name].name.in_(language)


def _or_none(value: float | None) -> float | None:
    return None if value is None or value != value else float(value)
