"""A scored run in a dozen numbers, counted by the engine: the file is never in memory as a whole.

One thread does the counting, so that sums of amounts are added in one order and come out the same every time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from credit_eval.core.errors import SourceError
from credit_eval.language.reasons import label
from credit_eval.policy.decide import ADVERSE, BY_SCORE
from credit_eval.schema.duckdb import DuckDB, parquet, quote
from credit_eval.scoring.sealed import open_scored

#: Fewer adverse decisions of the score than this are too few to speak of their commonest reasons.
FEW_ADVERSE = 10

#: A decision that takes credit away or refuses it, or makes a line dearer.
ADVERSE_SQL = f"(decision IN ({', '.join(quote(name) for name in ADVERSE)}) OR coalesce(apr > apr_previous, false))"
#: A decision that would have been another with the best score (`policy.decide`), and an adverse one of these.
DECIDED_SQL = f"decided_by = {quote(BY_SCORE)}"
BY_SCORE_SQL = f"{ADVERSE_SQL} AND {DECIDED_SQL}"
#: No new credit whatever the limit would be; a customer without a line is declined for the same cause.
_RESTRICTED_SQL = (
    "(decision = 'restrict' OR limit_bound_by IN "
    "('restriction', 'still_restricted', 'legal_cap', 'in_default', 'override_stop'))"
)


class Reason(NamedTuple):
    """A reason code, its label, and the number `n` of customers for whom it stands first."""

    code: str
    label: str
    n: int


@dataclass(frozen=True)
class Limits:
    """Credit limits in currency units. `lines`: customers who had a limit before; totals are over everybody.

    A median before is among those with a line (None where nobody had one), the median after among everybody.
    """

    lines: int
    total_before: float
    total_after: float
    median_before: float | None
    median_after: float


@dataclass(frozen=True)
class Summary:
    """A scored run. Counts are of customers (rows: a customer with two as_of counts twice).

    `restricted`: no new credit, because p_default is above the threshold or a debt is in default now; with a line
    the decision is `restrict`, without one `decline`; `restricted_at_nothing` are those of them whose limit was 0
    before, so that nothing was taken. `adverse_bound_by`: the adverse decisions by the constraint of the policy that
    bound; `adverse_by_score`: those of them that the score decided. `reasons`: the model's, up to three, commonest
    first, among `reasons_of` ("adverse decisions where the score decided", or "decisions where the score decided"
    where these are fewer than 10), which are `reasons_among` rows. `never_seen_unknown`: by feature, the customers of
    whom it is unknown though it was known of everybody whom the model learnt from; `never_seen`: by feature and
    category, those with a category that it never saw. `expected_loss` and `profit` (None:
    the policy says nothing of it) are sums within the window, in the data set's currency.
    """

    customers: int
    decisions: dict[str, int]
    adverse: int
    restricted: int
    restricted_at_nothing: int
    share_above_half: float
    mean_p_default: float
    reasons: tuple[Reason, ...]
    limits: Limits
    limit_bound_by: dict[str, int]
    adverse_bound_by: dict[str, int]
    adverse_by_score_bound_by: dict[str, int]
    decided_by_score: int
    never_seen_unknown: dict[str, int]
    never_seen: dict[str, int]
    expected_loss: float
    profit: float | None

    @property
    def adverse_by_score(self) -> int:
        """Adverse decisions where the score decided."""
        return sum(self.adverse_by_score_bound_by.values())

    @property
    def enough_by_score(self) -> bool:
        """Whether the score decided often enough to speak of its commonest reasons."""
        return self.adverse_by_score >= FEW_ADVERSE

    @property
    def reasons_of(self) -> str:
        """Which decisions the reasons are counted among."""
        return ("adverse " if self.enough_by_score else "") + "decisions where the score decided"

    @property
    def reasons_among(self) -> int:
        """How many decisions the reasons are counted among."""
        return self.adverse_by_score if self.enough_by_score else self.decided_by_score


def summarise(scored: Path) -> Summary:
    """Sum up a scored directory.

    Raises:
        SourceError: there is no scored file, or it has no rows or no manifest.
    """
    with opened(scored) as engine:
        manifest = open_scored(scored).manifest
        customers, adverse, restricted, at_nothing, above, mean, decided = engine.rows(
            f"SELECT count(*), count(*) FILTER ({ADVERSE_SQL}), count(*) FILTER ({_RESTRICTED_SQL}),"
            f" count(*) FILTER ({_RESTRICTED_SQL} AND limit_previous = 0),"
            f" count(*) FILTER (p_default > 0.5), avg(p_default), count(*) FILTER ({DECIDED_SQL}) FROM scored"
        )[0]
        by_score = counts(engine, "limit_bound_by", BY_SCORE_SQL)
        enough = sum(by_score.values()) >= FEW_ADVERSE
        return Summary(
            customers=customers,
            decisions=counts(engine, "decision"),
            adverse=adverse,
            restricted=restricted,
            restricted_at_nothing=at_nothing,
            share_above_half=above / customers,
            mean_p_default=mean,
            reasons=first_reasons(engine, BY_SCORE_SQL if enough else DECIDED_SQL, top=3),
            limits=_limits(engine),
            limit_bound_by=counts(engine, "limit_bound_by"),
            adverse_bound_by=counts(engine, "limit_bound_by", ADVERSE_SQL),
            adverse_by_score_bound_by=by_score,
            decided_by_score=decided,
            expected_loss=float(engine.scalar("SELECT sum(expected_loss) FROM scored")),
            profit=engine.scalar("SELECT sum(profit) FILTER (NOT isnan(profit)) FROM scored"),
            never_seen_unknown=manifest["never_seen_unknown"],
            never_seen=manifest["never_seen"],
        )


@contextmanager
def opened(scored: Path) -> Iterator[DuckDB]:
    """An engine of one thread in which `scored` is the scored file, all parts together.

    Raises:
        SourceError: there is no scored file, or it has no rows.
        IntegrityError: it is not what the run wrote.
    """
    todo = "score a data set first: `credit-eval score`"
    files = open_scored(scored).parts
    with DuckDB(threads=1) as engine:
        engine.run(f"CREATE VIEW scored AS FROM {parquet(files)}")
        if not engine.scalar("SELECT count(*) FROM scored"):
            raise SourceError(f"the scored file at {scored.parent.name}/{scored.name} has no rows", todo=todo)
        yield engine


def counts(engine: DuckDB, column: str, among: str = "true") -> dict[str, int]:
    """Rows `among` those of `scored` per value of a column, commonest first (ties: by name); NULL is left out."""
    return dict(
        engine.rows(
            f'SELECT "{column}", count(*) FROM scored WHERE "{column}" IS NOT NULL AND {among}'
            " GROUP BY 1 ORDER BY 2 DESC, 1"
        )
    )


def first_reasons(engine: DuckDB, among: str, *, top: int) -> tuple[Reason, ...]:
    """The codes that most often stand first among such rows, commonest first (ties: by code)."""
    found = engine.rows(
        f"SELECT reason_code_1, count(*) FROM scored WHERE reason_code_1 IS NOT NULL AND {among}"
        f" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}"
    )
    return tuple(Reason(code, label(code), n) for code, n in found)


def _limits(engine: DuckDB) -> Limits:
    found = engine.rows(
        "SELECT count(limit_previous), coalesce(sum(limit_previous), 0), sum(limit_new),"
        " median(limit_previous), median(limit_new)"
        " FROM scored"
    )
    return Limits(*found[0])
