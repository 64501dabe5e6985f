"""Commands about models: train, compare, validate, tune, and the registry of champions."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from credit_eval.commands.base import (
    ASKED,
    DatasetName,
    Engine,
    Features,
    PolicyName,
    PromoteAnyway,
    Strict,
    app,
    give,
    paths_asked,
    root_asked,
    study_asked,
    tell,
)
from credit_eval.console import bars
from credit_eval.core.progress import silent

if TYPE_CHECKING:
    from credit_eval.models.history import Move
    from credit_eval.models.record import Record


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
        study = study_asked(dataset, tick, strict=strict, engine=engine, policy=policy, catalogue=catalogue)
        found = stages.train(study, promote_anyway=promote_anyway)
    give(asdict(found))
    tell(f"champion of {dataset}: version {found.model_version}, judged on {found.judged_on}")
    tell(f"  grades of policy {study.in_force}")
    print_metrics(found)


@app.command()
def compare(
    dataset: DatasetName = "simulated",
    version: Annotated[int | None, typer.Option(help="the challenger if not said")] = None,
    against: Annotated[int | None, typer.Option(help="the champion if not said")] = None,
    policy: PolicyName = None,
) -> None:
    """A version beside the champion, on rows that taught neither."""
    from credit_eval import stages

    study = study_asked(dataset, silent, policy=policy)
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
        study = study_asked(dataset, tick, policy=policy, catalogue=catalogue)
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
        study = study_asked(dataset, tick, policy=policy, catalogue=catalogue)
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

    moves = history(paths_asked().models, dataset)
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

    move = demote(paths_asked().models, dataset, why=why, by=by)
    _log_move(dataset)
    _tell_move(dataset, move)


@registry_app.command("promote")
def registry_promote(
    dataset: DatasetName, version: Annotated[int, typer.Argument(help="a registered version")], why: Why, by: By
) -> None:
    """Make a registered version champion."""
    from credit_eval.models.registry import promote

    move = promote(paths_asked().models, dataset, version, why=why, by=by)
    _log_move(dataset)
    _tell_move(dataset, move)


@registry_app.command("keep")
def registry_keep(
    dataset: DatasetName, why: Why, by: By, policy: PolicyName = None, catalogue: Features = None
) -> None:
    """Keep the champion under new code, libraries, settings or data, if it says of its sample what it said before."""
    from credit_eval.champions import keep

    with bars() as tick:
        study = study_asked(dataset, tick, policy=policy, catalogue=catalogue)
        _tell_move(dataset, keep(study, why=why, by=by))


@registry_app.command("card")
def registry_card(dataset: DatasetName = "simulated", policy: PolicyName = None) -> None:
    """The champion's model card, as Markdown: owner, purpose, definition, data, worth, objections, history."""
    from credit_eval.models.registry import find_version, history
    from credit_eval.report.card import card

    study = study_asked(dataset, silent, policy=policy)
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
    if not (ASKED.json or ASKED.quiet):
        print(text, end="")


@registry_app.command("inventory")
def registry_inventory() -> None:
    """Every data set's champion: who owns it, what it is for, since when, and what it is worth."""
    from credit_eval.models.evidence import record_of
    from credit_eval.models.registry import datasets_with_champions, history
    from credit_eval.report.card import entry

    paths, settings = root_asked()
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


def _log_move(dataset: str) -> None:
    """Put what somebody did to the champion into the ledger's log, too."""
    from credit_eval.models.registry import history
    from credit_eval.scoring.ledger import Ledger
    from credit_eval.scoring.memory import log_moves

    paths, settings = root_asked()
    log_moves(Ledger(paths.ledger(settings.ledger)), dataset, history(paths.models, dataset))


def _tell_move(dataset: str, move: Move) -> None:
    give(asdict(move))
    tell(f"champion of {dataset}: version {move.version}, it was {move.before}")


def print_metrics(found: Record) -> None:
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


def print_refused(found: Record) -> None:
    """That a challenger does not decide, and why."""
    tell((f"challenger: version {found.model_version} does not become champion: ", "bold"), "; ".join(found.objections))
    tell(f"  look at it: credit-eval compare {found.dataset}")


def _interval(metrics: dict[str, float], name: str) -> str:
    return f"{metrics[name]:.3f} [{metrics[f'{name}_low']:.3f}, {metrics[f'{name}_high']:.3f}]"
