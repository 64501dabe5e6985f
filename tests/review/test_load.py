"""What reviewers did, counted by hand."""

from __future__ import annotations

from credit_eval.review.appeals import Appeal
from credit_eval.review.background import barred_in
from credit_eval.review.load import Person, Reason, load_of
from credit_eval.review.opinions import Opinion
from credit_eval.schema.tables import TABLES
from credit_eval.scoring.overrides import Override


def opinion(customer: str, who: str, verdict: str, reason: str = "R_LATE", because: str = "") -> Opinion:
    return Opinion(customer, "2026-03-01", "restrict", reason, verdict, because, "", who)


def test_load_and_agreement() -> None:
    said = [
        opinion("a", "ana", "agree"),
        opinion("a", "ben", "disagree", because="one_off"),
        opinion("a", "ben", "agree"),  # changed their mind: the last counts beside ana's
        opinion("b", "ana", "disagree", "", "other"),
        opinion("b", "ben", "more", "", "other"),
        opinion("c", "ana", "agree"),
    ]
    override = Override(
        "b", "2026-03-01", "restrict", "R_LATE", 0.6, 9.0, "allow", 9.0, "2026-04-01", "one_off", "", "ana", ""
    )
    seconded = Override(**{**override.__dict__, "customer_id": "c", "seconded_by": "ben"})
    back = Override(**{**override.__dict__, "customer_id": "d", "seconded_by": "ana"})  # taken back by herself
    appeal = Appeal("b", "2026-03-01", "no", "ana", "", "2026-03-02 00:00:00", answered_by="cai")
    found = load_of(said, [override, seconded, back], [appeal], [{"who": "cai"}, {"who": "ana"}, {"who": "ana"}])
    assert found.people == [
        Person("ana", 2, 3, 2, 3, 0, 0),
        Person("ben", 0, 3, 1, 0, 1, 0),
        Person("cai", 1, 0, 0, 0, 0, 1),
    ]
    assert found.reasons == [Reason("R_LATE", 4, 3, 3), Reason("", 2, 0, 0)]
    assert found.because == {"other": 2, "one_off": 1}
    assert (found.pairs, found.same) == (2, 1)


def test_what_a_jurisdiction_bars_is_shown_to_nobody() -> None:
    tables, columns = barred_in("eu")
    assert "browsing" in tables
    assert ("customers", "region") in columns
    assert "orders" not in tables
    tables, columns = barred_in("us")
    assert "browsing" not in tables
    assert ("customers", "region") in columns
    tables, columns = barred_in("cn")
    assert not tables
    assert ("customers", "region") not in columns
    audited = {(t.name, c.name) for t in TABLES.values() for c in t.columns if c.audit_only}
    assert audited
    assert all(audited <= barred_in(one)[1] for one in ("any", "us", "eu", "cn"))


def test_of_nothing_there_is_nothing() -> None:
    found = load_of([], [], [], [])
    assert (found.people, found.reasons, found.because, found.pairs) == ([], [], {}, 0)
