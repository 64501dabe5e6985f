"""Commands about what was recorded: proofs, replays, the ledger."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credit_eval.commands.base import (
    AsOf,
    DatasetName,
    DatasetOption,
    app,
    give,
    root_asked,
    run_asked,
    study_asked,
    tell,
)
from credit_eval.console import bars
from credit_eval.core.clock import parse_as_of
from credit_eval.core.progress import silent
from credit_eval.core.runs import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from credit_eval.scoring.log import Log
    from credit_eval.scoring.proofs import Grown, Inclusion


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
    paths, settings = root_asked()
    ledger_of = Ledger(paths.ledger(settings.ledger))
    if check:
        told = check_proof(check, ledger_of)
        give({"holds": True, "proves": told})
        return tell(f"the proof holds: {told}")
    if customer is not None:
        run = run_asked(paths, dataset, label)
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
        study = study_asked(dataset, tick, policy="default")  # of which nothing is read: the manifest has its own
        run = Run(as_of=parse_as_of(as_of)) if as_of else run_asked(study.paths, dataset, label)
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
    study = study_asked(dataset, silent)
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
