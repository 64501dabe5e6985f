"""How much each feature moved one customer's raw log-odds: exact, path-dependent Shapley values.

    base + contributions of all features = raw log-odds          (the law of this package)

`base` is the model's mean raw log-odds over its training rows, a contribution is Lundberg's TreeSHAP value
("Consistent individualized feature attribution for tree ensembles", 2018). Two routes lead to the same numbers: tables
of the model's leaves for many rows (`forest`), LightGBM's own `pred_contrib` as their oracle on a sample of every call,
and in their place wherever the two do not agree. Nothing is ever cast to float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from credit_eval.core.errors import IntegrityError, ModelError

if TYPE_CHECKING:
    from credit_eval.explain.forest import Forest

Floats = npt.NDArray[np.float64]

#: Rows explained at once: memory is this times the number of features times 8 bytes, a few times over.
CHUNK = 200_000
#: Rows of every call that LightGBM explains too.
SAMPLE = 200
#: A call of no more rows is left to LightGBM altogether: making the tables takes as long as it needs for some 1,000
#: rows (measured: 159 trees of 12 leaves 0.12 s, 300 trees of 31 leaves 1.6 s).
FEW = 2_000
#: Largest difference in log-odds between the two routes.
AGREEMENT = 1e-6


class Booster(Protocol):
    """What is asked of a booster (LightGBM's has it); a binary model with one tree per round."""

    def predict(self, data: Any, *, raw_score: bool = False, pred_contrib: bool = False) -> Any:
        """Raw log-odds (n,), or contributions and base (n, f + 1)."""
        ...

    def model_to_string(self) -> str:
        """The trees, in LightGBM's text format."""
        ...


@dataclass(frozen=True)
class Contributions:
    """Contributions of n rows and f features, in raw (uncalibrated) log-odds of default.

    `values[i, j]` > 0 means feature j raised the risk of row i. `log_odds` is what the booster itself predicts.
    `method` says which route computed `values`, `why` the reason for it.
    """

    base: float
    values: Floats
    log_odds: Floats
    method: Literal["tables", "lightgbm"]
    why: str


def contributions(booster: Booster, matrix: Floats, *, log_odds: Floats | None = None) -> Contributions:
    """Explain every row of `matrix` (n, f), float64, columns in the booster's order, NaN = missing.

    `log_odds`: what the booster predicts for these rows, where that is known already.

    Raises:
        ModelError: the matrix is not two-dimensional float64, or the booster has more than one output.
    """
    _check_matrix(matrix)
    few = len(matrix) <= FEW
    oracle_rows = np.arange(len(matrix)) if few else _sample(len(matrix))
    oracle = _oracle(booster, matrix[oracle_rows] if len(matrix) else np.zeros((1, matrix.shape[1])))
    base = float(oracle[0, -1])
    if log_odds is None:
        log_odds = _by_chunk(matrix, lambda rows: booster.predict(rows, raw_score=True), ())
    if few:
        return Contributions(base, oracle[: len(matrix), :-1], log_odds, "lightgbm", f"at most {FEW:,} rows")
    values, objection = _by_tables(booster, matrix)
    if values is not None:
        objection = _disagreement(values, base, log_odds, oracle_rows, oracle)
    if values is None or objection is not None:
        values = _by_chunk(matrix, lambda rows: _oracle(booster, rows)[:, :-1], (matrix.shape[1],))
        return Contributions(base, values, log_odds, "lightgbm", str(objection))
    return Contributions(base, values, log_odds, "tables", f"agrees with LightGBM on {len(oracle)} rows")


def _sample(rows: int) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, rows - 1, SAMPLE).astype(np.int64))


def as_stored(explained: Contributions) -> Contributions:
    """The contributions as they are kept and told: rounded to single precision (an error below 1e-6 in a row's sum)."""
    return replace(explained, values=explained.values.astype(np.float32).astype(np.float64))


def check_sums(contributions: Contributions, tolerance: float = 1e-5) -> None:
    """Hold the law: base + contributions = log-odds, in every row.

    Raises:
        IntegrityError: rows that differ by more than `tolerance`, or hold a NaN.
    """
    sums = contributions.base + contributions.values.sum(axis=1)
    gap = np.abs(sums - contributions.log_odds)
    bad = np.flatnonzero(~(gap <= tolerance))
    if len(bad):
        raise IntegrityError(
            "contributions do not add up to the log-odds",
            expected=f"|base + contributions - log-odds| <= {tolerance:g}",
            received=f"{gap[bad[0]]:.3g} in the first such row (method: {contributions.method})",
            rows=[f"row {row}" for row in bad[:5]],
            n_rows=len(bad),
            todo="score with the model that made these contributions; do not publish these reasons",
        )


def _check_matrix(matrix: Floats) -> None:
    if matrix.ndim != 2 or matrix.dtype != np.float64:
        raise ModelError(
            "cannot explain this matrix",
            expected="two dimensions of float64 (a float32 moves rows across split thresholds)",
            received=f"{matrix.ndim} dimension(s) of {matrix.dtype}",
            todo="build it with the model's own feature order and categories",
        )


def _oracle(booster: Booster, rows: Floats) -> Floats:
    """Contributions and base by LightGBM, (n, f + 1)."""
    found = np.asarray(booster.predict(rows, pred_contrib=True), dtype=np.float64)
    if found.shape != (len(rows), rows.shape[1] + 1):
        raise ModelError(
            "the booster has more than one output",
            expected=f"contributions of shape {(len(rows), rows.shape[1] + 1)}",
            received=str(found.shape),
            todo="explain a binary model",
        )
    return found


def _chunks(n: int) -> Iterator[slice]:
    for start in range(0, n, CHUNK):
        yield slice(start, min(start + CHUNK, n))


def _by_chunk(matrix: Floats, explain: Any, width: tuple[int, ...]) -> Floats:
    found = np.empty((len(matrix), *width))
    for part in _chunks(len(matrix)):
        found[part] = explain(matrix[part])
    return found


def planned(booster: Booster, features: int, rows: int) -> dict[str, object]:
    """What explaining so many rows will take, before it begins: by which route, and about how many seconds."""
    if rows <= FEW:
        return {"explained_by": "lightgbm", "explain_seconds": 0.0}
    forest = _forest(booster.model_to_string(), features)
    if forest.unsupported:
        return {"explained_by": f"lightgbm: {forest.unsupported}"}
    return {"explained_by": str(forest), "explain_seconds": round(forest.seconds(rows), 1)}


@lru_cache(maxsize=1)
def _forest(text: str, n_features: int) -> Forest:
    """The tables of a model, kept for its next rows."""
    from credit_eval.explain.forest import Forest  # numba: loaded only when somebody explains

    return Forest(text, n_features)


def _by_tables(booster: Booster, matrix: Floats) -> tuple[Floats | None, str | None]:
    """Values, or None and why not."""
    forest = _forest(booster.model_to_string(), matrix.shape[1])
    if forest.unsupported:
        return None, forest.unsupported
    return forest.shapley(matrix), None


def _disagreement(
    values: Floats, base: float, log_odds: Floats, rows: npt.NDArray[np.int64], oracle: Floats
) -> str | None:
    """Why `values` cannot be trusted: they differ from LightGBM's on its sample, or from the sums anywhere."""
    worst = np.abs(values[rows] - oracle[:, :-1]).max(initial=0.0)
    if not worst <= AGREEMENT:
        return f"the tables differ from LightGBM by {worst:.2g} log-odds on {len(rows)} sampled rows"
    gap = np.abs(base + values.sum(axis=1) - log_odds).max(initial=0.0)
    return None if gap <= AGREEMENT else f"their sums miss the log-odds by {gap:.2g}"
