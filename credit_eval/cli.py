"""The command line. Every command is a stage; errors leave with the exit code of their family."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from datetime import datetime
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from credit_eval import __version__
from credit_eval.console import bars, err, out, print_what_the_terminal_can, say
from credit_eval.core import stage_log
from credit_eval.core.clock import parse_as_of
from credit_eval.core.errors import CohortError, CreditEvalError, PolicyError
from credit_eval.core.progress import Tick, silent
from credit_eval.core.runs import Run
from credit_eval.core.stage_log import stage
from credit_eval.core.visible import visible
from credit_eval.failures import INTERRUPTED, Interruption, in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from credit_eval.language.words import Language
    from credit_eval.models.history import Move
    from credit_eval.models.record import Record
    from credit_eval.schema.store import DatasetInfo
    from credit_eval.scoring.log import Log
    from credit_eval.scoring.proofs import Grown, Inclusion
    from credit_eval.settings import Paths, Settings
    from credit_eval.stages import Done
    from credit_eval.study import Study

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@dataclass
class _Asked:
    """What was said before the command."""

    root: Path | None = None
    json: bool = False
    quiet: bool = False


_ASKED = _Asked()

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


def main() -> None:
    """Run the command line; a mistake that can be mended is told in words, without a traceback."""
    print_what_the_terminal_can()
    interruption = Interruption()
    try:
        interruption.listen()
        app()
    except SystemExit as left:
        interruption.end()
        sys.exit(_interrupted() if interruption.came and left.code else left.code)
    except BaseException as error:
        interruption.end()
        if interruption.came or isinstance(error, KeyboardInterrupt):
            sys.exit(_interrupted())
        told = error if isinstance(error, CreditEvalError) else in_words(error)
        if told is None:
            raise
        say(("error", "bold red"), f" ({type(told).__name__}, exit code {told.exit_code})", to=err)
        say(str(told), to=err)
        sys.exit(told.exit_code)


def _interrupted() -> int:
    say("interrupted: what was under way left nothing, what was finished stays; run the same again", to=err)
    return INTERRUPTED


def _version(asked: bool) -> None:
    if asked:
        say(f"credit-eval {__version__}")
        raise typer.Exit


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
    _ASKED.root, _ASKED.json, _ASKED.quiet = root, json, quiet
    if log_json:
        stage_log.to_stream(sys.stderr)


def tell(*parts: str | tuple[str, str]) -> None:
    """Print a line for people, unless nobody wants to read it."""
    if not (_ASKED.json or _ASKED.quiet):
        say(*parts)


def give(result: object) -> None:
    """Print the result for programs, if one asked."""
    if _ASKED.json:
        print(dumps(result, default=str, ensure_ascii=False))


def _paths() -> Paths:
    from credit_eval.settings import Paths, project_root

    return Paths(root=_ASKED.root or project_root())


def _root() -> tuple[Paths, Settings]:
    from credit_eval.settings import load_settings

    paths = _paths()
    return paths, load_settings(paths.root / "settings.yaml")


def _scored_run(paths: Paths, dataset: str, label: str | None) -> Run:
    """The run of a label, or the one that was scored last."""
    from credit_eval.scoring.decision import latest_run

    return latest_run(paths.all_scored(dataset)) if label is None else Run.read(label)


def _study(
    name: str,
    tick: Tick,
    *,
    strict: bool = False,
    engine: Engine = "embedded",
    policy: str | None = None,
    catalogue: Path | None = None,
) -> Study:
    from credit_eval.catalogue import CATALOGUE
    from credit_eval.catalogue.own import catalogue_of
    from credit_eval.study import open_study

    features = CATALOGUE if catalogue is None else catalogue_of(catalogue)
    spark = engine == "spark"
    return open_study(name, root=_ASKED.root, strict=strict, spark=spark, policy=policy, catalogue=features, tick=tick)


@app.command()
def simulate(
    customers: Annotated[int | None, typer.Option(help="how many customers", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="same seed, same bytes", min=0)] = None,
    name: Annotated[str, typer.Option(help="name of the data set")] = "simulated",
    replace: Replace = False,
) -> None:
    """Make a simulated e-commerce data set, with its truth kept apart."""
    from credit_eval.ingest.simulator.run import simulate as run

    paths, settings = _root()
    chosen = settings.simulate
    with bars() as tick, stage("simulate", dataset=name) as told:
        dataset = run(
            paths.raw,
            paths.truth,
            customers=chosen.customers if customers is None else customers,
            months=chosen.months,
            seed=chosen.seed if seed is None else seed,
            name=name,
            replace=replace,
            tick=tick,
        )
        told["rows"] = sum(dataset.info.rows.values())
    _describe(dataset.name)


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(help="superlender, xente, taiwan, or the path of a mapping (.yaml)")],
    folder: Annotated[
        Path | None, typer.Option("--from", help="directory of the files; else the mapping's own")
    ] = None,
    show: Annotated[str | None, typer.Option(help="print the first rows that a table gets, and write nothing")] = None,
    quarantine: Annotated[bool, typer.Option("--quarantine", help="set bad rows aside and go on")] = False,
    replace: Replace = False,
) -> None:
    """Turn somebody's files into the declared tables, checked on the way in."""
    from credit_eval.ingest.mapping import first_rows, import_mapping
    from credit_eval.ingest.shipped import shipped_mapping

    paths, _ = _root()
    own = source.endswith((".yaml", ".yml"))
    if not own and folder is None:
        raise typer.BadParameter("say where the files are", param_hint="--from")
    mapping = Path(source) if own else shipped_mapping(source)
    if show is not None:
        found = first_rows(mapping, show, folder=folder)
        give(found.astype(object).where(found.notna(), None).to_dict("records"))
        tell(found.to_string(index=False))
        return
    with bars() as tick, stage("import") as told:
        dataset = import_mapping(mapping, paths.raw, folder=folder, quarantine=quarantine, replace=replace, tick=tick)
        told |= {"dataset": dataset.name, "rows": sum(dataset.info.rows.values())}
    _describe(dataset.name)


@app.command()
def draft(
    file: Annotated[Path, typer.Argument(help="a flat file: CSV with a header, or Parquet")],
    label: Annotated[str | None, typer.Option(help="its column that says what became of a row; else guessed")] = None,
    into: Annotated[Path | None, typer.Option(help="write the mapping here; else beside the file")] = None,
    replace: Replace = False,
) -> None:
    """Write a first mapping for a flat file, to edit: types, codes, identifiers, constants, leaks, class balance."""
    from credit_eval.ingest.draft import draft as run

    made = run(file, label=label, into=into, replace=replace)
    give({"mapping": made.path, "found": made.told})
    for line in made.told:
        tell(f"  {line}")
    tell(("edit this, then import it: ", "bold"), str(made.path))


@app.command()
def append(
    dataset: DatasetName,
    folder: Annotated[Path, typer.Option("--from", help="directory of the new files")],
    mapping: Annotated[Path, typer.Option(help="the mapping (.yaml) that the data set was imported with")],
    known_until: Annotated[
        datetime | None,
        typer.Option(help="up to when the data are then complete (UTC); else midnight after the last row"),
    ] = None,
    quarantine: Annotated[bool, typer.Option("--quarantine", help="set bad rows aside and go on")] = False,
) -> None:
    """Add what came since to a data set, a night's rows for instance, checked on the way in."""
    from credit_eval.ingest.mapping import append_mapping

    paths, _ = _root()
    before = len(_info(dataset).appended)
    with bars() as tick, stage("append", dataset=dataset) as told:
        made = append_mapping(
            mapping, folder, paths.raw, dataset, known_until=known_until, quarantine=quarantine, tick=tick
        )
        told |= {"rows": sum(made.info.rows.values()), "fresh": len(made.info.appended) > before}
    if len(made.info.appended) == before:
        tell("these files were appended already: nothing to do")
    _describe(dataset)


@app.command()
def datasets() -> None:
    """List the data sets under data/raw."""
    from credit_eval.core.files import is_building

    paths, _ = _root()
    names = sorted(path.parent.name for path in paths.raw.glob("*/dataset.json") if not is_building(path.parent))
    for name in names:
        _tell_dataset(name)
    give([asdict(_info(name)) for name in names])
    if not names:
        tell("no data sets yet: make one with `credit-eval simulate` or `credit-eval import`")


@app.command()
def check(
    dataset: DatasetName = "simulated",
    label: Annotated[str | None, typer.Option("--run", help="as_of=…, cohort=… or file=…; else the latest")] = None,
) -> None:
    """A scored run beside the one before: volume, decisions, scores, feeds that stopped (then 24)."""
    from credit_eval.night.check import BEYOND, check_run
    from credit_eval.schema.store import open_dataset

    paths, settings = _root()
    run = _scored_run(paths, dataset, label)
    found, before = check_run(open_dataset(paths.dataset(dataset)), paths.all_scored(dataset), run, settings.check)
    give({"run": run.label, "before": before and before.label, "checks": [asdict(one) for one in found]})
    tell((run.label, "bold"), f" of {dataset}, beside {before.label if before else 'none: it is the first'}")
    for one in found:
        tell((f"  {'within' if one.within else 'BEYOND':<8}", "" if one.within else "bold"), f"{one.what}: {one.text}")
    if not all(one.within for one in found):
        raise typer.Exit(BEYOND)


@app.command()
def prune(
    dataset: DatasetName,
    keep: Annotated[int, typer.Option(help="how many scored runs stay", min=1)],
    dry: Annotated[bool, typer.Option("--dry", help="remove nothing, and say what would be")] = False,
) -> None:
    """Remove the scored runs of a data set but the last; the ledger keeps what was decided."""
    from credit_eval.night.prune import prune as pruned

    found = pruned(_paths(), dataset, keep=keep, dry=dry)
    give(asdict(found))
    for name in found.removed:
        tell(f"  {name}")
    tell(f"{'would be removed' if dry else 'removed'}: {len(found.removed)}, {found.bytes / 1e6:,.1f} MB")


@app.command()
def backup(target: Annotated[Path, typer.Argument(help="the file to write, a tar")]) -> None:
    """Write data, models, runs and the ledger into one file, as they are at one moment, with their hashes."""
    from credit_eval.night.backup import backup as copied

    found = copied(_paths(), target)
    give(asdict(found))
    tell(f"backup: {found.files:,} files, {found.bytes / 1e6:,.1f} MB in {target}")


@app.command()
def restore(source: Annotated[Path, typer.Argument(help="a file that `backup` wrote")]) -> None:
    """Put a backup into a root that holds no data and no models yet; nothing before all hashes were compared."""
    from credit_eval.night.backup import restore as restored

    found = restored(source, _paths().root)
    give(asdict(found))
    tell(f"restored: {found.files:,} files, {found.bytes / 1e6:,.1f} MB")


@app.command()
def verify(dataset: DatasetName) -> None:
    """Hold everything there is of a data set against its seals: data, profiles, runs, ledger, models (then 19)."""
    from credit_eval.core.errors import IntegrityError
    from credit_eval.verify import LEFT_OUT
    from credit_eval.verify import verify as verified

    found = verified(*_root(), dataset)
    give([asdict(one) for one in found])
    for one in found:
        tell(f"  {'holds' if one.wrong is None else 'DOES NOT HOLD':<14}{one.what}: files {one.files:,}")
        if one.wrong:
            tell(("    " + one.wrong.replace("\n", "\n    "), "bold"))
    tell(f"not looked at: {LEFT_OUT}")
    if any(one.wrong for one in found):
        raise typer.Exit(IntegrityError.exit_code)


@app.command()
def profile(
    customer: Annotated[str, typer.Argument(help="customer_id")],
    dataset: Annotated[str, typer.Option(help="data set")] = "simulated",
    as_of: AsOf = None,
) -> None:
    """Print one customer's profile in five dimensions, each value beside what is typical."""
    with bars() as tick:
        study = _study(dataset, tick)
        moment = _moment(study, as_of)
        lines = study.profile(customer, moment)
    give({side: [asdict(line) for line in found] for side, found in lines.items()})
    tell((customer, "bold"), f" of {dataset} as of {moment:%Y-%m-%d %H:%M} UTC")
    for dimension, found in lines.items():
        tell("\n", (dimension.in_words(), "bold"))
        if not found:
            tell(("  no data: the source provides nothing on this side", "dim"))
        for line in found:
            tell(f"  {line.title:<78} {line.value:>16}   {line.usual}")


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="customer_id")],
    dataset: DatasetOption = "simulated",
    label: Annotated[str | None, typer.Option("--run", help="as_of=…, cohort=… or file=…; else the latest")] = None,
    everything: Annotated[bool, typer.Option("--all", help="also features that moved the score by nothing")] = False,
    lang: Lang = None,
) -> None:
    """The decision on a customer of a scored run: what decided, why, what would help, and the profile behind it."""
    from credit_eval.scoring.decision import as_json, in_language, tell_decision
    from credit_eval.scoring.lookup import decided

    language, paths = _language(lang), _paths()
    run = _scored_run(paths, dataset, label)
    found = decided(paths.scored(dataset, run.label), paths.profiles(dataset, run.label), customer)
    found = [in_language(one, language or one.manifest["language"]) for one in found]
    give([as_json(one) for one in found])
    for one in found:
        tell_decision(one, tell, language or one.manifest["language"], everything=everything)


@app.command()
def letters(
    customer: Annotated[str | None, typer.Argument(help="customer_id; everybody who is due one if not said")] = None,
    dataset: DatasetOption = "simulated",
    label: Annotated[str | None, typer.Option("--run", help="as_of=…, cohort=… or file=…; else the latest")] = None,
    lang: Lang = None,
) -> None:
    """Write the letters that adverse decisions of a scored run call for, as HTML that prints."""
    from credit_eval.report.letters import Lender, letter_name, write_letters
    from credit_eval.report.letters import letters as of_run
    from credit_eval.scoring.sealed import open_scored

    (paths, settings), said = _root(), _language(lang)
    run = _scored_run(paths, dataset, label)
    lender, scored = Lender(**settings.lender(dataset).model_dump()), paths.scored(dataset, run.label)
    found = of_run(scored, paths.profiles(dataset, run.label), lender, language=said, customer=customer)
    folder = paths.letters(dataset, run.label, said or open_scored(scored).manifest["language"])
    n = write_letters(found, folder)
    give({"letters": n, "folder": folder})
    tell(f"letters: {n:,} in {folder}" if customer is None else f"letter: {folder / letter_name(customer)}")


@app.command()
def train(
    dataset: DatasetName = "simulated",
    strict: Strict = False,
    engine: Engine = "embedded",
    policy: PolicyName = None,
    catalogue: Features = None,
    promote_anyway: PromoteAnyway = None,
) -> None:
    """Train, calibrate, validate and register the champion, unless validation objects to it."""
    from credit_eval import stages

    with bars() as tick:
        study = _study(dataset, tick, strict=strict, engine=engine, policy=policy, catalogue=catalogue)
        found = stages.train(study, promote_anyway=promote_anyway)
    give(asdict(found))
    tell(f"champion of {dataset}: version {found.model_version}, judged on {found.judged_on}")
    tell(f"  grades of policy {study.in_force}")
    _print_metrics(found)


@app.command()
def compare(
    dataset: DatasetName = "simulated",
    version: Annotated[int | None, typer.Option(help="the challenger if not said")] = None,
    against: Annotated[int | None, typer.Option(help="the champion if not said")] = None,
    policy: PolicyName = None,
) -> None:
    """A version beside the champion, on rows that taught neither."""
    from credit_eval import stages

    study = _study(dataset, silent, policy=policy)
    found = stages.compare_versions(study, version, against)
    give(asdict(found))
    what = f"version {version}" if version else "the challenger"
    tell(f"{what} beside version {found.against}, on {found.n:,} rows with {found.bads:,} bads that taught neither:")
    for name, now, before, gain in (
        ("AUC", found.auc, found.auc_against, found.gain_auc),
        ("log loss", found.log_loss, found.log_loss_against, found.gain_log_loss),
    ):
        shown = f"gain {gain['value']:+.4f} [{gain['low']:+.4f}, {gain['high']:+.4f}]"
        tell(f"  {name:<9} {now:.4f}, the other {before:.4f}; {shown}")
    observed = f"{found.bads / found.n:.2%} defaulted"
    tell(f"  mean PD   {found.mean_p:.2%}, the other {found.mean_p_against:.2%}; {observed}")
    for swap in found.swaps:
        rate = f"{swap.default_rate:.1%}" if swap.default_rate is not None else "none"
        tell(f"  {swap.rule}: {swap.who:<15} {swap.n:>9,} rows, default rate {rate}")


@app.command()
def validate(
    dataset: DatasetName = "simulated",
    policy: PolicyName = None,
    catalogue: Features = None,
) -> None:
    """Everything a validator asks of the champion: a page that prints, and its numbers."""
    from credit_eval.validate import validate as validated
    from credit_eval.validation.findings import checks

    with bars() as tick:
        study = _study(dataset, tick, policy=policy, catalogue=catalogue)
        target, found = validated(study)
    give(found.plain() | {"page": target})
    tell(f"validation of {dataset}, version {found.version}")
    for check in checks(found, study.validation()):
        word = {"holds": "holds", "look": "look at it", "fails": "does not hold"}[check.level]
        tell((f"  {word:<14}", "" if check.level == "holds" else "bold"), f"{check.what}: {check.text}")
    tell(f"page: {target}")


@app.command()
def tune(
    dataset: DatasetName = "simulated",
    seconds: Annotated[float | None, typer.Option(help="after which no trial begins", min=1)] = None,
    trials: Annotated[int | None, typer.Option(help="at most; the same trials on every machine", min=1)] = None,
    rows: Annotated[int, typer.Option(help="to search on at most; what is found is judged on all", min=500)] = 60_000,
    policy: PolicyName = None,
    catalogue: Features = None,
) -> None:
    """Search for how to grow the trees, judged on data that the search never saw; ten minutes unless said."""
    from credit_eval import stages

    with bars() as tick:
        study = _study(dataset, tick, policy=policy, catalogue=catalogue)
        bound = 600.0 if seconds is None and trials is None else seconds
        found = stages.tune(study, seconds=bound, trials=trials, rows=rows)
    give(asdict(found))
    whole = sum(trial.whole for trial in found.trials)
    tell(
        f"{len(found.trials)} trials in {found.seconds:.0f} s, {whole} of them on all {found.folds} folds (the others "
        "were worse than the median of those before)"
    )
    tell(f"held-out log loss {found.loss:.4f}, it was {found.loss_before:.4f}")
    tell(f"judged {found.judged_on}, {found.rows:,} rows with {found.bads:,} bads, which the search never saw:")
    for name, now, before, gain in (
        ("AUC", found.auc, found.auc_before, found.gain_auc),
        ("log loss", found.log_loss, found.log_loss_before, found.gain_loss),
    ):
        tell(f"  {name:<9} {now:.4f}, it was {before:.4f}; gain {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]")
    if not found.settings:
        tell("nothing that was tried lost less on the folds: keep what there is")
        return
    advice = "shown to be better: " if found.better else "not shown to be better, so keep what there is; it would be: "
    tell((advice, "bold"), f"settings.yaml, under datasets: {dataset}:")
    tell(f"    training: {{{', '.join(f'{name}: {value}' for name, value in found.settings.items())}}}")


@app.command()
def score(
    dataset: DatasetName = "simulated",
    as_of: AsOf = None,
    cohort: Annotated[str | None, typer.Option(help="a cohort brought by the source")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="people in no import: a file of rows, a folder of event files, or - for JSON lines (not kept)"
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="DATASET", help="decide by the champion of this data set")
    ] = None,
    replace: Replace = False,
    strict: Strict = False,
    engine: Engine = "embedded",
    policy: PolicyName = None,
    catalogue: Features = None,
) -> None:
    """Score everybody with an account at a date, a cohort, or people of a file, and decide."""
    from credit_eval import stages
    from credit_eval.scoring.sealed import manifest_hash, open_scored

    if file is not None and str(file) == "-":
        study = _study(dataset, silent, policy=policy, catalogue=catalogue)
        for row in stages.decide_rows(study, sys.stdin.readlines(), model_of=model):
            print(dumps(row, default=str, ensure_ascii=False))
        return
    with bars() as tick:
        study = _study(dataset, tick, strict=strict, engine=engine, policy=policy, catalogue=catalogue)
        if file is not None:
            moment = parse_as_of(as_of) if as_of else None
            before = None
            target = stages.score_file(study, file, as_of=moment, model_of=model, replace=replace)
        else:
            brought = [] if as_of else [run for run in study.runs() if run.cohort]
            one = Run(cohort=cohort) if cohort else brought[0] if brought and study.dataset.info.flat else None
            one = one or Run(as_of=_moment(study, as_of))
            before = manifest_hash(study.paths.scored(dataset, one.label))
            target = stages.score(study, one, model_of=model, replace=replace)
    told = open_scored(target)
    fresh = manifest_hash(target) != before
    give({"scored": target, "run": target.name, "fresh": fresh, **told.counted})
    tell(f"scored: {target}")
    tell(f"  policy {study.in_force}")


@app.command()
def report(
    dataset: DatasetName = "simulated",
    label: Annotated[str | None, typer.Option(help="as_of=YYYY-MM-DD or cohort=NAME; the latest if not said")] = None,
    catalogue: Features = None,
    lang: Lang = None,
) -> None:
    """Write the static HTML report of a scored run; `--lang zh`: the committee paper in Chinese, too."""
    from credit_eval import stages

    with bars() as tick:
        study = _study(dataset, tick, catalogue=catalogue)
        target = stages.report(study, study.latest() if label is None else Run.read(label), _language(lang))
    give({"report": target})
    tell(f"report: {target}")


@app.command()
def run(
    dataset: DatasetName = "simulated",
    as_of: AsOf = None,
    replace: Replace = False,
    strict: Strict = False,
    engine: Engine = "embedded",
    policy: PolicyName = None,
    catalogue: Features = None,
    promote_anyway: PromoteAnyway = None,
) -> None:
    """The whole chain for a data set: train, score, report, and a summary to read."""
    from credit_eval import stages

    with bars() as tick:
        study = _study(dataset, tick, strict=strict, engine=engine, policy=policy, catalogue=catalogue)
        one = None if as_of is None else Run(as_of=parse_as_of(as_of))
        done = stages.run_all(study, run=one, replace=replace, promote_anyway=promote_anyway)
    give(
        {
            "validation": asdict(done.validation),
            "refused": asdict(done.refused) if done.refused else None,
            "runs": {one.label: asdict(summary) for one, summary in done.summaries.items()},
        }
    )
    if not (_ASKED.json or _ASKED.quiet):
        _print_summary(study, done)


registry_app = typer.Typer(no_args_is_help=True, help="Who was champion when, and why; put an earlier one back.")
app.add_typer(registry_app, name="registry")
Why = Annotated[str, typer.Option(help="the reason, in a sentence; recorded")]
By = Annotated[str, typer.Option(help="who answers for it; recorded")]


@registry_app.command("history")
def registry_history(
    dataset: DatasetName = "simulated",
    at: Annotated[datetime | None, typer.Option(help="only who was champion then (UTC)")] = None,
) -> None:
    """Every move of the champion: when, which version, why, by whom."""
    from credit_eval.models.history import champion_at
    from credit_eval.models.registry import history

    moves = history(_paths().models, dataset)
    if at is not None:
        version = champion_at(moves, at)
        give({"at": at, "champion": version})
        tell(f"version {version}" if version else f"{dataset} had no champion then")
        return
    give([asdict(move) for move in moves])
    for move in moves:
        auc = f", AUC {move.auc:.3f}" if move.auc is not None else ""
        since = f" (before: {move.before})" if move.before else ""
        tell(f"{move.at}  {move.what} version {move.version}{since}{auc}, by {move.by}: {move.why}")


@registry_app.command("demote")
def registry_demote(dataset: DatasetName, why: Why, by: By) -> None:
    """Make the champion before the present one champion again."""
    from credit_eval.models.registry import demote

    _tell_move(dataset, demote(_paths().models, dataset, why=why, by=by))


@registry_app.command("promote")
def registry_promote(
    dataset: DatasetName, version: Annotated[int, typer.Argument(help="a registered version")], why: Why, by: By
) -> None:
    """Make a registered version champion."""
    from credit_eval.models.registry import promote

    _tell_move(dataset, promote(_paths().models, dataset, version, why=why, by=by))


@registry_app.command("keep")
def registry_keep(
    dataset: DatasetName, why: Why, by: By, policy: PolicyName = None, catalogue: Features = None
) -> None:
    """Keep the champion under new code, libraries, settings or data, if it says of its sample what it said before."""
    from credit_eval.champions import keep

    with bars() as tick:
        study = _study(dataset, tick, policy=policy, catalogue=catalogue)
        _tell_move(dataset, keep(study, why=why, by=by))


@registry_app.command("card")
def registry_card(dataset: DatasetName = "simulated", policy: PolicyName = None) -> None:
    """The champion's model card, as Markdown: owner, purpose, definition, data, worth, objections, history."""
    from credit_eval.models.registry import find_version, history
    from credit_eval.report.card import card

    study = _study(dataset, silent, policy=policy)
    record, chosen, paths = study.validation(), study.chosen, study.paths
    version = find_version(paths.models, dataset)
    text = card(
        record,
        history(paths.models, dataset),
        owner=chosen.owner,
        purpose=chosen.purpose,
        not_for=chosen.not_for,
        jurisdiction=chosen.jurisdiction,
        fingerprint=version.fingerprint if version else "",
    )
    give({"card": text})
    if not (_ASKED.json or _ASKED.quiet):
        print(text, end="")


@registry_app.command("inventory")
def registry_inventory() -> None:
    """Every data set's champion: who owns it, what it is for, since when, and what it is worth."""
    from credit_eval.models.evidence import record_of
    from credit_eval.models.registry import datasets_with_champions, history
    from credit_eval.report.card import entry

    paths, settings = _root()
    entries = []
    for dataset in datasets_with_champions(paths.models):
        record, chosen = record_of(paths.models, dataset), settings.datasets.get(dataset)
        if record is not None:
            said = {"owner": chosen.owner if chosen else None, "purpose": chosen.purpose if chosen else None}
            entries.append(entry(record, history(paths.models, dataset), **said))
    give([asdict(each) for each in entries])
    for each in entries:
        area = f"AUC {each.auc:.3f} [{each.auc_low:.3f}, {each.auc_high:.3f}], {each.judged_on}"
        tell((f"{each.dataset} {each.version}", "bold"), f" since {each.champion_since}; {area}")
        tell(f"  owner: {each.owner}; purpose: {each.purpose}")
        for objection in each.objections:
            tell(f"  against it: {objection}")


def _tell_move(dataset: str, move: Move) -> None:
    give(asdict(move))
    tell(f"champion of {dataset}: version {move.version}, it was {move.before}")


policy_app = typer.Typer(no_args_is_help=True, help="Check a policy, explain a decision, compare two policies.")
app.add_typer(policy_app, name="policy")
PolicyFile = Annotated[Path | None, typer.Option("--file", help="a policy file; else the policy in force")]


@policy_app.command("check")
def policy_check(dataset: DatasetName = "simulated", file: PolicyFile = None) -> None:
    """What can never happen, collides or loses money (then 16); and how often each part fired on the latest run."""
    from credit_eval.study import policies

    study = _study(dataset, silent)
    if not policies.check(study, policies.policy_of(study, file), tell):
        raise typer.Exit(PolicyError.exit_code)


@policy_app.command("explain")
def policy_explain(
    customer: Annotated[str, typer.Argument(help="the customer's id")],
    dataset: DatasetName = "simulated",
    file: PolicyFile = None,
) -> None:
    """Every input, every constraint and the decision on a customer of the latest run."""
    from credit_eval.study import policies

    study = _study(dataset, silent)
    if not policies.explain(study, policies.policy_of(study, file), customer, tell):
        raise typer.Exit(CohortError.exit_code)


@policy_app.command("price")
def policy_price(dataset: DatasetName = "simulated", file: PolicyFile = None) -> None:
    """What each grade's rate would have to be to bear what its credit costs, on the customers of the latest run."""
    from credit_eval.policy.pricing import prices, unsigned
    from credit_eval.study.policies import seen_by_grade

    study = _study(dataset, silent, policy=str(file) if file else None)
    table = prices(study.policy, study.losses(), seen_by_grade(study))
    give(table.to_dict("records"))
    tell(f"{study.policy.name} {study.policy.policy_version}: rates a year, of what is owed")
    tell("  grade       n   p_default  funding  expected loss  operating  capital  margin   needed     is")
    for row in table.to_dict("records"):
        parts = [row[name] for name in ("funding", "expected_loss", "operating", "capital", "margin", "needed", "apr")]
        widths = (8, 14, 10, 8, 7, 8, 6)
        told = " ".join(f"{part:>{width}.1%}" for part, width in zip(parts, widths, strict=True))
        tell(f"  {row['grade']:<5} {row['n']:>8,} {row['p']:>10.2%} {told}")
    for text in unsigned(study.policy, table):
        tell(("  look at it  ", "bold"), text)


@policy_app.command("diff")
def policy_diff(
    one: Annotated[Path, typer.Argument(help="a policy file")],
    other: Annotated[Path, typer.Argument(help="another")],
    dataset: DatasetName = "simulated",
) -> None:
    """In which settings two policies differ, and who moves between them on the latest run."""
    from credit_eval.policy.settings import load_policy
    from credit_eval.study import policies

    policies.diff(_study(dataset, silent), load_policy(one), load_policy(other), tell)


@app.command()
def offer(
    customer: Annotated[str, typer.Argument(help="customer_id of the latest scored run")],
    amount: Annotated[str, typer.Option(help="of the basket, in the data set's currency")],
    dataset: DatasetOption = "simulated",
    policy: PolicyName = None,
) -> None:
    """The instalment plans among which a customer may choose: every payment, what they cost in all, and the rate."""
    from credit_eval.study.offering import offered, tell_offer

    study = _study(dataset, silent, policy=policy)
    found = offered(study, customer, amount)
    give(asdict(found))
    tell_offer(found, study.dataset.info.currency, tell)


@app.command()
def backtest(
    one: Annotated[str, typer.Argument(help="a policy file, or `default`")],
    other: Annotated[str, typer.Argument(help="another")],
    dataset: DatasetOption = "simulated",
    every_month: Annotated[
        bool, typer.Option("--every-month", help="also months that taught, each customer by trees of another fold")
    ] = False,
    by: Annotated[list[str] | None, typer.Option(help="a feature with categories that makes segments, too")] = None,
) -> None:
    """Two policies on past observations whose outcomes are known: whom they stop, and what that costs."""
    from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
    from credit_eval.study.backtesting import backtested, tell_backtest

    with bars() as tick:
        policies = [load_policy(DEFAULT_POLICY if name == "default" else Path(name)) for name in (one, other)]
        study = _study(dataset, tick)
        found = backtested(study, policies, every_month=every_month, by=by or ())
    give(asdict(found))
    tell_backtest(found, study.dataset.info.currency, tell)


@policy_app.command("publish")
def policy_publish(
    file: Annotated[Path, typer.Argument(help="a policy file")],
    dataset: DatasetName,
    author: Annotated[str, typer.Option(help="who wrote it")],
    approver: Annotated[str, typer.Option(help="who puts it in force: somebody else")],
) -> None:
    """Put a policy in force for a data set, after its replay on the latest run, which is recorded with it."""
    from credit_eval.policy.settings import load_policy
    from credit_eval.study import policies
    from credit_eval.study.publishing import publish

    study = _study(dataset, silent)
    found = publish(study, load_policy(file), author=author, approver=approver)
    give(asdict(found))
    policies.tell_replay(found, study.dataset.info.currency, tell)


@policy_app.command("schema")
def policy_schema(
    write: Annotated[Path | None, typer.Option(help="write it to this file")] = None,
) -> None:
    """The JSON schema of policy files, by which editors complete and check them."""
    from credit_eval.study import policies

    if write:
        write.write_text(policies.schema(), encoding="utf-8")
    else:
        tell(policies.schema())


@app.command()
def prove(
    customer: Annotated[str | None, typer.Argument(help="customer_id; a proof of the decision on it")] = None,
    dataset: DatasetOption = "simulated",
    label: Annotated[str | None, typer.Option("--run", help="as_of=…, cohort=… or file=…; else the latest")] = None,
    since: Annotated[
        int | None, typer.Option(help="a proof that the first so many entries of the log stand as they stood", min=1)
    ] = None,
    check: Annotated[Path | None, typer.Option(help="check this proof against the ledger", metavar="FILE")] = None,
) -> None:
    """Write a proof that anybody can check with docs/check_proof.py: of a decision, or that the log only grew."""
    from credit_eval.scoring.ledger import Ledger
    from credit_eval.scoring.proofs import check_proof, prove_decision, prove_grown, write_proofs

    if sum(one is not None for one in (customer, since, check)) != 1:
        raise typer.BadParameter("say a customer, or --since, or --check")
    paths, settings = _root()
    ledger_of = Ledger(paths.ledger(settings.ledger))
    if check:
        told = check_proof(check, ledger_of)
        give({"holds": True, "proves": told})
        return tell(f"the proof holds: {told}")
    if customer is not None:
        run = _scored_run(paths, dataset, label)
        made: Sequence[Inclusion | Grown] = prove_decision(paths.scored(dataset, run.label), ledger_of, customer)
        files = write_proofs(made, paths.proofs(dataset), f"{customer} {run.label}")
    else:
        made = [prove_grown(ledger_of.log(dataset), since or 0)]
        files = write_proofs(made, paths.proofs(dataset), f"log since {since}")
    give({"files": files, "log_size": made[0].log_size, "log_root": made[0].log_root})
    for file in files:
        tell(f"proof: {file}")
    tell(f"under the root {made[0].log_root} of {made[0].log_size:,} entries of the log")
    return tell("`python docs/check_proof.py FILE` checks it, with nothing of this program")


@app.command()
def review(
    dataset: DatasetName = "simulated",
    label: Annotated[str | None, typer.Option("--run", help="as_of=… or cohort=…; else the latest")] = None,
    port: Annotated[int, typer.Option(help="of this machine; 0: any that is free", min=0, max=65535)] = 8300,
) -> None:
    """Serve the decisions of a scored run as pages on this machine: a queue, and every customer with its reasons."""
    from credit_eval.review.serve import desk_of, serve

    def ready(address: str, token: str) -> None:
        tell(f"open {address} and sign in with " + (f"the word {token}" if token else "your name and password"))
        tell("Ctrl-C ends it; who looked at whom is written to data/review")

    paths, settings = _root()
    run = _scored_run(paths, dataset, label)
    with desk_of(paths, settings, dataset, run) as desk:
        serve(desk, port, ready)


@app.command()
def account(
    name: Annotated[str | None, typer.Argument(help="of somebody; none: list all")] = None,
    role: Annotated[str | None, typer.Option(help="viewer, reviewer, approver or auditor")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="take the account away")] = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="for who comes through a proxy that signs people in")
    ] = False,
) -> None:
    """Give somebody a role on the review page, or take it away; asks for a password, or reads it from a pipe."""
    from credit_eval.core.errors import ReviewError
    from credit_eval.review.accounts import read_accounts, remove_account, set_account

    path = _paths().accounts
    if name is None:
        found = {one.name: one.role for one in read_accounts(path).values()}
        give(found)
        for one, what in found.items():
            tell(f"  {what:<10}{one}")
        return tell(f"{len(found):,} accounts" if found else "no accounts: the page is for whoever serves it")
    if remove:
        remove_account(path, name)
        return tell(f"{name} has no account any more")
    if role is None:
        raise ReviewError("no role was said", todo="say --role viewer, reviewer, approver or auditor")
    asks = sys.stdin.isatty()
    word = None
    if not no_password:
        word = typer.prompt("password", hide_input=True, confirmation_prompt=True) if asks else sys.stdin.readline()
    made = set_account(path, name, role, word if word is None else word.rstrip("\r\n"))
    return tell(f"{made.name} is {made.role}")


@app.command()
def reviews(
    dataset: DatasetName = "simulated",
    write: Annotated[Path | None, typer.Option(help="write every opinion to this CSV file", metavar="FILE")] = None,
) -> None:
    """Count what reviewers said of decisions: agree or not, why, of which reasons, and who."""
    from credit_eval.review.opinions import counted, export, opinions
    from credit_eval.scoring.ledger import Ledger

    paths, settings = _root()
    said = opinions(Ledger(paths.ledger(settings.ledger)).log(dataset))
    give({"opinions": len(said)} | counted(said))
    tell(f"{len(said):,} opinions of decisions on {dataset}")
    for name, counts in counted(said).items():
        for value, n in counts.items():
            tell(f"  {name + ':':<16}{value}: {n:,}")
    if write:
        export(said, write)
        tell(f"written to {write}")


@app.command()
def overrides(
    dataset: DatasetName = "simulated",
    write: Annotated[Path | None, typer.Option(help="write every override to this CSV file", metavar="FILE")] = None,
) -> None:
    """What people decided over the policy, what holds of it now, and how these customers did."""
    from credit_eval.core.files import write_cells
    from credit_eval.study.overruling import monitored, overruled

    with bars() as tick:
        study = _study(dataset, tick, policy="default")  # which is not read
        told = overruled(study)
        found = monitored(told, study.dataset.info.known_until)
    told = told.astype(object).where(told.notna(), None)
    give({"overrides": told.to_dict("records"), "monitored": found.to_dict("records")})
    tell(f"{len(told):,} overrides of decisions on {dataset}")
    for row in found.to_dict("records"):
        tell(
            f"  {row['then']} as {row['why']}: {row['said']:,}; {row['waiting']:,} waiting, "
            f"{row['holding']:,} holding; "
            f"of {row['judged']:,} judged {row['defaulted']:,} defaulted, {row['expected']:.1f} expected"
        )
    if write:
        write_cells(write, [str(name) for name in told.columns], told.itertuples(index=False, name=None))
        tell(f"written to {write}")


@app.command()
def replay(
    customer: Annotated[str, typer.Argument(help="customer_id")],
    dataset: DatasetOption = "simulated",
    as_of: AsOf = None,
    label: Annotated[str | None, typer.Option("--run", help="as_of=… or cohort=…; else the latest")] = None,
) -> None:
    """Make a recorded decision again, from the recorded data, model and policy, and compare byte for byte (then 26)."""
    from credit_eval.core.errors import ReplayError
    from credit_eval.replay import replay as replayed

    with bars() as tick:
        study = _study(dataset, tick, policy="default")  # of which nothing is read: the manifest has its own
        run = Run(as_of=parse_as_of(as_of)) if as_of else _scored_run(study.paths, dataset, label)
        found = replayed(study, run, customer)
    give([asdict(one) | {"same": one.same} for one in found])
    for one in found:
        tell(
            f"{customer} of {dataset}: the decision comes out {'the same, byte for byte' if one.same else 'OTHERWISE'}"
        )
        for phrase in one.since:
            tell(f"  since then: {phrase}")
        for name, recorded, again in one.differing:
            tell((f"  {name}: {recorded} was recorded, {again} comes out", "bold"))
    if not all(one.same for one in found):
        raise typer.Exit(ReplayError.exit_code)


@app.command()
def ledger(
    dataset: DatasetName,
    customer: Annotated[str | None, typer.Argument(help="the customer's id; the log and its root if not said")] = None,
) -> None:
    """Print every decision on a customer, as the ledger holds them; or the log of batches and champions."""
    study = _study(dataset, silent)
    if customer is None:
        return _tell_log(study.ledger.log(study.name))
    found = study.ledger.history(study.name, customer)
    give(found.to_dict("records"))
    if found.empty:
        tell(f"the ledger {study.ledger.shown} holds no decision on {customer} of {dataset}")
    for row in found.to_dict("records"):
        before = "no line" if row["limit_before"] != row["limit_before"] else f"{row['limit_before']:,.2f}"
        again = f", version {row['version']}" if row["version"] else ""
        restricted = ", restricted" if row["restricted"] else ""
        rate = "" if row["apr"] != row["apr"] else f", {row['apr']:.1%} a year"
        tell(
            f"{row['as_of']:%Y-%m-%d %H:%M}{again}  {row['decision']:<8} {before} -> {row['limit_after']:,.2f}"
            f"  p_default {row['p_default']:.3f}{rate}{restricted}"
        )
    return None


def _tell_log(log: Log) -> None:
    entries = log.read()
    give({"entries": entries, "size": log.head.size, "root": log.head.root})
    for said in entries:
        if said["kind"] == "batch":
            told = f"{said['label']}, version {said['version']}: {said['rows']:,} decisions, root {said['root'][:12]}…"
        elif said["kind"] == "review":
            told = f"{said['who']} on a decision of {said['as_of'][:10]}: {said['verdict']}"
        else:
            told = f"champion of {said['model_of']}: version {said['version']} {said['what']}"
        tell(f"{said['place']:>5}  {str(said['at'])[:19]}  {told}")
    tell(f"root of {log.head.size:,} entries: {log.head.root}")
    tell("give it to an auditor, or print it: nobody can change what stands under it unseen from then on")


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="one table; else all of them")] = None,
    write: Annotated[Path | None, typer.Option(help="write them to this Markdown file")] = None,
) -> None:
    """Print the declared tables: columns, types, units, allowed values, and how many features want each."""
    from credit_eval.catalogue import CATALOGUE
    from credit_eval.profiles.tables import table_section, tables_page
    from credit_eval.schema.tables import TABLES, table_named

    if write:
        write.write_text(tables_page(CATALOGUE), encoding="utf-8")
        return
    shown = [table_named(name)] if name else list(TABLES.values())
    give([asdict(table) for table in shown])
    for table in shown:
        tell(table_section(table, CATALOGUE))


@app.command()
def features(
    write: Annotated[Path | None, typer.Option(help="write the dictionary to this Markdown file")] = None,
    catalogue: Features = None,
    untranslated: Annotated[bool, typer.Option("--untranslated", help="only those without Chinese words")] = False,
) -> None:
    """List the catalogue, or write the feature dictionary."""
    from credit_eval.catalogue import CATALOGUE
    from credit_eval.catalogue.own import catalogue_of
    from credit_eval.profiles.dictionary import dictionary

    listed = CATALOGUE if catalogue is None else catalogue_of(catalogue)
    if write:
        write.write_text(dictionary(listed), encoding="utf-8")
        return
    shown = [feature for feature in listed.features if not (untranslated and feature.zh)]
    give([{"name": feature.name, "title": feature.title} for feature in shown])
    for feature in shown:
        tell(f"{feature.name:<44} {feature.title}")


def _language(said: str | None) -> Language | None:
    from credit_eval.core.errors import SourceError

    match said:
        case None | "en" | "zh":
            return said
        case _:
            raise SourceError("no word of this language is known", expected="en or zh", received=said)


def _moment(study: Study, as_of: str | None) -> datetime:
    """The date asked for, or the end of the data."""
    return study.dataset.info.known_until if as_of is None else parse_as_of(as_of)


def _describe(name: str) -> None:
    _tell_dataset(name)
    give(asdict(_info(name)))


def _info(name: str) -> DatasetInfo:
    from credit_eval.schema.store import open_dataset

    return open_dataset(_root()[0].dataset(name)).info


def _tell_dataset(name: str) -> None:
    info = _info(name)
    tables = ", ".join(f"{table} {n:,}" for table, n in info.rows.items())
    tell((name, "bold"), f" ({info.currency}, known until {info.known_until:%Y-%m-%d}): {tables}")
    for note in info.notes:
        tell(f"  note: {note}")


def _print_metrics(found: Record) -> None:
    """Discrimination and calibration with their 95 % intervals, and how they were judged."""
    from credit_eval.models.promotion import compared
    from credit_eval.report.words import LEFT_OUT

    metrics = found.metrics
    shown = ", ".join(f"{name.upper()} {_interval(metrics, name)}" for name in ("auc", "ks"))
    tell(
        f"  default rate {metrics['default_rate']:.1%} ({metrics['bads']:,.0f} of {metrics['n']:,.0f}), {shown} (95 %)"
    )
    tell(f"  calibration error (ECE) {metrics['ece']:.3f}; by chance alone {metrics['ece_by_chance']:.3f}")
    for name, gain in found.gains.items():
        shown = f"{gain['value']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"
        tell(f"  AUC over {name}: {shown}: {compared(gain)}")
    tell(f"  {found.why}")
    for reason, n in sorted(found.left_out.items(), key=lambda item: -item[1]):
        tell(f"  left out {n:,} rows: {LEFT_OUT.get(reason, reason)}")
    if (drawn := found.drawn).rows < drawn.of_rows:
        rows, customers = f"{drawn.rows:,} of {drawn.of_rows:,} rows", f"{drawn.customers:,} of {drawn.of_customers:,}"
        tell(f"  Sample: {rows}, of {customers} customers drawn at random (settings: sample.max_rows).")
    if overruled := found.promoted_anyway:
        tell(("  champion against the objections of validation: ", "bold"), "; ".join(overruled.objections))
        tell(f"  because: {overruled.why}")


def _print_refused(found: Record) -> None:
    """That a challenger does not decide, and why."""
    tell((f"challenger: version {found.model_version} does not become champion: ", "bold"), "; ".join(found.objections))
    tell(f"  look at it: credit-eval compare {found.dataset}")


def _interval(metrics: dict[str, float], name: str) -> str:
    return f"{metrics[name]:.3f} [{metrics[f'{name}_low']:.3f}, {metrics[f'{name}_high']:.3f}]"


def _print_summary(study: Study, done: Done) -> None:
    """What a person wants to know when the chain has run: where, how many, how good, who, and why."""
    out.rule(visible(f"{study.name}: {done.seconds:.0f} s"))
    tell(f"model    version {done.validation.model_version}, judged on {done.validation.judged_on}")
    _print_metrics(done.validation)
    if done.refused:
        _print_refused(done.refused)
    tell(f"policy   {study.in_force}")
    for one, summary in done.summaries.items():
        tell((one.label, "bold"))
        restricted, nothing = summary.restricted, summary.restricted_at_nothing
        decisions = ", ".join(f"{name} {count:,}" for name, count in summary.decisions.items())
        before = f", {nothing:,} of them with a limit of 0 before" if nothing else ""
        share = f"{restricted / summary.customers:.1%}"
        tell(f"  customers  {summary.customers:,}; restricted {restricted:,} ({share}){before}")
        tell(f"  decisions  {decisions}")
        bound = ", ".join(f"{constraint} {n:,}" for constraint, n in summary.adverse_bound_by.items())
        tell(f"  adverse    {summary.adverse:,}, bound by: {bound or 'nothing'}")
        tell(f"             {summary.adverse_by_score:,} of them would not be adverse with the best score")
        earn = f", to earn {summary.profit:,.0f} after that" if summary.profit is not None else ""
        tell(f"  expected   to lose {summary.expected_loss:,.0f} {study.dataset.info.currency} within the window{earn}")
        reasons = "; ".join(f"{reason.label} ({reason.n:,})" for reason in summary.reasons[:3])
        tell(f"  reasons    {reasons}; first of {summary.reasons_among:,} {summary.reasons_of}")
        if summary.never_seen_unknown:
            unknown = ", ".join(f"{name} {n:,}" for name, n in list(summary.never_seen_unknown.items())[:5])
            tell(f"  unknown    {len(summary.never_seen_unknown)} features that never were so in training: {unknown}")
        if summary.never_seen:
            new = ", ".join(f"{name} {n:,}" for name, n in list(summary.never_seen.items())[:5])
            tell(
                f"  unseen     {len(summary.never_seen)} categories that the model never saw, taken for unknown: {new}"
            )
        tell(f"  scored     {study.paths.scored(study.name, one.label)}/")
        tell(f"  report     {study.paths.report(study.name, one.label)}")
    first = next(iter(done.summaries))
    tell(("open this first: ", "bold"), study.paths.report(study.name, first.label).resolve().as_uri())


if __name__ == "__main__":
    main()
