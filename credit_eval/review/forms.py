"""What people send: opinions, overrides, what a second person says of them, appeals and their answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from credit_eval.core.errors import CohortError, ReviewError
from credit_eval.review.appeals import answer_appeal, appeal
from credit_eval.review.asked import Address, Asked
from credit_eval.review.opinions import Opinion, say
from credit_eval.scoring.lookup import decided
from credit_eval.scoring.overrides import APPROVE, REJECT, WITHDRAW, Override, overrides, overrule, second

#: Fields of the reasons that can be ticked.
_DOUBTS = tuple(f"doubt_{n}" for n in range(1, 5))
_AMOUNT = re.compile(r"[0-9]{1,12}([.][0-9]{1,2})?")


def _opinion(asked: Asked) -> str:
    row, said = _row(asked), asked.said
    opinion = Opinion(
        customer_id=said["id"],
        as_of=said["as_of"],
        decision=str(row["decision"]),
        first_reason=str(row["reason_code_1"] or ""),
        verdict=said["verdict"],
        because=said["because"],
        note=said["note"],
        who=asked.who.name,
        role=asked.who.shown,
        doubted=",".join(_doubted(row, said)),
    )
    say(asked.desk.ledger, asked.desk.dataset, opinion, _whole(said["seen"]))
    asked.desk.queue.looked_at(said["id"], said["as_of"])
    return _customer(asked)


def _override(asked: Asked) -> str:
    row, said = _row(asked), asked.said
    allow = said["then"] == "allow"
    override = Override(
        customer_id=said["id"],
        as_of=said["as_of"],
        decision=str(row["decision"]),
        first_reason=str(row["reason_code_1"] or ""),
        p_default=float(row["p_default"]),
        stake=_stake(row, said["limit"]),
        then=said["then"],
        limit=_amount(said["limit"]) if allow else 0.0,
        until=said["until"],
        why=said["why"],
        note=said["note"],
        who=asked.who.name,
        role=asked.who.shown,
    )
    desk = asked.desk
    if desk.nobody:
        raise ReviewError(
            "these people have no ids, so no later run could honour it",
            expected="a data set whose customers can be met again",
            todo="say your opinion instead",
        )
    overrule(desk.ledger, desk.dataset, override, desk.policy, bound_by=str(row["limit_bound_by"]))
    desk.queue.looked_at(said["id"], said["as_of"])
    return _customer(asked)


def _second(asked: Asked) -> str:
    verdict = asked.said["verdict"]
    return _said_of_override(asked, verdict if verdict in (APPROVE, REJECT) else "")


def _take_back(asked: Asked) -> str:
    log, place = asked.desk.ledger.log(asked.desk.dataset), _whole(asked.said["place"])
    others = any(one.place == place and one.who != asked.who.name for one in overrides(log))
    if others and not asked.who.may("approve"):
        raise ReviewError("only who said it, or an approver, may take an override back", todo="ask one of them")
    return _said_of_override(asked, WITHDRAW)


def _said_of_override(asked: Asked, verdict: str) -> str:
    said, who = asked.said, asked.who
    second(asked.desk.ledger, asked.desk.dataset, _whole(said["place"]), verdict, who.name, who.shown)
    return _customer(asked) if said["id"] else "/waiting"


def _appeal(asked: Asked) -> str:
    _row(asked)
    said, who = asked.said, asked.who
    appeal(asked.desk.ledger, asked.desk.dataset, said["id"], said["as_of"], said["note"], who.name, who.shown)
    return _customer(asked)


def _answer(asked: Asked) -> str:
    said, who = asked.said, asked.who
    place = _whole(said["place"])
    answer_appeal(asked.desk.ledger, asked.desk.dataset, place, said["verdict"], said["note"], who.name, who.shown)
    return _customer(asked)


def _row(asked: Asked) -> dict[str, Any]:
    """The decision that a form is about."""
    desk, said = asked.desk, asked.said
    found = decided(desk.run.root, desk.profiles, said["id"])
    rows = [one.row for one in found if str(one.row["as_of"]) == said["as_of"]]
    if not rows:
        raise CohortError("no such decision", received=said["as_of"][:40], todo="open the customer again")
    return rows[0]


def _doubted(row: Mapping[str, Any], said: Mapping[str, str]) -> list[str]:
    """The reasons of a decision that somebody ticked as not fitting."""
    codes = [row[f"reason_code_{n}"] for n in range(1, 5) if row[f"reason_code_{n}"]]
    ticked = {said[name] for name in _DOUBTS}
    return [code for code in codes if code in ticked]


def _stake(row: Mapping[str, Any], limit: str) -> float:
    """The money that an override is about: the limit before, now, or as it is allowed, and what is owed."""
    amounts = (row["limit_previous"] or 0.0, row["limit_new"], row["balance"] or 0.0, _amount(limit))
    return max(float(one) for one in amounts if one == one)


def _amount(text: str) -> float:
    """An amount as somebody typed it; NaN where it is none."""
    plain = text.strip().replace(",", "").replace("，", "")
    return float(plain) if _AMOUNT.fullmatch(plain) else float("nan")


def _whole(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else -1


def _customer(asked: Asked) -> str:
    return f"/customer?{urlencode({'id': asked.said['id']})}"


FORMS: tuple[Address[str], ...] = (
    Address(
        "/opinion", "say", ("id", "as_of", "seen", "verdict", "because", "note", *_DOUBTS), _opinion, "say an opinion"
    ),
    Address("/override", "say", ("id", "as_of", "then", "limit", "until", "why", "note"), _override, "overrule"),
    Address("/take-back", "say", ("id", "place"), _take_back, "take an override back"),
    Address("/second", "approve", ("id", "place", "verdict"), _second, "approve or reject an override"),
    Address("/appeal", "say", ("id", "as_of", "note"), _appeal, "write down an appeal"),
    Address("/answer", "say", ("id", "place", "verdict", "note"), _answer, "answer an appeal"),
)
