"""A small project, the commands that are hurt in it, and what two outcomes of one command have in common.

Everything is imported once; a command runs in a forked child, in a project that always lies at the same place.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from credit_eval import cli
from credit_eval.core.seals import SEAL
from tests.flat_file import FlatFile, loans
from tests.night_shop import NIGHT, Shop

#: Imported before any child is begun, which would take seconds each time.
HEAVY = (
    "credit_eval.engine.embedded",
    "credit_eval.engine.profile",
    "credit_eval.ingest.simulator.run",
    "credit_eval.report.build",
    "credit_eval.report.letters",
    "credit_eval.stages",
    "credit_eval.verify",
    "lightgbm",
    "matplotlib.pyplot",
    "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store",
    "sklearn.linear_model",
    "woodelf",
)
SETTINGS = """\
datasets:
  loans: {policy: default, jurisdiction: cn, lender: {name: N, address: A, contact: C, supervisor: S}}
  simulated: {policy: default}
engine: {memory: 300MB}
simulate: {customers: 300, months: 18}
"""
CHAMPION = ("--promote-anyway", "a test")


@dataclass(frozen=True)
class Command:
    """A command line, by a short name. `again`: exit codes that say it is done already."""

    name: str
    arguments: tuple[str, ...]
    again: tuple[int, ...] = ()


IMPORT = Command("import", ("import", "sources/flat/flat.yaml"), again=(17,))
SHOP = Command("import shop", ("import", "sources/shop/shop.yaml"), again=(17,))
REPLACE = Command("import --replace", ("import", "sources/flat/flat.yaml", "--replace"))
SIMULATE = Command("simulate", ("simulate",), again=(17,))
APPEND = Command(
    "append",
    ("append", "shop", "--from", "sources/shop/night", "--mapping", "sources/shop/shop.yaml"),
)
TRAIN = Command("train", ("train", "loans", *CHAMPION))
TRAIN_SIMULATED = Command("train simulated", ("train", "simulated", *CHAMPION))
SCORE = Command("score", ("score", "loans"))
SCORE_SIMULATED = Command("score simulated", ("score", "simulated"))
AGAIN = Command("score --replace", ("score", "simulated", "--replace"))
REPORT = Command("report", ("report", "loans"))
RUN = Command("run", ("run", "loans", *CHAMPION))
EXPLAIN = Command("explain", ("explain", "L00890", "--dataset", "loans"))
LETTERS = Command("letters", ("letters", "--dataset", "loans"))
CARD = Command("registry card", ("registry", "card", "loans"))
HISTORY = Command("registry history", ("registry", "history", "loans"))
LEDGER = Command("ledger", ("ledger", "loans", "L00890"))
HISTORY_OF_RUN = Command("report simulated", ("report", "simulated"))
VERIFY = tuple(Command(f"verify {name}", ("verify", name)) for name in ("loans", "simulated", "shop"))


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code, negative if a signal ended it; what it said; how long it took."""

    code: int
    said: str
    seconds: float

    @property
    def traceback(self) -> bool:
        """Whether a mistake of ours showed."""
        return "Traceback (most recent call last)" in self.said or "Exception ignored" in self.said


class Project:
    """A directory in which commands run, and saved states of it."""

    def __init__(self, place: Path) -> None:
        for name in HEAVY:
            importlib.import_module(name)
        self.place, self.root, self._states = place, place / "project", place / "states"
        shutil.rmtree(place, ignore_errors=True)
        (self.root / "data").mkdir(parents=True)
        (self.root / "settings.yaml").write_text(SETTINGS)
        FlatFile(self.root / "sources", loans(900, labelled=0.98)).mapping()
        (self.root / "sources" / "shop").mkdir()
        shop = Shop(self.root / "sources" / "shop")
        shop.write(NIGHT, shop.folder / "night")
        shutil.rmtree(shop.folder / "raw", ignore_errors=True)

    def save(self, state: str) -> None:
        """Keep the project as it is now."""
        target = self._states / state
        shutil.rmtree(target, ignore_errors=True)
        _copy(self.root, target)

    def load(self, state: str) -> None:
        """Put the project back as it was kept."""
        for path in self.root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        _copy(self._states / state, self.root)

    def state(self, name: str) -> Path:
        """Where a kept project lies."""
        return self._states / name

    def run(
        self, command: Command, *, hurt: tuple[float, int] | None = None, watch: Callable[[], None] | None = None
    ) -> Outcome:
        """Run a command to its end; `hurt`: after so many seconds send this signal; `watch`: call this meanwhile."""
        child, began = self.begin(command), time.monotonic()
        while watch is not None and not _ended(child):
            watch()
            time.sleep(0.001)
        if hurt is not None:
            after, number = hurt
            while time.monotonic() < began + after and not _ended(child):
                time.sleep(0.002)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        return self.end(child, began)

    def begin(self, command: Command) -> int:
        """Start a command; returns its process."""
        child = os.fork()
        if child == 0:
            self._become(command)
        return child

    def end(self, child: int, began: float) -> Outcome:
        """Wait for a command; one that takes four minutes hangs, and counts as ended by SIGALRM."""
        while not _ended(child):
            if time.monotonic() > began + 240:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return Outcome(-signal.SIGALRM, self._said(child), time.monotonic() - began)
            time.sleep(0.002)
        _, status = os.waitpid(child, 0)
        return Outcome(os.waitstatus_to_exitcode(status), self._said(child), time.monotonic() - began)

    def _said(self, child: int) -> str:
        path = self.place / f"said.{child}"
        text = path.read_text(errors="replace")
        path.unlink()
        return text

    def _become(self, command: Command) -> None:
        code = 70
        try:
            os.chdir(self.root)
            said = os.open(self.place / f"said.{os.getpid()}", os.O_CREAT | os.O_WRONLY, 0o600)
            os.dup2(said, 1)
            os.dup2(said, 2)
            sys.argv = ["credit-eval", *command.arguments]
            signal.signal(signal.SIGINT, signal.default_int_handler)
            cli.main()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 1
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)


def _ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _copy(old: Path, new: Path) -> None:
    new.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", f"{old}/.", str(new)], check=True)


# What two outcomes have in common -----------------------------------------------------------------------------

#: What differs from run to run, and is left out when two outcomes are compared.
VARIES = (
    "moments at which runs began, ended, were recorded or moved a champion, and the seals over them; ids of MLflow's "
    "runs; its database page by page (tags of models and aliases are compared); which manifests a run replaced"
)
_TIMES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d+)?)?")
_MOVING = {"started", "finished", "replaced", "at", SEAL, "profiles_seal"}


def outcome(root: Path) -> dict[str, str]:
    """By path, a hash of what a file says, but for what varies from run to run."""
    found: dict[str, str] = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        name = path.relative_to(root).as_posix()
        if name.startswith(("sources/", "data/replaced/")) or name.endswith(".seal"):
            continue
        if name == "models/mlflow.db":
            with contextlib.suppress(sqlite3.Error):
                found |= _registry(path)
        elif not name.startswith("models/artifacts/"):
            try:
                said = _said_by(path)
            except (ValueError, sqlite3.Error):  # of a file that was hurt, and that nobody read
                said = path.read_bytes()
            found[name] = hashlib.sha256(said).hexdigest()
    return found


def numbers(root: Path) -> dict[str, str]:
    """`outcome` of what is decided: scored runs, the ledger, the models, letters and reports."""
    return {
        name: value
        for name, value in outcome(root).items()
        if name.startswith(("data/scored", "data/ledger", "data/reports", "data/letters", "models/"))
    }


def told_by(done: Outcome) -> str:
    """What a command said, but for moments and durations."""
    return re.sub(r"\d+(\.\d+)? s\b", "", _TIMES.sub("", done.said))


def _said_by(path: Path) -> bytes:
    if path.suffix == ".json":
        return json.dumps(_still(json.loads(path.read_text())), sort_keys=True).encode()
    if path.suffix == ".jsonl":
        return json.dumps([_still(json.loads(line)) for line in path.read_text().splitlines()]).encode()
    if path.suffix == ".sqlite":
        return "\n".join(_rows(path)).encode()
    if path.suffix == ".html":
        return _TIMES.sub("", path.read_text()).encode()
    return path.read_bytes()


def _still(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _still(value) for name, value in content.items() if name not in _MOVING}
    return content


def _rows(path: Path) -> Iterator[str]:
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        yield from map(repr, database.execute("SELECT * FROM decisions ORDER BY 1, 2, 3"))
        yield from map(
            repr, database.execute("SELECT dataset, label, version, policy_version, rows FROM runs ORDER BY 1, 2, 3")
        )


def _registry(path: Path) -> dict[str, str]:
    """What the registry says of its models: by version its tags but for the place, and the aliases."""
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        tags = database.execute(
            "SELECT name, version, key, value FROM model_version_tags WHERE key <> 'place' ORDER BY 1, 2, 3"
        ).fetchall()
        aliases = database.execute("SELECT name, alias, version FROM registered_model_aliases ORDER BY 1, 2").fetchall()
    return {"registry tags": repr(tags), "registry aliases": repr(aliases)}
