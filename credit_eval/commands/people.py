"""Commands about people who review: the page, accounts, opinions, overrides."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credit_eval.commands.base import DatasetName, app, give, paths_asked, root_asked, run_asked, study_asked, tell
from credit_eval.console import bars

if TYPE_CHECKING:
    pass


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

    paths, settings = root_asked()
    run = run_asked(paths, dataset, label)
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

    path = paths_asked().accounts
    if name is None:
        found = {one.name: one.role for one in read_accounts(path).values()}
        give(found)
        for one, what in found.items():
            tell(f"  {what:<10}{one}")
        return None if found else tell("no accounts: the page is for whoever serves it")
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

    paths, settings = root_asked()
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
        study = study_asked(dataset, tick, policy="default")  # which is not read
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
