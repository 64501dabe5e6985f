"""What reviewers say of decisions: kept in the ledger's log, counted, and exported; never taken for a label by itself.

An opinion changes no decision. It says who looked, whether they agree, and if not, why: as a code that can be counted,
and in a sentence that somebody can read. It stays in the log for ever, so the sentence is about the decision and names
nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from credit_eval.core.clock import utc_text
from credit_eval.core.errors import OutputExistsError, ReviewError
from credit_eval.core.files import write_cells
from credit_eval.language.words import Text
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.log import Log
from credit_eval.scoring.overrides import LEAST_NOTE, LONGEST_NOTE

#: Kind of the entry.
REVIEW = "review"
VERDICTS = {
    "agree": Text("agree", "同意"),
    "disagree": Text("disagree", "不同意"),
    "more": Text("more is needed to tell", "需要更多信息"),
}
#: Why somebody disagrees or cannot tell.
BECAUSE = {
    "data_wrong": Text("the data are wrong or incomplete", "数据有误或不完整"),
    "income_unseen": Text("income or payments that the data do not show", "有数据未反映的收入或还款"),
    "one_off": Text("an event that will not come again", "偶发事件，不会再次发生"),
    "fraud": Text("a suspicion of fraud", "疑似欺诈"),
    "too_strict": Text("the policy is too strict here", "政策在此过严"),
    "too_lax": Text("the policy is too lax here", "政策在此过松"),
    "reasons_wrong": Text("the reasons do not explain the decision", "原因无法解释该决定"),
    "other": Text("something else", "其他"),
}


@dataclass(frozen=True)
class Opinion:
    """What one person said of one decision.

    Attributes:
        customer_id: whom it was about.
        as_of: of the decision, as text.
        decision: what had been decided.
        first_reason: the model's first reason code, or empty.
        verdict: of `VERDICTS`.
        because: of `BECAUSE`; empty where they agree.
        note: why, in a sentence; may be empty where they agree.
        doubted: codes of those reasons of the model that do not fit, with commas between.
        who: said it.
        role: of `who`.
        at: when, in UTC.
    """

    customer_id: str
    as_of: str
    decision: str
    first_reason: str
    verdict: str
    because: str
    note: str
    who: str
    role: str = ""
    at: str = ""
    doubted: str = ""


def opinions(log: Log, customer: str | None = None) -> list[Opinion]:
    """All opinions in the order in which they were said.

    Raises:
        IntegrityError: the log was changed.
    """
    names = [one.name for one in fields(Opinion)]
    said = (entry for entry in log.read() if entry["kind"] == REVIEW)
    return [
        Opinion(**{name: str(entry.get(name, "")) for name in names})
        for entry in said
        if customer is None or entry["customer_id"] == customer
    ]


def say(ledger: Ledger, dataset: str, opinion: Opinion, seen: int) -> None:
    """Write down an opinion.

    Args:
        ledger: whose log takes it.
        dataset: its name.
        opinion: without `at`, which is now.
        seen: how many opinions of this customer its author had seen.

    Raises:
        ReviewError: no verdict, or a disagreement without a reason and a sentence.
        OutputExistsError: somebody else said something of this customer meanwhile.
    """
    _check(opinion)

    def alone(log: Log) -> None:
        since = opinions(log, opinion.customer_id)[seen:]
        if since:
            raise OutputExistsError(
                f"{since[-1].who} said something of this customer meanwhile",
                received=since[-1].verdict,
                todo="read it below, and say yours again if it still stands",
            )

    at = utc_text()
    ledger.note(dataset, REVIEW, asdict(opinion) | {"at": at, "note": opinion.note.strip()}, alone)


def counted(said: Sequence[Opinion]) -> dict[str, dict[str, int]]:
    """How many opinions there are by verdict, by why, by what was disagreed with (the model's first reason), by who."""
    apart = [one for one in said if one.verdict == "disagree"]
    groups: dict[str, list[str]] = {
        "verdict": [one.verdict for one in said],
        "because": [one.because for one in said if one.because],
        "disagreed with": [one.first_reason or one.decision for one in apart],
        "reason doubted": [code for one in said for code in one.doubted.split(",") if code],
        "who": [one.who for one in said],
    }
    return {name: dict(Counter(values).most_common()) for name, values in groups.items()}


def export(said: Sequence[Opinion], target: Path) -> None:
    """Write opinions as a CSV file in which no cell is a formula.

    Raises:
        StorageError: the disk refused.
    """
    names = [one.name for one in fields(Opinion)]
    write_cells(target, names, ([getattr(one, name) for name in names] for one in said))


def _check(opinion: Opinion) -> None:
    wrong: dict[str, Any] = {}
    if opinion.verdict not in VERDICTS:
        wrong = {"expected": ", ".join(VERDICTS), "received": opinion.verdict or "nothing", "todo": "choose one"}
    elif len(opinion.note) > LONGEST_NOTE:
        wrong = {"expected": f"at most {LONGEST_NOTE} signs", "received": str(len(opinion.note)), "todo": "shorten it"}
    elif opinion.verdict != "agree" and opinion.because not in BECAUSE:
        wrong = {"expected": "why", "received": opinion.because or "nothing", "todo": "choose why"}
    elif opinion.verdict != "agree" and len(opinion.note.strip()) < LEAST_NOTE:
        wrong = {"expected": "a sentence", "received": opinion.note or "nothing", "todo": "say it in a sentence"}
    if wrong:
        raise ReviewError("this cannot be written down as it is", **wrong)
