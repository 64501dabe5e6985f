"""Register a model and make it champion, as training does when nothing speaks against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from credit_eval.models.model import CreditModel
from credit_eval.models.registry import promote, register


def crowned(
    model: CreditModel,
    store: Path,
    *,
    dataset: str = "demo",
    params: Mapping[str, object] | None = None,
    metrics: Mapping[str, float] | None = None,
    artifacts: Sequence[Path] = (),
    why: str = "a test",
) -> int:
    """The version that is champion now."""
    made = register(model, store, dataset=dataset, params=params or {}, metrics=metrics or {}, artifacts=artifacts)
    promote(store, dataset, made, why=why)
    return made
