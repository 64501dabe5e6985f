"""The command line's program, what is said before a command, and how every command opens a project and prints."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from credit_eval import __version__
from credit_eval.console import say
from credit_eval.core import stage_log
from credit_eval.core.clock import parse_as_of
from credit_eval.core.progress import Tick
from credit_eval.core.runs import Run

if TYPE_CHECKING:
    from credit_eval.language.words import Language
    from credit_eval.settings import Paths, Settings
    from credit_eval.study import Study


app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


@dataclass
class Asked:
    """What was said before the command."""

    root: Path | None = None
    json: bool = False
    quiet: bool = False


ASKED = Asked()
DatasetName = Annotated[str, typer.Argument(help="name of a data set under data/raw")]
DatasetOption = Annotated[str, typer.Option("--dataset", help="name of a data set under data/raw")]
Replace = Annotated[bool, typer.Option("--replace", help="write anew what is there already")]
Strict = Annotated[bool, typer.Option("--strict", help="refuse data that lack what a feature reads")]
Engine = Annotated[
    Literal["embedded", "spark"],
    typer.Option("--engine", help="who builds profiles; spark needs its extra and Java 17"),
]
PolicyName = Annotated[
    str | None,
    typer.Option("--policy", help="a policy file, or `default`, in place of what settings.yaml says of the data set"),
]
PromoteAnyway = Annotated[
    str | None,
    typer.Option("--promote-anyway", metavar="WHY", help="make a model champion that validation objects to; recorded"),
]
Features = Annotated[
    Path | None,
    typer.Option("--catalogue", metavar="FILE", help="a Python file with a CATALOGUE of your own, in place of ours"),
]
Lang = Annotated[str | None, typer.Option(help="en or zh; if not said, what the run is told in")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="observation date, YYYY-MM-DD (midnight UTC)")]


@app.callback()
def options(
    root: Annotated[
        Path | None,
        typer.Option(
            "--root",
            envvar="CREDIT_EVAL_ROOT",
            help="the project's directory; else this one, or the nearest above it with settings.yaml",
        ),
    ] = None,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="log a JSON object per stage to standard error: rows, seconds, memory")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print what came of it as JSON, for programs")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print errors only")] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="print the version, and leave")
    ] = False,
) -> None:
    """Events in, credit decisions out."""
    ASKED.root, ASKED.json, ASKED.quiet = root, json, quiet
    if log_json:
        stage_log.to_stream(sys.stderr)


def _version(asked: bool) -> None:
    if asked:
        say(f"credit-eval {__version__}")
        raise typer.Exit


def tell(*parts: str | tuple[str, str]) -> None:
    """Print a line for people, unless nobody wants to read it."""
    if not (ASKED.json or ASKED.quiet):
        say(*parts)


def give(result: object) -> None:
    """Print the result for programs, if one asked."""
    if ASKED.json:
        print(dumps(result, default=str, ensure_ascii=False))


def paths_asked() -> Paths:
    """Where the project's things lie."""
    from credit_eval.settings import Paths, project_root

    return Paths(root=ASKED.root or project_root())


def root_asked() -> tuple[Paths, Settings]:
    """Where the project's things lie, and its settings."""
    from credit_eval.settings import load_settings

    paths = paths_asked()
    return paths, load_settings(paths.root / "settings.yaml")


def run_asked(paths: Paths, dataset: str, label: str | None) -> Run:
    """The run of a label, or the one that was scored last."""
    from credit_eval.scoring.decision import latest_run

    return latest_run(paths.all_scored(dataset)) if label is None else Run.read(label)


def study_asked(
    name: str,
    tick: Tick,
    *,
    strict: bool = False,
    engine: Engine = "embedded",
    policy: str | None = None,
    catalogue: Path | None = None,
) -> Study:
    """The data set of a name, opened."""
    from credit_eval.catalogue import CATALOGUE
    from credit_eval.catalogue.own import catalogue_of
    from credit_eval.study import open_study

    features = CATALOGUE if catalogue is None else catalogue_of(catalogue)
    spark = engine == "spark"
    return open_study(name, root=ASKED.root, strict=strict, spark=spark, policy=policy, catalogue=features, tick=tick)


def language_asked(said: str | None) -> Language | None:
    """The language that was said; None: none was."""
    from credit_eval.core.errors import SourceError

    match said:
        case None | "en" | "zh":
            return said
        case _:
            raise SourceError("no word of this language is known", expected="en or zh", received=said)


def moment_asked(study: Study, as_of: str | None) -> datetime:
    """The date asked for, or the end of the data."""
    return study.dataset.info.known_until if as_of is None else parse_as_of(as_of)
