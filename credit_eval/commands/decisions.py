"""Commands about decisions: score, report, the whole run, explanations, letters, offers, and policies."""

from __future__ import annotations

import sys
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credit_eval.commands.base import (
    ASKED,
    AsOf,
    DatasetName,
    DatasetOption,
    Engine,
    Features,
    Lang,
    PolicyName,
    PromoteAnyway,
    Replace,
    Strict,
    app,
    give,
    language_asked,
    moment_asked,
    paths_asked,
    root_asked,
    run_asked,
    study_asked,
    tell,
)
from credit_eval.commands.models import print_metrics, print_refused
from credit_eval.console import bars, out
from credit_eval.core.clock import parse_as_of
from credit_eval.core.errors import CohortError, PolicyError
from credit_eval.core.progress import silent
from credit_eval.core.runs import Run
from credit_eval.core.visible import visible

if TYPE_CHECKING:
    from credit_eval.stages import Done
    from credit_eval.study import Study

#: What people did to limits, in the summary of a run.
OVERRULED = {"override": "allowed more by a person", "override_stop": "stopped by a person"}


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
        study = study_asked(dataset, silent, policy=policy, catalogue=catalogue)
        for row in stages.decide_rows(study, sys.stdin.readlines(), model_of=model):
            print(dumps(row, default=str, ensure_ascii=False))
        return
    with bars() as tick:
        study = study_asked(dataset, tick, strict=strict, engine=engine, policy=policy, catalogue=catalogue)
        if file is not None:
            moment = parse_as_of(as_of) if as_of else None
            before = None
            target = stages.score_file(study, file, as_of=moment, model_of=model, replace=replace)
        else:
            brought = [] if as_of else [run for run in study.runs() if run.cohort]
            one = Run(cohort=cohort) if cohort else brought[0] if brought and study.dataset.info.flat else None
            one = one or Run(as_of=moment_asked(study, as_of))
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
        study = study_asked(dataset, tick, catalogue=catalogue)
        target = stages.report(study, study.latest() if label is None else Run.read(label), language_asked(lang))
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
        study = study_asked(dataset, tick, strict=strict, engine=engine, policy=policy, catalogue=catalogue)
        one = None if as_of is None else Run(as_of=parse_as_of(as_of))
        done = stages.run_all(study, run=one, replace=replace, promote_anyway=promote_anyway)
    give(
        {
            "validation": asdict(done.validation),
            "refused": asdict(done.refused) if done.refused else None,
            "runs": {one.label: asdict(summary) for one, summary in done.summaries.items()},
        }
    )
    if not (ASKED.json or ASKED.quiet):
        _print_summary(study, done)


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

    language, paths = language_asked(lang), paths_asked()
    run = run_asked(paths, dataset, label)
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

    (paths, settings), said = root_asked(), language_asked(lang)
    run = run_asked(paths, dataset, label)
    lender, scored = Lender(**settings.lender(dataset).model_dump()), paths.scored(dataset, run.label)
    found = of_run(scored, paths.profiles(dataset, run.label), lender, language=said, customer=customer)
    folder = paths.letters(dataset, run.label, said or open_scored(scored).manifest["language"])
    n = write_letters(found, folder)
    give({"letters": n, "folder": folder})
    tell(f"letters: {n:,} in {folder}" if customer is None else f"letter: {folder / letter_name(customer)}")


@app.command()
def offer(
    customer: Annotated[str, typer.Argument(help="customer_id of the latest scored run")],
    amount: Annotated[str, typer.Option(help="of the basket, in the data set's currency")],
    dataset: DatasetOption = "simulated",
    policy: PolicyName = None,
) -> None:
    """The instalment plans among which a customer may choose: every payment, what they cost in all, and the rate."""
    from credit_eval.study.offering import offered, tell_offer

    study = study_asked(dataset, silent, policy=policy)
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
        study = study_asked(dataset, tick)
        found = backtested(study, policies, every_month=every_month, by=by or ())
    give(asdict(found))
    tell_backtest(found, study.dataset.info.currency, tell)


policy_app = typer.Typer(no_args_is_help=True, help="Check a policy, explain a decision, compare two policies.")
app.add_typer(policy_app, name="policy")
PolicyFile = Annotated[Path | None, typer.Option("--file", help="a policy file; else the policy in force")]


@policy_app.command("check")
def policy_check(dataset: DatasetName = "simulated", file: PolicyFile = None) -> None:
    """What can never happen, collides or loses money (then 16); and how often each part fired on the latest run."""
    from credit_eval.study import policies

    study = study_asked(dataset, silent)
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

    study = study_asked(dataset, silent)
    if not policies.explain(study, policies.policy_of(study, file), customer, tell):
        raise typer.Exit(CohortError.exit_code)


@policy_app.command("price")
def policy_price(dataset: DatasetName = "simulated", file: PolicyFile = None) -> None:
    """What each grade's rate would have to be to bear what its credit costs, on the customers of the latest run."""
    from credit_eval.policy.pricing import prices, unsigned
    from credit_eval.study.policies import seen_by_grade

    study = study_asked(dataset, silent, policy=str(file) if file else None)
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

    policies.diff(study_asked(dataset, silent), load_policy(one), load_policy(other), tell)


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

    study = study_asked(dataset, silent)
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


def _print_summary(study: Study, done: Done) -> None:
    """What a person wants to know when the chain has run: where, how many, how good, who, and why."""
    out.rule(visible(f"{study.name}: {done.seconds:.0f} s"))
    tell(f"model    version {done.validation.model_version}, judged on {done.validation.judged_on}")
    print_metrics(done.validation)
    if done.refused:
        print_refused(done.refused)
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
        if people := {name: n for name, n in summary.limit_bound_by.items() if name in OVERRULED}:
            tell("  people     " + ", ".join(f"{OVERRULED[name]} {n:,}" for name, n in people.items()))
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
