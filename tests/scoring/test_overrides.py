"""Overrides in the log: who may say what, who has to agree, when they hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
import pytest

from credit_eval.core.errors import OutputExistsError, ReviewError
from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.memory import _without_people
from credit_eval.scoring.overrides import Override, as_table, honoured, overrides, overrule, second

NAN = float("nan")
POLICY = load_policy(DEFAULT_POLICY).with_(second_above=100.0, longest_days=60)
SAID = Override(
    customer_id="c1",
    as_of="2026-03-01 00:00:00",
    decision="restrict",
    first_reason="R_LATE_REPAYMENTS",
    p_default=0.6,
    stake=80.0,
    then="allow",
    limit=80.0,
    until="2026-04-15",
    why="one_off",
    note="a payslip was shown",
    who="ana",
    role="reviewer",
)


def say(ledger: Ledger, bound_by: str = "restriction", **changes: object) -> Override:
    return overrule(ledger, "shop", replace(SAID, **changes), POLICY, bound_by=bound_by)  # type: ignore[arg-type]


def state(ledger: Ledger) -> list[tuple[str, str]]:
    return [(one.state, one.seconded_by) for one in overrides(ledger.log("shop"))]


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "neither": ({"then": "perhaps"}, "allow or stop"),
    "a reason of the other kind": ({"why": "unverified"}, "one_off"),
    "nothing": ({"limit": 0.0}, "exposure cap"),
    "no number": ({"limit": float("nan")}, "exposure cap"),
    "more than anybody gets": ({"limit": 1e9}, "exposure cap"),
    "for ever": ({"until": "2027-03-01"}, "no later than 2026-04-30"),
    "until the day itself": ({"until": "2026-03-01"}, "a day after"),
    "no day": ({"until": "2026-02-30"}, "a day after"),
    "another way to write a day": ({"until": "20260415"}, "a day after"),
    "no sentence": ({"note": "  ok     .  "}, "a sentence"),
    "a novel": ({"note": "x" * 501}, "a sentence"),
    "a debt in default": ({"bound_by": "in_default"}, "may overrule"),
    "a rule that declines": ({"bound_by": "rule"}, "may overrule"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_may_not_be_said_is_told_and_not_written(ledger: Ledger, case: str) -> None:
    changes, told = WRONG[case]
    with pytest.raises(ReviewError, match="overruled like this") as error:
        say(ledger, **changes)  # type: ignore[arg-type]
    assert told in str(error.value)
    assert not ledger.log("shop").entries


def test_a_default_may_be_stopped_too(ledger: Ledger) -> None:
    assert say(ledger, bound_by="in_default", then="stop", why="unverified", limit=0.0).state == "holds"


def test_little_money_is_decided_by_one_and_much_by_two(ledger: Ledger) -> None:
    assert (say(ledger).state, say(ledger, customer_id="c2", stake=100.5).state) == ("holds", "waits")
    place = overrides(ledger.log("shop"), "c2")[0].place
    with pytest.raises(ReviewError, match="a second person"):
        second(ledger, "shop", place, "approve", "ana", "approver")
    second(ledger, "shop", place, "approve", "ben", "approver")
    assert state(ledger) == [("holds", ""), ("holds", "ben")]
    with pytest.raises(OutputExistsError, match="ben said before"):
        second(ledger, "shop", place, "reject", "cai", "approver")
    second(ledger, "shop", place, "withdraw", "ana", "reviewer")
    assert state(ledger)[1] == ("withdrawn", "ana")
    with pytest.raises(OutputExistsError):
        second(ledger, "shop", place, "approve", "ben", "approver")


def test_what_was_rejected_never_holds(ledger: Ledger) -> None:
    place = say(ledger, stake=500.0).place
    second(ledger, "shop", place, "reject", "ben", "approver")
    assert state(ledger) == [("rejected", "ben")]
    with pytest.raises(OutputExistsError):
        second(ledger, "shop", place, "withdraw", "ana", "reviewer")
    assert say(ledger).state == "holds"  # and may be said again


def test_verdicts_and_overrides_that_there_are_not(ledger: Ledger) -> None:
    say(ledger)
    with pytest.raises(ReviewError, match="no such verdict"):
        second(ledger, "shop", 0, "perhaps", "ben", "approver")
    with pytest.raises(ReviewError, match="no such override"):
        second(ledger, "shop", 9, "approve", "ben", "approver")


def test_of_twenty_at_once_one_overrules_and_of_twenty_one_approves(ledger: Ledger) -> None:
    def ask(who: int) -> str:
        try:
            return say(ledger, who=f"r{who}", stake=500.0).state
        except OutputExistsError:
            return "told"

    def approve(who: int) -> str:
        try:
            second(ledger, "shop", 0, "approve", f"a{who}", "approver")
        except OutputExistsError:
            return "told"
        return "approved"

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(ask, range(20))) == ["told"] * 19 + ["waits"]
        assert sorted(pool.map(approve, range(20))) == ["approved"] + ["told"] * 19
    assert len(ledger.log("shop").read()) == 2


def standing(*dates: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": "c1", "as_of": pd.to_datetime(list(dates)).astype("datetime64[us]")})


def test_an_override_holds_after_its_decision_up_to_its_last_day(ledger: Ledger) -> None:
    say(ledger)
    days = standing("2026-02-01", "2026-03-01", "2026-03-02", "2026-04-15", "2026-04-16")
    found = honoured(days, overrides(ledger.log("shop")))
    assert found["override_entry"].tolist() == [-1, -1, 0, 0, -1]
    assert found["override_allowed"].notna().tolist() == [False, False, True, True, False]
    assert not found["override_stopped"].any()


def test_what_waits_or_is_over_or_is_about_others_adds_no_column(ledger: Ledger) -> None:
    say(ledger, stake=500.0)
    days = standing("2026-03-02")
    assert list(honoured(days, overrides(ledger.log("shop")))) == list(days)
    assert list(honoured(days.assign(customer_id="x"), overrides(ledger.log("shop")))) == list(days)


def test_a_later_override_follows_one_that_ended(ledger: Ledger) -> None:
    say(ledger, until="2026-03-10")
    with pytest.raises(OutputExistsError, match="already"):
        say(ledger, as_of="2026-03-05 00:00:00")
    say(ledger, as_of="2026-03-11 00:00:00", then="stop", why="unverified", limit=0.0)
    found = honoured(standing("2026-03-09", "2026-03-10", "2026-03-12"), overrides(ledger.log("shop")))
    assert found["override_entry"].tolist() == [0, 0, 1]
    assert found["override_stopped"].tolist() == [False, False, True]


def test_the_table_has_a_row_each(ledger: Ledger) -> None:
    assert as_table([]).empty
    say(ledger)
    assert as_table(overrides(ledger.log("shop")))["who"].tolist() == ["ana"]


@pytest.mark.parametrize(
    ("p", "was", "below", "remembered"),
    [
        (0.51, False, NAN, True),  # above the threshold, so it would have bound
        (0.50, False, NAN, False),
        (0.45, True, NAN, True),  # restricted before, and not below the way out
        (0.39, True, 29.0, True),  # below it, but not for long enough
        (0.39, True, 30.0, False),
        (0.45, False, NAN, False),  # the override gave more than the policy, but lifted nothing
    ],
)
def test_a_restriction_that_a_person_lifted_is_remembered(p: float, was: bool, below: float, remembered: bool) -> None:
    scored = standing("2026-03-02").assign(p_default=p, limit_bound_by="override")
    state = standing("2026-03-02").assign(was_restricted=was, days_below=below)
    found = _without_people(scored, state, POLICY.restriction)["limit_bound_by"].item()
    assert found == ("still_restricted" if remembered else "override")
    nobody = _without_people(scored, state.iloc[:0], POLICY.restriction)["limit_bound_by"].item()
    assert nobody == ("still_restricted" if p > 0.5 else "override")
