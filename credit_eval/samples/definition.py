"""What default means, and who can be judged by it.

A schedule line hits default at the moment it is `days_past_due` days late: at `due_at + days_past_due`, if it
was not paid strictly before. A customer defaulted, seen from `as_of`, if any of their lines hits default in
(as_of, as_of + window_days]. Payments after the data end are unseen, so only windows that end by
`known_until` are judged.

With 60 days past due, a window of 120 days and as_of 1 March: a line due on 10 January and never paid hit
on 11 March and counts; one due on 20 December hit on 18 February, before as_of, so its customer was already
in default and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from credit_eval.core.errors import SampleError
from credit_eval.events.engines.duckdb import DuckDB, parquet, quote
from credit_eval.events.store import Dataset


@dataclass(frozen=True)
class DefaultDefinition:
    """A customer is bad who becomes `days_past_due` days late within `window_days` after `as_of`."""

    days_past_due: int = 60
    window_days: int = 120

    def __post_init__(self) -> None:
        if self.days_past_due < 0 or self.window_days < 1:
            raise SampleError(
                "a default definition that nobody can meet",
                expected="days_past_due >= 0 and window_days >= 1",
                received=f"days_past_due={self.days_past_due}, window_days={self.window_days}",
            )

    @property
    def window(self) -> timedelta:
        """The performance window."""
        return timedelta(days=self.window_days)


def label_cohort(engine: DuckDB, dataset: Dataset, cohort: Path, definition: DefaultDefinition) -> pd.DataFrame:
    """What became of each member of a cohort file, one row each, ordered by customer_id and as_of.

    Returns columns customer_id (str), as_of (datetime64[us]), defaulted (Int8; NA where excluded), label_known_at
    (datetime64[us]; NaT where excluded: the end of the window, or when the source says it knew) and exclusion
    (None, or why the row cannot be judged). From repayments: `no_account` (none known before as_of),
    `already_in_default` (a line as late as that, still unpaid at as_of), `not_matured` (the window ends after
    the data). Where the source brings labels of its own: `no_outcome` (it brings none for this row).

    Raises:
        SampleError: the data set has neither outcomes nor repayments with their payments.
    """
    brought = dataset.info.label_source == "outcomes"
    sql = _from_outcomes(dataset) if brought else _from_repayments(dataset, definition)
    members = f"SELECT customer_id, as_of FROM {parquet(cohort)}"
    frame = engine.frame(f"WITH cohort AS ({members}), {sql} ORDER BY customer_id, as_of")
    frame["exclusion"] = frame["exclusion"].astype(object).where(frame["exclusion"].notna(), None)
    return frame.astype({"defaulted": "Int8", "as_of": "datetime64[us]", "label_known_at": "datetime64[us]"})


def in_default(
    engine: DuckDB, dataset: Dataset, cohort: Path, definition: DefaultDefinition
) -> frozenset[tuple[str, datetime]]:
    """Members (customer_id, as_of) of a cohort with a line in default at their `as_of`, as it was known then.

    For the policy, so for every source with repayments, also for those that bring labels of their own.
    """
    if not _tells_payments(dataset):
        return frozenset()
    rows = engine.rows(
        f"""WITH cohort AS (SELECT customer_id, as_of FROM {parquet(cohort)}), {_lines(dataset, definition)}
            SELECT DISTINCT customer_id, as_of FROM cohort JOIN lines USING (customer_id)
            WHERE {_ALREADY}"""
    )
    return frozenset((customer, as_of) for customer, as_of in rows)


def _from_outcomes(dataset: Dataset) -> str:
    if not dataset.outcomes_path.exists():
        raise SampleError(
            f"data set {dataset.name} has no outcomes",
            expected="outcomes.parquet, since its labels come from there",
            todo="import it again",
        )
    return f"""
        outcomes AS (SELECT customer_id, as_of, defaulted, known_at FROM {parquet(dataset.outcomes_path)})
        SELECT customer_id, as_of, CAST(defaulted AS TINYINT) AS defaulted,
               CASE WHEN defaulted IS NOT NULL THEN known_at END AS label_known_at,
               CASE WHEN defaulted IS NULL THEN 'no_outcome' END AS exclusion
        FROM cohort LEFT JOIN outcomes USING (customer_id, as_of)"""


def account_known_at(dataset: Dataset) -> str:
    """SQL for when an account (or a change of its limit) became known."""
    return "coalesce(known_at, occurred_at)" if dataset.has("accounts", "known_at") else "occurred_at"


def _from_repayments(dataset: Dataset, definition: DefaultDefinition) -> str:
    if not _tells_payments(dataset) or not dataset.has("accounts"):
        raise SampleError(
            f"data set {dataset.name} cannot be labelled",
            expected="accounts, and repayments with due_at and paid_at",
            received="tables " + ", ".join(dataset.tables),
            todo="import repayments, or labels of your own as outcomes",
        )
    window_end = f"(as_of + to_days({definition.window_days}))"
    known_until = _known_until(dataset)
    return f"""
        {_lines(dataset, definition)},
        met AS (
            SELECT cohort.customer_id, cohort.as_of,
                   bool_or(hit_at > as_of AND hit_at <= {window_end} AND (paid_at IS NULL OR paid_at >= hit_at)) AS hit,
                   bool_or({_ALREADY}) AS already
            FROM cohort JOIN lines USING (customer_id) GROUP BY ALL),
        opened AS (
            SELECT customer_id, min({account_known_at(dataset)}) AS first_known
            FROM {parquet(dataset.paths("accounts"))} GROUP BY ALL),
        judged AS (
            SELECT customer_id, as_of, coalesce(hit, false) AS hit,
                   CASE WHEN first_known IS NULL OR first_known >= as_of THEN 'no_account'
                        WHEN coalesce(already, false) THEN 'already_in_default'
                        WHEN {window_end} > {known_until} THEN 'not_matured'
                   END AS exclusion
            FROM cohort LEFT JOIN met USING (customer_id, as_of) LEFT JOIN opened USING (customer_id))
        SELECT customer_id, as_of, CASE WHEN exclusion IS NULL THEN CAST(hit AS TINYINT) END AS defaulted,
               CASE WHEN exclusion IS NULL THEN {window_end} END AS label_known_at, exclusion
        FROM judged"""


#: In default at `as_of`, as far as was known then: what keeps a row out of a sample keeps new credit from a customer.
_ALREADY = "(drawn_at < as_of AND hit_at <= as_of AND (seen_at IS NULL OR seen_at >= as_of))"


def _tells_payments(dataset: Dataset) -> bool:
    return dataset.has("repayments", "due_at", "paid_at")


def _lines(dataset: Dataset, definition: DefaultDefinition) -> str:
    """Schedule lines: when each hits default, when it was paid if the data saw it, and when that was known."""
    seen = "coalesce(paid_known_at, paid_at)" if dataset.has("repayments", "paid_known_at") else "paid_at"
    return f"""
        lines AS (
            SELECT customer_id, known_at AS drawn_at,
                   due_at + to_days({definition.days_past_due}) AS hit_at, {seen} AS seen_at,
                   CASE WHEN {seen} < {_known_until(dataset)} THEN paid_at END AS paid_at
            FROM {parquet(dataset.paths("repayments"))})"""


def _known_until(dataset: Dataset) -> str:
    return f"TIMESTAMP {quote(str(dataset.info.known_until))}"
