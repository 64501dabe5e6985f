"""What people decided over the policy: entries of the ledger's log, which the next runs honour.

An override is about one decision. It allows its customer a limit, or stops new credit, in the runs of later dates up to
the day on which it ends. Where more money is at stake than the policy lets one person decide on, it holds once a
second person has approved it; whoever said it, or an approver, may take it back. Nothing of this is ever taken out of
the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from credit_eval.core.clock import utc_text
from credit_eval.core.errors import OutputExistsError, ReviewError
from credit_eval.policy.settings import Policy
from credit_eval.policy.words import WHY_ALLOWED, WHY_STOPPED
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.log import Log

#: Kinds of entries.
OVERRIDE, SECOND = "override", "second"
Then = Literal["allow", "stop"]
#: What a second person says of an override.
APPROVE, REJECT, WITHDRAW = "approve", "reject", "withdraw"
WAITS, HOLDS, REJECTED, WITHDRAWN = "waits", "holds", "rejected", "withdrawn"
#: Signs of a sentence that somebody writes down.
LEAST_NOTE, LONGEST_NOTE = 10, 500
#: Cannot be lifted by anybody: the customer owes a debt in default, or a rule of the policy declines.
FINAL = ("in_default", "rule")


@dataclass(frozen=True)
class Override:
    """What one person decided over the policy, and what became of it.

    Attributes:
        customer_id: whose.
        as_of: of the decision that it is about, as text.
        decision: what the policy had decided.
        first_reason: the model's first reason code, or empty.
        p_default: what the model had estimated.
        stake: the money that it is about.
        then: `allow` or `stop`.
        limit: that it allows; 0 for a stop.
        until: the last day on which it holds, as text.
        why: of `policy.words.WHY`.
        note: why, in a sentence.
        who: decided it.
        role: of `who`.
        second: whether a second person has to approve it.
        at: when, in UTC.
        place: of its entry in the log.
        state: `waits`, `holds`, `rejected` or `withdrawn`.
        seconded_by: who approved, rejected or took it back; empty: nobody yet.
    """

    customer_id: str
    as_of: str
    decision: str
    first_reason: str
    p_default: float
    stake: float
    then: str
    limit: float
    until: str
    why: str
    note: str
    who: str
    role: str
    second: bool = False
    at: str = ""
    place: int = -1
    state: str = WAITS
    seconded_by: str = ""


_WRITTEN = [one.name for one in fields(Override) if one.name not in ("place", "state", "seconded_by")]


def entries_of_people(log: Log) -> list[dict[str, Any]]:
    """What people decided over the policy, and what second persons said of it: entries of the log, in order.

    Raises:
        IntegrityError: the log was changed.
    """
    return [entry for entry in log.read() if entry["kind"] in (OVERRIDE, SECOND)]


def overrides(log: Log, customer: str | None = None, *, heard: int | None = None) -> list[Override]:
    """All overrides in the order in which they were said, each with what became of it.

    Args:
        log: of the data set.
        customer: of this one alone; None: of everybody.
        heard: as it was when so many entries of people were there; None: as it is.

    Raises:
        IntegrityError: the log was changed.
    """
    found: dict[int, Override] = {}
    for entry in entries_of_people(log)[:heard]:
        if entry["kind"] == OVERRIDE:
            written = {name: entry[name] for name in _WRITTEN}
            state = WAITS if entry["second"] else HOLDS
            found[entry["place"]] = Override(**written, place=entry["place"], state=state)
        else:
            state = {APPROVE: HOLDS, REJECT: REJECTED, WITHDRAW: WITHDRAWN}[entry["verdict"]]
            found[entry["override"]] = replace(found[entry["override"]], state=state, seconded_by=entry["who"])
    return [one for one in found.values() if customer is None or one.customer_id == customer]


def overrule(ledger: Ledger, dataset: str, said: Override, policy: Policy, *, bound_by: str) -> Override:
    """Write down an override.

    Args:
        ledger: whose log takes it.
        dataset: its name.
        said: without what is added here: `second`, `at`, `place`.
        policy: under which the decision was made; it says how much and for how long one person may decide.
        bound_by: the constraint that bound the decision.

    Returns:
        what was written.

    Raises:
        ReviewError: it is not whole, allows too much or for too long, or the decision is one that nobody may overrule.
        OutputExistsError: another override of this customer waits or holds.
    """
    _check(said, policy, bound_by)
    needs = said.stake > policy.money(policy.overrides.second_above)
    whole = replace(said, note=said.note.strip(), second=needs, at=utc_text())

    def alone(log: Log) -> None:
        others = [one for one in overrides(log, said.customer_id) if one.state in (WAITS, HOLDS)]
        if any(one.until > said.as_of[:10] for one in others):
            raise OutputExistsError(
                f"{others[-1].who} overruled the policy for this customer already",
                received=f"{others[-1].then} until {others[-1].until}, which {others[-1].state}",
                todo="take that back first, if it shall no longer hold",
            )

    ledger.note(dataset, OVERRIDE, {name: getattr(whole, name) for name in _WRITTEN}, alone)
    return overrides(ledger.log(dataset), said.customer_id)[-1]


def second(ledger: Ledger, dataset: str, place: int, verdict: str, who: str, role: str) -> None:
    """Approve, reject or take back an override.

    Args:
        ledger: whose log takes it.
        dataset: its name.
        place: of the override in the log.
        verdict: `approve`, `reject` or `withdraw`.
        who: says so.
        role: of `who`.

    Raises:
        ReviewError: nobody said such an override, or `who` would approve what they said themselves.
        OutputExistsError: somebody said so before.
    """
    if verdict not in (APPROVE, REJECT, WITHDRAW):
        raise ReviewError("no such verdict", expected=", ".join((APPROVE, REJECT, WITHDRAW)), received=verdict)

    def open_still(log: Log) -> None:
        mine = [one for one in overrides(log) if one.place == place]
        if not mine:
            raise ReviewError("there is no such override", received=str(place), todo="open the customer again")
        (one,) = mine
        if verdict != WITHDRAW and who == one.who:
            raise ReviewError("a second person has to look at it", expected=f"somebody else than {who}", received=who)
        if one.state not in ((WAITS, HOLDS) if verdict == WITHDRAW else (WAITS,)):
            raise OutputExistsError(
                f"{one.seconded_by or one.who} said before that this override {one.state}", todo="nothing was written"
            )

    said = {"override": place, "verdict": verdict, "who": who, "role": role}
    ledger.note(dataset, SECOND, said | {"at": utc_text()}, open_still)


def honoured(standing: pd.DataFrame, said: Iterable[Override]) -> pd.DataFrame:
    """Where customers stand, and what people decided of them: the columns of `policy.overruled`, if there is anything.

    Args:
        standing: customer_id and as_of.
        said: overrides of the data set; those that hold, of earlier decisions, on their days, are honoured.

    Returns:
        `standing`, with five more columns where somebody of them was overruled.
    """
    rows = [
        {
            "customer_id": one.customer_id,
            "_after": pd.Timestamp(one.as_of),
            "_end": pd.Timestamp(one.until) + pd.Timedelta(days=1),
            "override_allowed": one.limit if one.then == "allow" else np.nan,
            "override_stopped": one.then == "stop",
            "override_until": one.until,
            "override_why": one.why,
            "override_entry": one.place,
        }
        for one in said
        if one.state == HOLDS
    ]
    if not rows:
        return standing
    mine = standing[["customer_id", "as_of"]].merge(pd.DataFrame(rows), on="customer_id")
    mine = mine[(mine["as_of"] > mine["_after"]) & (mine["as_of"] < mine["_end"])]
    mine = mine.sort_values("override_entry").drop_duplicates(["customer_id", "as_of"], keep="last")
    if mine.empty:
        return standing
    found = standing.merge(mine.drop(columns=["_after", "_end"]), on=["customer_id", "as_of"], how="left")
    return found.assign(
        override_stopped=found["override_stopped"].eq(True),
        override_until=found["override_until"].fillna(""),
        override_why=found["override_why"].fillna(""),
        override_entry=found["override_entry"].fillna(-1).astype("int64"),
    )


def as_table(said: Sequence[Override]) -> pd.DataFrame:
    """Overrides as a table, a row each."""
    return pd.DataFrame([asdict(one) for one in said], columns=[one.name for one in fields(Override)])


def _check(said: Override, policy: Policy, bound_by: str) -> None:
    wrong: dict[str, Any] = {}
    why = {"allow": WHY_ALLOWED, "stop": WHY_STOPPED}.get(said.then, {})
    cap, first = policy.money(policy.limits.exposure_cap), date.fromisoformat(said.as_of[:10])
    last = first + timedelta(days=policy.overrides.longest_days)
    if not why:
        wrong = {"expected": "allow or stop", "received": said.then or "nothing"}
    elif bound_by in FINAL and said.then == "allow":
        wrong = {"expected": "a decision that a person may overrule", "received": f"one that {bound_by} bound"}
    elif said.why not in why:
        wrong = {"expected": ", ".join(why), "received": said.why or "nothing", "todo": "choose why"}
    elif said.then == "allow" and not 0 < said.limit <= cap:
        wrong = {"expected": f"an amount up to {cap:,.2f}, the exposure cap", "received": f"{said.limit:,.2f}"}
    elif not _is_day(said.until) or not first < date.fromisoformat(said.until) <= last:
        wrong = {"expected": f"a day after {first} and no later than {last}", "received": said.until or "nothing"}
    elif not LEAST_NOTE <= len(said.note.strip()) <= LONGEST_NOTE:
        expected = f"a sentence of {LEAST_NOTE} to {LONGEST_NOTE} signs"
        wrong = {"expected": expected, "received": f"{len(said.note.strip())} signs"}
    if wrong:
        raise ReviewError("the policy cannot be overruled like this", **({"todo": "correct it"} | wrong))


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
