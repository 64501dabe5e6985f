"""The committee paper of a scored run: its numbers, what judged the model, groups for audits, and who signed."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from credit_eval.core.errors import SourceError
from credit_eval.core.runs import Run
from credit_eval.models.record import judging
from credit_eval.policy.losses import Losses
from credit_eval.report.paper import Judged, Paper, losing_grades, paper
from credit_eval.report.paper_page import Signed
from credit_eval.scoring.sealed import open_scored
from credit_eval.study.publishing import audited, published
from credit_eval.study.study import Study


def paper_of(study: Study, run: Run) -> tuple[Paper, Signed]:
    """The paper of a run, and who stands behind it.

    Args:
        study: whose customers were scored.
        run: scored.

    Returns:
        the numbers, and what they rest on. Of a policy that has changed since, nothing is said but the numbers.
    """
    scored = study.paths.scored(study.name, run.label)
    manifest = open_scored(scored).manifest
    policy, same = study.policy, manifest["policy_version"] == study.policy.policy_version
    found = paper(
        scored,
        policy,
        revolving=manifest["revolving"],
        judged=_judged(study),
        groups=lambda rows: _groups(study, rows, run),
    )
    if not same:
        return found, Signed(None, Losses(**manifest["losses"]))
    losses, said = Losses(**manifest["losses"]), published(study).get(policy.policy_version, {})
    return found, Signed(
        policy, losses, losing_grades(policy, losses, scored), said.get("author"), said.get("approver")
    )


def _judged(study: Study) -> Judged | None:
    """The rows that judged the champion, with their arrears and groups; None where nothing is kept."""
    try:
        rows = judging(study.judged()).reset_index(drop=True)
    except SourceError:
        return None
    keys = ["customer_id", "as_of"]
    standing = study.standing(rows[keys])[[*keys, "days_past_due"]]
    late = rows[keys].merge(standing, on=keys, how="left")["days_past_due"].fillna(0.0)
    return Judged(rows, late, dict(audited(study, rows)))


def _groups(study: Study, rows: pd.DataFrame, run: Run) -> Mapping[str, pd.Series[str]]:
    """Of people of a file nobody knows groups."""
    return {} if run.file else dict(audited(study, rows))
