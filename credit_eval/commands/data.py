"""Commands about data: simulate, import, draft, append, look at, check, prune, back up, verify."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credit_eval.commands.base import (
    AsOf,
    DatasetName,
    Features,
    Replace,
    app,
    give,
    moment_asked,
    paths_asked,
    root_asked,
    run_asked,
    study_asked,
    tell,
)
from credit_eval.console import bars
from credit_eval.core.stage_log import stage

if TYPE_CHECKING:
    from credit_eval.schema.store import DatasetInfo


@app.command()
def simulate(
    customers: Annotated[int | None, typer.Option(help="how many customers", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="same seed, same bytes", min=0)] = None,
    name: Annotated[str, typer.Option(help="name of the data set")] = "simulated",
    replace: Replace = False,
) -> None:
    """Make a simulated e-commerce data set, with its truth kept apart."""
    from credit_eval.ingest.simulator.run import simulate as run

    paths, settings = root_asked()
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

    paths, _ = root_asked()
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

    paths, _ = root_asked()
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

    paths, _ = root_asked()
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

    paths, settings = root_asked()
    run = run_asked(paths, dataset, label)
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

    found = pruned(paths_asked(), dataset, keep=keep, dry=dry)
    give(asdict(found))
    for name in found.removed:
        tell(f"  {name}")
    tell(f"{'would be removed' if dry else 'removed'}: {len(found.removed)}, {found.bytes / 1e6:,.1f} MB")


@app.command()
def backup(target: Annotated[Path, typer.Argument(help="the file to write, a tar")]) -> None:
    """Write data, models, runs and the ledger into one file, as they are at one moment, with their hashes."""
    from credit_eval.night.backup import backup as copied

    found = copied(paths_asked(), target)
    give(asdict(found))
    tell(f"backup: {found.files:,} files, {found.bytes / 1e6:,.1f} MB in {target}")


@app.command()
def restore(source: Annotated[Path, typer.Argument(help="a file that `backup` wrote")]) -> None:
    """Put a backup into a root that holds no data and no models yet; nothing before all hashes were compared."""
    from credit_eval.night.backup import restore as restored

    found = restored(source, paths_asked().root)
    give(asdict(found))
    tell(f"restored: {found.files:,} files, {found.bytes / 1e6:,.1f} MB")


@app.command()
def verify(dataset: DatasetName) -> None:
    """Hold everything there is of a data set against its seals: data, profiles, runs, ledger, models (then 19)."""
    from credit_eval.core.errors import IntegrityError
    from credit_eval.verify import LEFT_OUT
    from credit_eval.verify import verify as verified

    found = verified(*root_asked(), dataset)
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
        study = study_asked(dataset, tick)
        moment = moment_asked(study, as_of)
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


def _describe(name: str) -> None:
    _tell_dataset(name)
    give(asdict(_info(name)))


def _info(name: str) -> DatasetInfo:
    from credit_eval.schema.store import open_dataset

    return open_dataset(root_asked()[0].dataset(name)).info


def _tell_dataset(name: str) -> None:
    info = _info(name)
    tables = ", ".join(f"{table} {n:,}" for table, n in info.rows.items())
    tell((name, "bold"), f" ({info.currency}, known until {info.known_until:%Y-%m-%d}): {tables}")
    for note in info.notes:
        tell(f"  note: {note}")
