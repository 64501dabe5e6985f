"""Who was champion when, and why: a line per move, appended and never changed.

`models/history/<dataset>.jsonl` gets a line before the alias moves. So a move that a kill prevented stands there too,
and so does, when it is read, one that somebody made in MLflow past us: the alias is compared with the last line.

>>> told = [Move("2026-01-05 08:00:00", "promoted", 1), Move("2026-02-01 08:00:00", "promoted", 2, before=1)]
>>> champion_at(told, datetime(2026, 1, 20)), champion_at(told, datetime(2026, 1, 1)) is None
(1, True)
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from credit_eval.core.clock import utc_text
from credit_eval.core.errors import ModelError
from credit_eval.core.files import damaged
from credit_eval.core.seals import append_sealed, read_sealed_lines

#: `promoted`: trained, and nothing spoke against it; `chosen`: somebody's choice; `demoted`: somebody put an earlier
#: one in its place; `moved`: the alias was found elsewhere than the last line says; `kept`: under other code or data.
What = Literal["promoted", "chosen", "demoted", "moved", "kept"]


@dataclass(frozen=True)
class Move:
    """One move of the champion's alias.

    Attributes:
        at: UTC.
        what: kind of move.
        version: that is champion from then on.
        before: the champion until then, if there was one.
        why: in a sentence.
        by: who did it.
        auc: of the new champion, where it was judged.
        identity: of `kept`: of the data, settings and code of which it was shown to be the same model.
    """

    at: str
    what: What
    version: int
    before: int | None = None
    why: str = ""
    by: str = ""
    auc: float | None = None
    identity: str | None = None


def moved(
    what: What, version: int, before: int | None, why: str, by: str | None = None, auc: float | None = None
) -> Move:
    """A move made now, by whoever runs this unless said."""
    return Move(utc_text(), what, version, before, why.strip(), (by or runner()).strip(), auc)


def read_history(store: Path, dataset: str) -> list[Move]:
    """All moves of a data set's champion that were recorded, in order.

    Raises:
        IntegrityError: a line that is none, was edited, or is missing.
    """
    place = _place(store, dataset)
    try:
        return [Move(**line) for line in read_sealed_lines(place)]
    except TypeError as error:
        raise damaged(place, str(error)) from None


def append_move(store: Path, dataset: str, move: Move) -> None:
    """Write a move to the end; the caller has the store to itself."""
    append_sealed(_place(store, dataset), asdict(move))


def champion_at(moves: Sequence[Move], moment: datetime) -> int | None:
    """The version that was champion at a moment; None before the first."""
    then = f"{moment:%Y-%m-%d %H:%M:%S}"
    return next((move.version for move in reversed(moves) if move.at <= then), None)


def earlier_champion(moves: Sequence[Move], champion: int, dataset: str) -> int:
    """Who was champion before the present one, and was not taken down since.

    Raises:
        ModelError: nobody.
    """
    down = {move.before for move in moves if move.what == "demoted"} | {champion}
    for move in reversed(moves):
        if move.version not in down:
            return move.version
    raise ModelError(
        f"{dataset} has no earlier champion to go back to",
        expected="a champion before this one that was not demoted",
        received=f"version {champion}, the only one",
        todo="train another first; the champion is who it was",
    )


def check_said(why: str, by: str) -> None:
    """Refuse a move that nobody answers for.

    Raises:
        ModelError: no reason or no name.
    """
    if not why.strip() or not by.strip():
        raise ModelError("a champion is moved for a reason, by somebody", expected="--why and --by", received="blank")


def runner() -> str:
    """Who runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a name for its user
        return "unknown"


def _place(store: Path, dataset: str) -> Path:
    return store / "history" / f"{dataset}.jsonl"
