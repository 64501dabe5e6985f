"""What default means, and who can be judged by it.

A schedule line hits default at the moment it is `days_past_due` days late: at `due_at + days_past_due`, if it
was not paid strictly before. A customer defaulted, seen from `as_of`, if any of their lines hits default in
(as_of, as_of + window_days]. Payments after the data end are unseen, so only windows that end by
`known_until` are judged.

With 60 days past due, a window of 120 days and as_of 1 March: a line due on 10 January and never paid hit
on 11 March and counts; one due on 20 December hit on 18 February, before as_of, so its customer was already
in default and is left out.

Only what is material counts. A line of which no more than `material_relative` is missing is settled, a line of 0.00
with it; and a customer is in default only while the lines that are late so long lack more than `material_absolute`
together. That there are two thresholds, and both must be passed, is Article 178(2)(d) CRR and Regulation (EU) 2018/171:
there 1 % of the customer's exposure and 100 EUR for retail. Here the share is that of the line, and the amount is 0
until somebody sets it, since no amount serves every currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd

from credit_eval.core.errors import SampleError
from credit_eval.schema.duckdb import DuckDB, parquet, quote
from credit_eval.schema.store import Dataset


@dataclass(frozen=True)
class DefaultDefinition:
    """A customer is bad who becomes `days_past_due` days late within `window_days` after `as_of`.

    What is late must be more than `material_relative` of its line, and more than `material_absolute` (in the data
    set's currency) in all.
    """

    days_past_due: int = 60
    window_days: int = 120
    material_absolute: float = 0.0
    material_relative: float = 0.01

    def __post_init__(self) -> None:
        if self.material_absolute < 0 or not 0 <= self.material_relative < 1:
            raise SampleError(
                "a materiality threshold that cannot be",
                expected="material_absolute >= 0 and 0 <= material_relative < 1",
                received=f"{self.material_absolute} and {self.material_relative}",
            )
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
    `already_in_default` (a line as late as that, still unpaid at as_of), `no_exposure` (every line of credit stands at
    0 and nothing is owed, so there is nothing to default on), `not_matured` (the window ends after the data). Where
    the source brings labels of its own: `no_outcome` (it brings none for this row).

    Raises:
        SampleError: the data set has neither outcomes nor repayments with their payments.
    """
    brought = dataset.info.label_source == "outcomes"
    sql = _from_outcomes(dataset) if brought else _from_repayments(dataset, definition)
    members = f"SELECT customer_id, as_of FROM {parquet(cohort)}"
    frame = engine.frame(f"WITH cohort AS ({members}), {sql} ORDER BY customer_id, as_of")
    frame["exclusion"] = frame["exclusion"].astype(object).where(frame["exclusion"].notna(), None)
    return frame.astype({"defaulted": "Int8", "as_of": "datetime64[us]", "label_known_at": "datetime64[us]"})


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
    if not tells_payments(dataset) or not dataset.has("accounts"):
        raise SampleError(
            f"data set {dataset.name} cannot be labelled",
            expected="accounts, and repayments with due_at and paid_at",
            received="tables " + ", ".join(dataset.tables),
            todo="import repayments, or labels of your own as outcomes",
        )
    window_end = f"(as_of + to_days({definition.window_days}))"
    return f"""
        {lines(dataset, definition)},
        {first_hits(definition)},
        owed AS (
            SELECT customer_id, as_of, {in_default_sql(definition)} AS already,
                   count({LACKS}) > 0 AS owes
            FROM cohort JOIN lines USING (customer_id) GROUP BY ALL),
        {_limits(dataset)},
        judged AS (
            SELECT customer_id, as_of, hits.as_of IS NOT NULL AS hit,
                   CASE WHEN first_known IS NULL THEN 'no_account'
                        WHEN coalesce(already, false) THEN 'already_in_default'
                        WHEN NOT coalesce(owes, false) AND NOT open THEN 'no_exposure'
                        WHEN {window_end} > {known_until(dataset)} THEN 'not_matured'
                   END AS exclusion
            FROM cohort LEFT JOIN hits USING (customer_id, as_of) LEFT JOIN owed USING (customer_id, as_of)
                 LEFT JOIN limits USING (customer_id, as_of))
        SELECT customer_id, as_of, CASE WHEN exclusion IS NULL THEN CAST(hit AS TINYINT) END AS defaulted,
               CASE WHEN exclusion IS NULL THEN {window_end} END AS label_known_at, exclusion
        FROM judged"""


def first_hits(definition: DefaultDefinition) -> str:
    """SQL of `hits`, made of `cohort` and `lines`: the members who default within the window, and the first time."""
    return f"""
        short AS (SELECT *, row_number() OVER () AS line FROM lines WHERE due_amount - part > immaterial),
        totals AS (
            SELECT late.customer_id, late.hit_at, sum(other.due_amount - other.part) AS total
            FROM short late JOIN short other USING (customer_id)
            WHERE (late.paid_at IS NULL OR late.paid_at >= late.hit_at) AND other.hit_at <= late.hit_at
              AND (other.paid_at IS NULL OR other.paid_at >= late.hit_at)
            GROUP BY late.customer_id, late.line, late.hit_at),
        hits AS (
            SELECT customer_id, as_of, min(hit_at) AS hit_at FROM cohort JOIN totals USING (customer_id)
            WHERE hit_at > as_of AND hit_at <= as_of + to_days({definition.window_days})
              AND total > {definition.material_absolute}
            GROUP BY customer_id, as_of)"""


def _limits(dataset: Dataset) -> str:
    """Per member the accounts known before as_of, and whether a limit among the latest is above 0 or unknown."""
    limit = "credit_limit" if dataset.has("accounts", "credit_limit") else "NULL::DECIMAL(18,2)"
    return f"""
        latest AS (
            SELECT customer_id, as_of, account_id, min(told) AS first_known, arg_max_null(amount, occurred_at) AS amount
            FROM cohort JOIN (
                SELECT customer_id, account_id, occurred_at, {account_known_at(dataset)} AS told, {limit} AS amount
                FROM {parquet(dataset.paths("accounts"))}) USING (customer_id)
            WHERE told < as_of GROUP BY ALL),
        limits AS (
            SELECT customer_id, as_of, min(first_known) AS first_known, bool_or(coalesce(amount > 0, true)) AS open
            FROM latest GROUP BY ALL)"""


#: A line of `lines` that is drawn up and not settled at `as_of`, as far as was known then: what it lacks, else NULL.
LACKS = """CASE WHEN drawn_at < as_of AND (seen_at IS NULL OR seen_at >= as_of)
                      AND due_amount - CASE WHEN part_known_at < as_of THEN part ELSE 0 END > immaterial
                 THEN due_amount - CASE WHEN part_known_at < as_of THEN part ELSE 0 END END"""


def in_default_sql(definition: DefaultDefinition) -> str:
    """In default at `as_of`, over the lines of a member: who is kept out of a sample is kept from new credit."""
    return f"coalesce(sum({LACKS}) FILTER (hit_at <= as_of), 0) > {definition.material_absolute}"


def tells_payments(dataset: Dataset) -> bool:
    """Whether the source says what fell due and when it was paid."""
    return dataset.has("repayments", "due_at", "paid_at")


#: `lines` of a source that does not tell payments.
NO_LINES = """
        lines AS (
            SELECT NULL::VARCHAR AS customer_id, NULL::TIMESTAMP AS drawn_at, NULL::TIMESTAMP AS due_at,
                   NULL::TIMESTAMP AS hit_at, NULL::TIMESTAMP AS seen_at, NULL::TIMESTAMP AS paid_at,
                   0.0 AS due_amount, 0.0 AS part, NULL::TIMESTAMP AS part_known_at, 0.0 AS immaterial WHERE false)"""


def lines(dataset: Dataset, definition: DefaultDefinition) -> str:
    """SQL of the schedule lines on which something is due: when each hits default, what was paid, and what was known.

    `paid_at` counts if the data saw it. `part` is what was paid of a line that is not paid in full; it counts at
    `as_of` from when it was known, and where the source does not say when, from the due date on: nobody is to be in
    default for a cent because a source has no date for the rest. A line that lacks no more than `immaterial` is
    settled.
    """
    told = "paid_known_at" if dataset.has("repayments", "paid_known_at") else "NULL::TIMESTAMP"
    part = "coalesce(paid_amount, 0)" if dataset.has("repayments", "paid_amount") else "0"
    end = known_until(dataset)
    return f"""
        lines AS (
            SELECT customer_id, known_at AS drawn_at, due_at, due_at + to_days({definition.days_past_due}) AS hit_at,
                   CASE WHEN paid_at IS NOT NULL THEN coalesce({told}, paid_at) END AS seen_at,
                   CASE WHEN coalesce({told}, paid_at) < {end} THEN paid_at END AS paid_at,
                   due_amount, CASE WHEN paid_at IS NULL THEN {part} ELSE 0 END AS part,
                   coalesce({told}, due_at) AS part_known_at,
                   {definition.material_relative} * due_amount AS immaterial
            FROM {parquet(dataset.paths("repayments"))} WHERE due_amount > 0)"""


def known_until(dataset: Dataset) -> str:
    """SQL of the moment up to which the data are complete."""
    return f"TIMESTAMP {quote(str(dataset.info.known_until))}"
