"""Heads of the ledger's log kept in MLflow, beside the model that decided: a second place that remembers them.

Each scored batch leaves the size and root of the log, as they were once it was recorded, as a tag of the MLflow run
that made its model. A ledger that was put back to an earlier state, or written anew, does not lead to them.
"""

from __future__ import annotations

import re
from pathlib import Path

from credit_eval.models.registry import find_version, registered_name
from credit_eval.models.registry_store import has_store, read_store, write_store


def anchor(store: Path, dataset: str, version: int, ledger: str, label: str, head: str) -> None:
    """Tag the run of a version with the log's head after a batch; nothing is written where the tag is there.

    `ledger`: what it is called, since a backtest has one of its own. `label`: of the batch.

    Raises:
        ModelError: the registry is damaged, or has no such version.
        StorageError: it cannot be written.
    """
    found = find_version(store, dataset, version)
    assert found is not None, "the version that has just decided"
    run_id, key = found.files.parent.name, f"{_tag(ledger)}{label.replace('=', ':')}"
    with read_store(store) as client:
        there = client.get_run(run_id).data.tags.get(key)
    if there != head:
        with write_store(store) as client:
            client.set_tag(run_id, key, head)


def anchors(store: Path, dataset: str, ledger: str) -> list[str]:
    """All heads of a ledger's log that runs of a data set's model were tagged with.

    Raises:
        ModelError: the registry is damaged.
    """
    if not has_store(store):
        return []
    with read_store(store) as client:
        found = client.search_model_versions(f"name = '{registered_name(dataset)}'")
        tags = [client.get_run(version.run_id).data.tags for version in found]
    return sorted({value for one in tags for key, value in one.items() if key.startswith(_tag(ledger))})


def _tag(ledger: str) -> str:
    """What the keys of a ledger's tags begin with; MLflow takes few signs."""
    return "sealed." + re.sub(r"[^A-Za-z0-9_.:-]", "_", ledger) + "/"
