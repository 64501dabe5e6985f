"""The adverse decisions of a scored run, told in a language: part by part, so in as much memory as a part takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from credit_eval.explain.reasons import reason_codes
from credit_eval.language.typical import Typical
from credit_eval.language.words import Language
from credit_eval.policy.decide import is_adverse
from credit_eval.policy.facts import as_facts, told
from credit_eval.scoring.decision import adverse, in_language
from credit_eval.scoring.lookup import decided, features_of
from credit_eval.scoring.reading import values_of
from credit_eval.scoring.sealed import CONTRIBUTIONS, Scored, open_scored

_TEXTS = [f"reason_{what}_{n}" for what in ("code", "text") for n in range(1, 5)]


def adverse_decisions(
    scored: Path, profiles: Path, language: Language, customer: str | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of the scored file that are adverse, their reasons told in a language; None where there is no value.

    Args:
        scored: directory of the run.
        profiles: of the profiles that were scored.
        language: "en" or "zh".
        customer: None: all of them.

    Raises:
        SourceError: nothing is scored there, or the profiles are not those that were scored.
        CohortError: the customer is not in the run.
        PolicyError: a rule of the policy decided that has no words in this language.
    """
    if customer is not None:
        found = [in_language(one, language).row for one in decided(scored, profiles, customer)]
        yield from (row for row in found if adverse(row))
        return
    run = open_scored(scored)
    for path in run.parts:
        frame = pq.read_table(path).to_pandas()
        rows = np.flatnonzero(is_adverse(frame))
        chosen = frame.iloc[rows].reset_index(drop=True)
        if language != run.manifest["language"]:
            chosen = _retold(chosen, rows, path.name, run, profiles, language)
        yield from chosen.astype(object).where(chosen.notna(), None).to_dict("records")


def _retold(
    chosen: pd.DataFrame, rows: Any, part: str, run: Scored, profiles: Path, language: Language
) -> pd.DataFrame:
    typical = {name: Typical(**said) for name, said in run.manifest["typical"].items()}
    of_run, (contributed,) = run.profiles(profiles), run.read([f"{CONTRIBUTIONS}/{part}"])
    of_run.check(part)
    moved = pq.read_table(contributed).to_pandas().iloc[rows]
    seen = pq.read_table(profiles / part).to_pandas().iloc[rows].reset_index(drop=True)
    currency = run.manifest["currency"]
    features = features_of(of_run, set(typical)).features
    values = values_of(moved, [feature.name for feature in features])
    reasons = reason_codes(values, seen, features, typical, currency=currency, language=language)
    reasons = reasons.where(chosen["reason_code_1"].notna(), None)
    sentences = [told(as_facts(facts), currency, language) for facts in chosen["policy_facts"]]
    return chosen.assign(policy_reason=sentences, **{name: reasons[name] for name in _TEXTS})
