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
from credit_eval.events.engines.duckdb import DuckDB, parquet, quote
from credit_eval.features.reasons import label
from credit_eval.scoring.run import ADVERSE

#: Fewer adverse decisions of the score than this are too few to speak of their commonest reasons.
FEW_ADVERSE = 10

#: Constraints through which the probability of default itself decides; the others would bind at any score.
SCORE_CONSTRAINTS = ("restriction", "grade_cap", "expected_loss_budget")

#: A decision that takes credit away or refuses it.
ADVERSE_SQL = "decision IN (" + ", ".join(quote(name) for name in ADVERSE) + ")"
#: An adverse decision that the score made, and not what the customer earns, owes or had before.
BY_SCORE_SQL = f"{ADVERSE_SQL} AND limit_bound_by IN (" + ", ".join(map(quote, SCORE_CONSTRAINTS)) + ")"
#: No new credit whatever the limit would be; a customer without a line is declined for the same cause.
_RESTRICTED_SQL = "(decision = 'restrict' OR limit_bound_by IN ('restriction', 'in_default'))"


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
    the decision is `restrict`, without one `decline`. `adverse_bound_by`: the adverse decisions by the constraint of
    the policy that bound. `reasons`: the model's, up to three, commonest first, among `reasons_of` ("adverse decisions
    where the score decided", or "all decisions" where these are fewer than 10), which are `reasons_among` rows.
    """

    customers: int
    decisions: dict[str, int]
    adverse: int
    restricted: int
    share_above_half: float
    mean_p_default: float
    reasons: tuple[Reason, ...]
    limits: Limits
    limit_bound_by: dict[str, int]
    adverse_bound_by: dict[str, int]

    @property
    def adverse_by_score(self) -> int:
        """Adverse decisions where the score decided."""
        return _by_score(self.adverse_bound_by)

    @property
    def enough_by_score(self) -> bool:
        """Whether the score decided often enough to speak of its commonest reasons."""
        return self.adverse_by_score >= FEW_ADVERSE

    @property
    def reasons_of(self) -> str:
        """Which decisions the reasons are counted among."""
        return "adverse decisions where the score decided" if self.enough_by_score else "all decisions"

    @property
    def reasons_among(self) -> int:
        """How many decisions the reasons are counted among."""
        return self.adverse_by_score if self.enough_by_score else self.customers


def _by_score(bound: dict[str, int]) -> int:
    return sum(bound.get(name, 0) for name in SCORE_CONSTRAINTS)


def summarise(scored: Path) -> Summary:
    """Sum up a scored directory.

    Raises:
        SourceError: there is no scored file, or it has no rows.
    """
    with opened(scored) as engine:
        customers, adverse, restricted, above, mean = engine.rows(
            f"SELECT count(*), count(*) FILTER ({ADVERSE_SQL}), count(*) FILTER ({_RESTRICTED_SQL}),"
            " count(*) FILTER (p_default > 0.5), avg(p_default) FROM scored"
        )[0]
        bound = counts(engine, "limit_bound_by", ADVERSE_SQL)
        by_score = _by_score(bound) >= FEW_ADVERSE
        return Summary(
            customers=customers,
            decisions=counts(engine, "decision"),
            adverse=adverse,
            restricted=restricted,
            share_above_half=above / customers,
            mean_p_default=mean,
            reasons=first_reasons(engine, BY_SCORE_SQL if by_score else "true", top=3),
            limits=_limits(engine),
            limit_bound_by=counts(engine, "limit_bound_by"),
            adverse_bound_by=bound,
        )


@contextmanager
def opened(scored: Path) -> Iterator[DuckDB]:
    """An engine of one thread in which `scored` is the scored file, all parts together.

    Raises:
        SourceError: there is no scored file, or it has no rows.
    """
    todo = "score a data set first: `credit-eval score`"
    if not any(scored.glob("part-*.parquet")):
        raise SourceError(f"no scored file at {scored.parent.name}/{scored.name}", todo=todo)
    with DuckDB(threads=1) as engine:
        engine.run(f"CREATE VIEW scored AS FROM {parquet(scored / 'part-*.parquet')}")
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
