"""Publishing a policy: a second person puts it in force, having seen what it does to the customers of a past run.

`models/policies/<dataset>.jsonl` gets a line per publication and never loses one: the policy's version (its hash
included), who wrote it, who approved it, when, and its replay on a run: who moves, how much money, and how groups
that the law protects fare before and after. Where settings say `published_only: true`, nothing is scored under a
policy that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from credit_eval.core.clock import utc_now
from credit_eval.core.errors import PolicyError
from credit_eval.core.locks import exclusive
from credit_eval.core.seals import append_sealed, read_sealed_lines
from credit_eval.policy.check import findings, moves, totals
from credit_eval.policy.decide import is_adverse
from credit_eval.report.intervals import share_interval
from credit_eval.schema.flat import FLAT
from credit_eval.schema.tables import TABLES

if TYPE_CHECKING:
    from credit_eval.policy.settings import Policy
    from credit_eval.study.results import Results
    from credit_eval.study.study import Study


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval (Wilson), and how many it is of."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Replay:
    """A policy on the customers of a run, beside what was decided of them.

    `moved`: the share whose decision differs. `swaps`: decision before, after, n and limits. `groups`: by attribute and
    group, the share of adverse decisions before and after.
    """

    run: str
    moved: Share
    before: dict[str, float]
    after: dict[str, float]
    swaps: list[dict[str, Any]]
    groups: dict[str, dict[str, dict[str, Share]]]


def replay(results: Results, policy: Policy) -> Replay:
    """What another policy would have done to the customers of a run."""
    before, after = results.scored, results.what_if(policy)
    swaps = moves(before, after)
    moved = int(swaps.loc[swaps["before"] != swaps["after"], "n"].sum())
    return Replay(
        run=results.run.label,
        moved=_share(moved, len(after)),
        before=totals(before),
        after=totals(after),
        swaps=[{str(key): value for key, value in row.items()} for row in swaps.to_dict("records")],
        groups=_groups(results.study, before, after),
    )


def publish(study: Study, policy: Policy, *, author: str, approver: str) -> Replay:
    """Record a policy as in force for a data set; returns its replay on the latest run.

    Raises:
        PolicyError: author and approver are one person or nobody, the policy has faults, or is published already.
        SourceError: nothing is scored that it could be replayed on.
    """
    people = author.strip().casefold(), approver.strip().casefold()
    if not all(people) or people[0] == people[1]:
        raise PolicyError(
            "a policy is published by a second person",
            expected="an author and somebody else who approves",
            received=f"author {author!r}, approver {approver!r}",
        )
    faults = [one.text for one in findings(policy, study.losses(policy)) if one.level == "fault"]
    if faults:
        raise PolicyError(
            f"policy {policy.name} has faults", received="; ".join(faults[:3]), todo="see `credit-eval policy check`"
        )
    if policy.policy_version in published(study):
        raise PolicyError(f"policy {policy.name} {policy.policy_version} is published already for {study.name}")
    found = replay(study.results(), policy)
    line = {
        "policy": policy.name,
        "policy_version": policy.policy_version,
        "author": author.strip(),
        "approver": approver.strip(),
        "at": str(utc_now()),
        "replay": asdict(found),
        "content": policy.model_dump(mode="json"),
    }
    place = study.paths.published(study.name)
    with exclusive(place.parent, wait=True, doing="publishing a policy"):
        append_sealed(place, line)
    return found


def published(study: Study) -> dict[str, dict[str, Any]]:
    """Publications of a data set's policies, by version.

    Raises:
        IntegrityError: what was published was edited since.
    """
    return {line["policy_version"]: line for line in read_sealed_lines(study.paths.published(study.name))}


def check_published(study: Study) -> None:
    """Refuse to decide under a policy that nobody published, where settings ask for that.

    Raises:
        PolicyError: it is not among the published.
    """
    if study.chosen.published_only and study.policy.policy_version not in published(study):
        raise PolicyError(
            f"policy {study.policy.name} {study.policy.policy_version} is not published for {study.name}",
            expected="one of " + (", ".join(published(study)) or "none, as nothing is published yet"),
            todo="let a second person publish it: `credit-eval policy publish FILE DATASET --author A --approver B`",
        )


def _share(k: int, n: int) -> Share:
    found = share_interval(k, n)
    return Share(k / n if n else 0.0, found.low, found.high, n)


def _groups(study: Study, before: pd.DataFrame, after: pd.DataFrame) -> dict[str, dict[str, dict[str, Share]]]:
    """Adverse decisions before and after, by every attribute that serves audits only."""
    return {
        name: {
            str(one): {
                when: _share(int(is_adverse(frame)[(group == one).to_numpy()].sum()), int((group == one).sum()))
                for when, frame in (("before", before), ("after", after))
            }
            for one in sorted(group.unique())
        }
        for name, group in audited(study, before)
    }


def audited(study: Study, scored: pd.DataFrame) -> Iterator[tuple[str, pd.Series[str]]]:
    """By attribute that serves audits only, the group of each scored row: of customers, and of a flat table."""
    for column in TABLES["customers"].columns:
        if column.audit_only and study.dataset.has("customers", column.name):
            of = study.query(
                f"SELECT customer_id, coalesce(arg_max({column.name}, occurred_at), 'unknown') AS said "
                "FROM customers GROUP BY ALL"
            ).set_index("customer_id")["said"]
            yield column.name, scored["customer_id"].map(of).fillna("unknown")
    for given in study.dataset.info.flat:
        if given.lawful == "audit_only":
            rows = study.query(f"SELECT customer_id, as_of, {given.name}::VARCHAR AS said FROM {FLAT}")
            found = scored[["customer_id", "as_of"]].merge(rows, on=["customer_id", "as_of"], how="left")
            yield given.name, found["said"].fillna("unknown").set_axis(scored.index)
