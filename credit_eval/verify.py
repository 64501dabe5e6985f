"""Everything there is of a data set, held against what was said of it when it was written.

Each stage looks at what it reads. This looks at all of it, also at what nobody will read tonight: the data set, the
profiles, the scored runs and those that were replaced, the ledger, the versions of the model with what they were
judged by, the history of champions, the published policies, and who looked at whom. What it does not look at, it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from credit_eval.core.errors import CreditEvalError
from credit_eval.core.files import is_building
from credit_eval.core.seals import read_sealed_lines
from credit_eval.models.history import read_history
from credit_eval.models.registry import Version, check_version, versions
from credit_eval.models.registry_anchors import anchors
from credit_eval.models.registry_store import has_store
from credit_eval.profiles.store import open_profiles
from credit_eval.schema.store import check_hashes, open_dataset
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.ledger_seal import check_seal
from credit_eval.scoring.log import Head
from credit_eval.scoring.records import check_tree
from credit_eval.scoring.replaced import check_recorded
from credit_eval.scoring.sealed import open_scored
from credit_eval.settings import Paths, Settings

#: What carries no seal: it is made for people, from what carries one, and no stage reads it.
LEFT_OUT = "reports, letters, cohorts made by runs, and the simulator's truth; PostgreSQL looks after its own pages"


@dataclass(frozen=True)
class Looked:
    """What was looked at.

    Attributes:
        what: in a phrase.
        files: how many.
        wrong: what is wrong with it, in the words of the stage that reads it; None: nothing.
    """

    what: str
    files: int
    wrong: str | None = None


def verify(paths: Paths, settings: Settings, dataset: str) -> list[Looked]:
    """Look at everything there is of a data set.

    Args:
        paths: of the project.
        settings: which name the ledger.
        dataset: its name.

    Returns:
        one line a thing, whatever is wrong with another.
    """
    return [_looked(what, root, check) for what, root, check in _things(paths, settings, dataset)]


def _things(paths: Paths, settings: Settings, dataset: str) -> Iterator[tuple[str, Path, Callable[[], object]]]:
    ledger = Ledger(paths.ledger(settings.ledger))
    root = paths.dataset(dataset)
    yield f"data set {dataset}", root, partial(_check_dataset, root)
    for folder in _folders(paths.all_profiles(dataset)):
        yield f"profiles {folder.name}", folder, partial(_check_profiles, folder)
    for folder in _folders(paths.all_scored(dataset)):
        yield f"scored run {folder.name}", folder, partial(_check_run, folder, ledger)
    for label in _folders(paths.all_replaced(dataset)):
        for folder in _folders(label):
            yield f"replaced run {label.name}, {folder.name}", folder, partial(_check_run, folder)
    if ledger.file is not None and ledger.file.exists():
        yield f"ledger {ledger.file.name}", ledger.file, partial(check_seal, ledger.file)
    if ledger.exists:
        yield "log of the ledger", ledger.file or root, partial(ledger.check_log, dataset, [])
    yield from _of_the_model(paths, dataset, ledger)
    if (published := paths.published(dataset)).exists():
        yield "published policies", published, partial(read_sealed_lines, published)
    if (views := paths.views(dataset)).exists():
        yield "who looked at whom", views, partial(read_sealed_lines, views)


def _of_the_model(paths: Paths, dataset: str, ledger: Ledger) -> Iterator[tuple[str, Path, Callable[[], object]]]:
    store = paths.models
    if not has_store(store):
        return
    found: list[Version] = []
    yield "model registry", store / "mlflow.db", lambda: found.extend(versions(store, dataset))
    if found and ledger.exists:
        yield (
            "log of the ledger, as MLflow remembers it",
            store / "mlflow.db",
            partial(_check_log, ledger, dataset, store),
        )
    for version in found:
        yield f"model version {version.number}", version.files, partial(check_version, store, version)
    if (moves := store / "history" / f"{dataset}.jsonl").exists():
        yield "history of champions", moves, partial(read_history, store, dataset)


def _check_dataset(root: Path) -> None:
    check_hashes(open_dataset(root))


def _check_profiles(folder: Path) -> None:
    profiles = open_profiles(folder)
    profiles.check(*profiles.info.files)


def _check_run(folder: Path, ledger: Ledger | None = None) -> None:
    run = open_scored(folder)
    run.check()
    check_tree(folder, run.parts, run.manifest["tree"], run.called)
    if ledger is not None:
        check_recorded(ledger, run)


def _check_log(ledger: Ledger, dataset: str, store: Path) -> None:
    ledger.check_log(dataset, [Head.read(one) for one in anchors(store, dataset, ledger.shown)])


def _looked(what: str, root: Path, check: Callable[[], object]) -> Looked:
    files = sum(path.is_file() for path in root.rglob("*")) if root.is_dir() else int(root.exists())
    try:
        check()
    except CreditEvalError as error:
        return Looked(what, files, str(error))
    return Looked(what, files)


def _folders(root: Path) -> list[Path]:
    """Directories within one, but for those that are being built."""
    return sorted(path for path in root.glob("*") if path.is_dir() and not is_building(path))
