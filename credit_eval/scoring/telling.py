"""The adverse decisions of a scored run, told in a language: part by part, so in as much memory as a part takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from credit_eval.core.errors import SourceError
from credit_eval.core.files import read_json
from credit_eval.explain.reasons import reason_codes
from credit_eval.language.typical import Typical
from credit_eval.language.words import Language
from credit_eval.policy.decide import is_adverse
from credit_eval.policy.facts import as_facts, told
from credit_eval.scoring.decision import adverse, in_language
from credit_eval.scoring.lookup import decided, features_of

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
    manifest = read_json(scored / "manifest.json")
    for path in sorted(scored.glob("part-*.parquet")):
        frame = pq.read_table(path).to_pandas()
        rows = np.flatnonzero(is_adverse(frame))
        chosen = frame.iloc[rows].reset_index(drop=True)
        if language != manifest["language"]:
            chosen = _retold(chosen, rows, path, profiles, manifest, language)
        yield from chosen.astype(object).where(chosen.notna(), None).to_dict("records")


def _retold(
    chosen: pd.DataFrame, rows: Any, path: Path, profiles: Path, manifest: dict[str, Any], language: Language
) -> pd.DataFrame:
    typical = {name: Typical(**said) for name, said in manifest["typical"].items()}
    moved = pq.read_table(path.parent / "contributions" / path.name).to_pandas().iloc[rows]
    seen = pq.read_table(profiles / path.name).to_pandas().iloc[rows].reset_index(drop=True)
    if not seen["customer_id"].equals(chosen["customer_id"]):
        raise SourceError(
            f"the profiles at {profiles.name} are not those of the run {path.parent.name}",
            expected="the profiles that were scored",
            todo="score it anew, with --replace",
        )
    features = features_of(profiles, set(typical)).features
    values = moved[[feature.name for feature in features]].to_numpy(dtype=np.float64)
    reasons = reason_codes(values, seen, features, typical, currency=manifest["currency"], language=language)
    reasons = reasons.where(chosen["reason_code_1"].notna(), None)
    sentences = [told(as_facts(facts), manifest["currency"], language) for facts in chosen["policy_facts"]]
    return chosen.assign(policy_reason=sentences, **{name: reasons[name] for name in _TEXTS})
