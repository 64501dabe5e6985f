"""Appeals: a customer contests a decision, somebody writes it down, and another one answers it.

Whoever is refused by a machine may ask for a person (GDPR, article 22 (3); the laws of other places alike). An appeal
that is upheld changes nothing by itself: the override beside it does, for the reason `appeal`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime

from credit_eval.core.clock import utc_text
from credit_eval.core.errors import OutputExistsError, ReviewError
from credit_eval.language.words import Text
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.log import Log
from credit_eval.scoring.overrides import LEAST_NOTE, LONGEST_NOTE, overrides

#: Kinds of entries.
APPEAL, ANSWER = "appeal", "answer"
VERDICTS = {"upheld": Text("upheld", "成立"), "dismissed": Text("dismissed", "不成立")}
OPEN = Text("open", "待答复")


@dataclass(frozen=True)
class Appeal:
    """What a customer said against a decision, and what came of it.

    Attributes:
        customer_id: whose.
        as_of: of the decision, as text.
        note: what they said.
        who: wrote it down.
        role: of `who`.
        at: when, in UTC.
        place: of its entry in the log.
        verdict: of `VERDICTS`; empty: nobody answered yet.
        answer: why.
        answered_by: who said so.
        answered_at: when.
    """

    customer_id: str
    as_of: str
    note: str
    who: str
    role: str
    at: str
    place: int = -1
    verdict: str = ""
    answer: str = ""
    answered_by: str = ""
    answered_at: str = ""

    def days(self, now: datetime) -> int:
        """Whole days that it has been waiting, or took."""
        end = datetime.fromisoformat(self.answered_at) if self.answered_at else now
        return (end - datetime.fromisoformat(self.at)).days


_WRITTEN = [one.name for one in fields(Appeal)][:6]


def appeals(log: Log, customer: str | None = None) -> list[Appeal]:
    """All appeals in the order in which they came, each with its answer.

    Args:
        log: of the data set.
        customer: of this one alone; None: of everybody.

    Raises:
        IntegrityError: the log was changed.
    """
    found: dict[int, Appeal] = {}
    for entry in log.read():
        if entry["kind"] == APPEAL:
            found[entry["place"]] = Appeal(**{name: str(entry[name]) for name in _WRITTEN}, place=entry["place"])
        elif entry["kind"] == ANSWER:
            said = {"verdict": entry["verdict"], "answer": entry["note"], "answered_by": entry["who"]}
            found[entry["appeal"]] = replace(found[entry["appeal"]], **said, answered_at=entry["at"])
    return [one for one in found.values() if customer is None or one.customer_id == customer]


def appeal(ledger: Ledger, dataset: str, customer: str, as_of: str, note: str, who: str, role: str) -> None:
    """Write down what a customer says against a decision.

    Args:
        ledger: whose log takes it.
        dataset: its name.
        customer: whose decision it is.
        as_of: of the decision, as text.
        note: what they say.
        who: writes it down.
        role: of `who`.

    Raises:
        ReviewError: no sentence.
        OutputExistsError: an appeal against this decision is open.
    """
    _check_note(note)

    def none_open(log: Log) -> None:
        if any(one.as_of == as_of and not one.verdict for one in appeals(log, customer)):
            raise OutputExistsError("an appeal against this decision is open", todo="answer it below")

    said = {"customer_id": customer, "as_of": as_of, "note": note.strip(), "who": who, "role": role}
    ledger.note(dataset, APPEAL, said | {"at": utc_text()}, none_open)


def answer_appeal(ledger: Ledger, dataset: str, place: int, verdict: str, note: str, who: str, role: str) -> None:
    """Answer an appeal.

    Args:
        ledger: whose log takes it.
        dataset: its name.
        place: of the appeal in the log.
        verdict: of `VERDICTS`.
        note: why.
        who: says so.
        role: of `who`.

    Raises:
        ReviewError: no such appeal or verdict, no sentence, or `who` decided over the policy what is appealed against.
        OutputExistsError: it has been answered.
    """
    if verdict not in VERDICTS:
        raise ReviewError("no such answer", expected=", ".join(VERDICTS), received=verdict or "nothing")
    _check_note(note)

    def open_still(log: Log) -> None:
        mine = [one for one in appeals(log) if one.place == place]
        if not mine:
            raise ReviewError("there is no such appeal", received=str(place), todo="open the customer again")
        if mine[0].verdict:
            raise OutputExistsError(f"{mine[0].answered_by} answered this appeal before", received=mine[0].verdict)
        stops = [one for one in overrides(log, mine[0].customer_id) if one.then == "stop" and one.as_of < mine[0].as_of]
        if stops and stops[-1].who == who:
            raise ReviewError("whoever decided does not answer the appeal", expected=f"somebody else than {who}")

    said = {"appeal": place, "verdict": verdict, "note": note.strip(), "who": who, "role": role}
    ledger.note(dataset, ANSWER, said | {"at": utc_text()}, open_still)


def _check_note(note: str) -> None:
    if not LEAST_NOTE <= len(note.strip()) <= LONGEST_NOTE:
        raise ReviewError(
            "this cannot be written down as it is",
            expected=f"a sentence of {LEAST_NOTE} to {LONGEST_NOTE} signs",
            received=f"{len(note.strip())} signs",
        )
