"""The tables behind the report's pages and figures, counted by the engine from the scored file.

Every table is small (bins, grades, codes, a stated sample), whatever the number of customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from credit_eval.language.reasons import label
from credit_eval.report.summary import BY_SCORE_SQL, DECIDED_SQL, opened
from credit_eval.schema.duckdb import DuckDB, Relation, parquet
from credit_eval.scoring.sealed import open_scored

SCORE_BIN = 10
SAMPLE_ROWS = 1_500
_KEYS = ("customer_id", "as_of")
#: A debt in default overrules the probability; no such customer is in the sample that taught the model.
_IN_DEFAULT = "limit_bound_by = 'in_default'"


@dataclass(frozen=True)
class Portfolio:
    """What the report shows of a scored run.

    `histogram`: score (lower end of a bin of 10 points), decision, n.
    `grades`: a row per grade, safest first: grade, n, mean_p, score_low, score_high, limit_before, limit_after.
    `decisions`: grade, decision, n. `outcomes`: a row per decision: decision, n, mean_p, limit_before, limit_after.
    `reasons`: code, label, first (rows where it stands first), named (rows where it is one of the four), example
    (the sentence most often said of it in first place), commonest first. `mean_p_current`: mean p_default of those
    without a debt in default.
    """

    first_as_of: datetime
    last_as_of: datetime
    in_default: int
    mean_p_current: float | None
    histogram: pd.DataFrame
    grades: pd.DataFrame
    decisions: pd.DataFrame
    outcomes: pd.DataFrame
    reasons: pd.DataFrame


def portfolio(scored: Path, *, by_score_only: bool) -> Portfolio:
    """Count a scored directory; reasons among adverse decisions where the score decided if `by_score_only`.

    Raises:
        SourceError: there is no scored file, or it has no rows.
    """
    with opened(scored) as engine:
        first, last, in_default, mean_p = engine.rows(
            f"SELECT min(as_of), max(as_of), count(*) FILTER ({_IN_DEFAULT}),"
            f" avg(p_default) FILTER (NOT coalesce({_IN_DEFAULT}, false)) FROM scored"
        )[0]
        return Portfolio(
            first,
            last,
            in_default,
            mean_p,
            histogram=_histogram(engine),
            grades=_by(engine, "grade", "min(p_default)"),
            decisions=engine.frame("SELECT grade, decision, count(*) AS n FROM scored GROUP BY ALL ORDER BY ALL"),
            outcomes=_by(engine, "decision", "count(*) DESC, decision"),
            reasons=_reasons(engine, BY_SCORE_SQL if by_score_only else DECIDED_SQL),
        )


def contribution_sample(scored: Path, *, rows: int = SAMPLE_ROWS) -> pd.DataFrame:
    """Keys, base value, log-odds, contributions (a column per feature) of up to `rows` customers by a hash of id.

    The same customers are picked on every machine, and they are as good as drawn at random.

    Raises:
        SourceError: there are no contributions.
    """
    with DuckDB(threads=1) as engine:
        return _picked(engine, _contribution_files(scored), rows)


def median_case(scored: Path) -> tuple[pd.DataFrame, str]:
    """One customer's keys and contributions, as `contribution_sample` has them, and who it is in a phrase.

    Of the adverse decisions where the score decided it is the one whose p_default is the median, else of everybody.

    Raises:
        SourceError: there are no contributions.
    """
    files = _contribution_files(scored)
    with opened(scored) as engine:
        few = not engine.scalar(f"SELECT count(*) FROM scored WHERE {BY_SCORE_SQL}")
        among, said = ("true", "all customers") if few else (BY_SCORE_SQL, "adverse decisions where the score decided")
        engine.run(
            f"CREATE TEMP TABLE picked AS SELECT customer_id, as_of FROM scored WHERE {among}"
            f" ORDER BY p_default, customer_id, as_of LIMIT 1 OFFSET (SELECT count(*) // 2 FROM scored WHERE {among})"
        )
        return engine.frame(f"FROM {files} SEMI JOIN picked USING (customer_id, as_of)"), said


def _contribution_files(scored: Path) -> Relation:
    return parquet(open_scored(scored).contributions)


def value_sample(scored: Path, profiles: Path, keys: pd.DataFrame) -> pd.DataFrame:
    """Profiles that a run scored, of the customers in `keys` (customer_id, as_of), in their order.

    Raises:
        SourceError: there are no profiles, or others.
        IntegrityError: they are not what was built.
    """
    there = open_scored(scored).profiles(profiles).parts
    with DuckDB(threads=1) as engine:
        engine.register("wanted", keys.loc[:, list(_KEYS)])
        files = parquet(there)
        found = engine.frame(f"FROM {files} SEMI JOIN wanted USING (customer_id, as_of)")
    return keys.loc[:, list(_KEYS)].merge(found, on=list(_KEYS), how="left", validate="one_to_one")


def _picked(engine: DuckDB, files: Relation, rows: int) -> pd.DataFrame:
    engine.run(
        f"CREATE TEMP TABLE picked AS SELECT customer_id, as_of FROM {files}"
        f" ORDER BY md5(customer_id), as_of LIMIT {rows}"
    )
    return engine.frame(f"FROM {files} SEMI JOIN picked USING (customer_id, as_of) ORDER BY customer_id, as_of")


def _histogram(engine: DuckDB) -> pd.DataFrame:
    return engine.frame(
        f"SELECT CAST(floor(score / {SCORE_BIN}) * {SCORE_BIN} AS INTEGER) AS score, decision, count(*) AS n"
        " FROM scored GROUP BY ALL ORDER BY ALL"
    )


def _by(engine: DuckDB, column: str, order: str) -> pd.DataFrame:
    return engine.frame(
        f'SELECT "{column}", count(*) AS n, avg(p_default) AS mean_p,'
        " min(score) AS score_low, max(score) AS score_high,"
        " coalesce(sum(limit_previous), 0) AS limit_before,"
        f' sum(limit_new) AS limit_after FROM scored GROUP BY "{column}" ORDER BY {order}'
    )


def _reasons(engine: DuckDB, among: str) -> pd.DataFrame:
    """A row per code, commonest first reason first."""
    ranks = ", ".join(f"reason_code_{rank}" for rank in (1, 2, 3, 4))
    found = engine.frame(
        f"WITH long AS (SELECT unnest([{ranks}]) AS code, unnest([1, 2, 3, 4]) AS rank FROM scored WHERE {among})"
        ", said AS (SELECT reason_code_1 AS code, reason_text_1 AS example, row_number() OVER ("
        f"PARTITION BY reason_code_1 ORDER BY count(*) DESC, reason_text_1) AS place FROM scored WHERE {among}"
        " GROUP BY reason_code_1, reason_text_1)"
        " SELECT code, count(*) FILTER (rank = 1) AS first, count(*) AS named,"
        " any_value(example) AS example"
        " FROM long LEFT JOIN (FROM said WHERE place = 1) USING (code)"
        " WHERE code IS NOT NULL GROUP BY code ORDER BY first DESC, named DESC, code"
    )
    found.insert(1, "label", [label(code) for code in found["code"]])
    return found
