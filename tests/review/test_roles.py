"""What people do on the page by their roles: overrule, approve, take back, appeal; and what each of them may not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pandas as pd
import pytest

from credit_eval.core.errors import ReviewError
from credit_eval.language.feature import Dimension
from credit_eval.policy.decide import is_adverse
from credit_eval.review.accounts import ROLES, read_accounts, set_account
from credit_eval.review.app import PROXY_SECRET, described
from credit_eval.review.appeals import appeals
from credit_eval.review.customer import HIDDEN, shown
from credit_eval.review.desk import Desk
from credit_eval.review.forms import FORMS
from credit_eval.review.pages import PAGES
from credit_eval.review.serve import SECRET, desk_of
from credit_eval.review.visitors import TRIES
from credit_eval.scoring.overrides import overrides
from credit_eval.scoring.reading import read_scored
from credit_eval.settings import Paths, ReviewSettings, load_settings
from credit_eval.verify import verify
from tests.review_pages import RUN, Visitor, fields_of

WORD = "four plain words here"
SignIn = Callable[[str], Visitor]


@pytest.fixture(scope="module")
def root(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(made, tmp_path_factory.mktemp("roles") / "root"))
    for role in ROLES:
        set_account(Paths(root=root).accounts, f"{role}1", role, WORD)
    set_account(Paths(root=root).accounts, "approver2", "approver", WORD)
    return root


@pytest.fixture
def sign_in(stranger: Visitor) -> SignIn:
    def sign(name: str) -> Visitor:
        answer, _ = stranger.ask("POST", "/sign-in", urlencode({"name": name, "token": WORD}))
        assert answer.status == 303
        return Visitor(stranger.port, (answer.getheader("Set-Cookie") or "").partition(";")[0])

    return sign


@pytest.fixture(scope="module")
def people(root: Path) -> Iterator[str]:
    """Customers that were refused or lent less than they asked for, one after the other."""
    frame = read_scored(root / "data/scored/loans" / RUN.label)
    found = frame[frame["decision"].isin(["decline", "reduce"]) & frame["customer_id"].str.startswith("L0")]
    return iter(found.sort_values("customer_id")["customer_id"])


def overruling(page: str, **changes: str) -> str:
    said = fields_of(page, "/override")
    until = f"{pd.Timestamp(said['as_of']) + timedelta(days=30):%Y-%m-%d}"
    told = {"then": "allow", "limit": "1,000.50", "until": until, "why": "one_off", "note": "a letter was shown"}
    return urlencode(said | told | changes)


def test_without_a_name_and_its_password_nobody_gets_in(stranger: Visitor, desk: Desk) -> None:
    for name, word in (("reviewer1", "wrong"), ("nobody", WORD), ("", desk.visitors.token), ("reviewer1", "")):
        answer, page = stranger.ask("POST", "/sign-in", urlencode({"name": name, "token": word}))
        assert (answer.status, "do not belong together" in page) == (403, True)
    for _ in range(TRIES - 2):
        stranger.ask("POST", "/sign-in", urlencode({"name": "reviewer1", "token": "wrong"}))
    answer, page = stranger.ask("POST", "/sign-in", urlencode({"name": "reviewer1", "token": WORD}))
    assert (answer.status, "Too many tries" in page) == (429, True)
    assert int(answer.getheader("Retry-After") or 0) > 0
    assert stranger.ask("POST", "/sign-in", urlencode({"name": "viewer1", "token": WORD}))[0].status == 303


def test_an_override_waits_for_a_second_person_who_is_another(
    sign_in: SignIn, desk: Desk, people: Iterator[str]
) -> None:
    reviewer, customer = sign_in("approver1"), next(people)
    page = reviewer.get(f"/customer?id={customer}")
    answer, text = reviewer.ask("POST", "/override", overruling(page))
    assert (answer.status, answer.getheader("Location")) == (303, f"/customer?id={customer}"), text
    (said,) = overrides(desk.ledger.log("loans"), customer)
    assert (said.state, said.limit, said.who, said.role) == ("waits", 1000.5, "approver1", "approver")
    page = reviewer.get(f"/customer?id={customer}")
    assert "waits for a second person" in page
    assert "a letter was shown" in page
    assert not fields_of(page, "/second")  # one's own
    told = urlencode(fields_of(page, "/override") | {"place": str(said.place), "verdict": "approve"})
    answer, text = reviewer.ask("POST", "/second", told)
    assert (answer.status, "a second person has to look at it" in text) == (400, True)
    other = sign_in("approver2")
    assert customer in other.get("/waiting")
    form = fields_of(other.get("/waiting"), "/second")
    assert other.ask("POST", "/second", urlencode(form | {"verdict": "approve"}))[0].status == 303
    answer, text = other.ask("POST", "/second", urlencode(form | {"verdict": "reject"}))
    assert (answer.status, "said before" in text) == (409, True)
    (said,) = overrides(desk.ledger.log("loans"), customer)
    assert (said.state, said.seconded_by) == ("holds", "approver2")
    assert "in force (approver2)" in sign_in("auditor1").get(f"/customer?id={customer}")


def test_an_override_is_taken_back_by_who_said_it_or_by_an_approver(
    sign_in: SignIn, desk: Desk, people: Iterator[str]
) -> None:
    first, second = next(people), next(people)
    reviewer = sign_in("reviewer1")
    for customer in (first, second):
        assert reviewer.ask("POST", "/override", overruling(reviewer.get(f"/customer?id={customer}")))[0].status == 303
    form = fields_of(reviewer.get(f"/customer?id={first}"), "/take-back")
    assert reviewer.ask("POST", "/take-back", urlencode(form))[0].status == 303
    set_account(Paths(root=desk.run.root.parents[3]).accounts, "reviewer2", "reviewer", WORD)
    other = sign_in("reviewer2")
    page = other.get(f"/customer?id={second}")
    assert not fields_of(page, "/take-back")
    (said,) = overrides(desk.ledger.log("loans"), second)
    told = fields_of(page, "/override") | {"place": str(said.place)}
    answer, text = other.ask("POST", "/take-back", urlencode(told))
    assert (answer.status, "or an approver" in text) == (400, True)
    approver = sign_in("approver1")
    form = fields_of(approver.get(f"/customer?id={second}"), "/take-back")
    assert approver.ask("POST", "/take-back", urlencode(form))[0].status == 303
    states = [overrides(desk.ledger.log("loans"), one)[0].state for one in (first, second)]
    assert states == ["withdrawn", "withdrawn"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": "much"},
        {"limit": "-5"},
        {"limit": "nan"},
        {"limit": "1e5"},
        {"until": "2099-01-01"},
        {"until": "soon"},
        {"why": "unverified"},
        {"then": ""},
        {"note": "short"},
    ],
)
def test_what_is_no_override_is_told_and_kept(sign_in: SignIn, desk: Desk, root: Path, wrong: dict[str, str]) -> None:
    frame = read_scored(root / "data/scored/loans" / RUN.label)
    customer = frame.loc[frame["customer_id"].str.startswith("L0"), "customer_id"].iloc[-1]
    reviewer = sign_in("reviewer1")
    before = desk.ledger.log("loans")
    answer, page = reviewer.ask("POST", "/override", overruling(reviewer.get(f"/customer?id={customer}"), **wrong))
    assert (answer.status, 'role="alert"' in page) == (400, True)
    assert (wrong.get("note") or "a letter was shown") in page
    assert "<details open>" in page
    assert desk.ledger.log("loans") == before


def test_people_without_ids_are_not_overruled(sign_in: SignIn, desk: Desk) -> None:
    reviewer = sign_in("reviewer1")
    said = overruling(reviewer.get("/customer?id=L00220"))
    desk.nobody = True
    page = reviewer.get("/customer?id=L00220")
    assert 'action="/override"' not in page
    assert "no later run could honour" in page
    answer, text = reviewer.ask("POST", "/override", said)
    assert (answer.status, "have no ids" in text) == (400, True)
    assert overrides(desk.ledger.log("loans"), "L00220") == []


def test_an_appeal_is_written_down_waits_and_is_answered_once(
    sign_in: SignIn, desk: Desk, people: Iterator[str]
) -> None:
    reviewer, customer = sign_in("reviewer1"), next(people)
    said = fields_of(reviewer.get(f"/customer?id={customer}"), "/appeal")
    for status in (303, 409):
        told = urlencode(said | {"note": "I have paid all of it, <b>really</b>"})
        assert reviewer.ask("POST", "/appeal", told)[0].status == status
    assert reviewer.ask("POST", "/appeal", urlencode(said | {"note": "no"}))[0].status == 400
    assert "&lt;b&gt;really" in reviewer.get("/waiting")
    form = fields_of(reviewer.get(f"/customer?id={customer}"), "/answer")
    assert reviewer.ask("POST", "/answer", urlencode(form | {"verdict": "", "note": "x" * 20}))[0].status == 400
    told = urlencode(form | {"verdict": "upheld", "note": "the payment was found"})
    assert reviewer.ask("POST", "/answer", told)[0].status == 303
    answer, text = reviewer.ask("POST", "/answer", told)
    assert (answer.status, "before" in text) == (409, True)
    (found,) = appeals(desk.ledger.log("loans"), customer)
    assert (found.verdict, found.answer, found.answered_by) == ("upheld", "the payment was found", "reviewer1")
    assert customer not in reviewer.get("/waiting").partition("Appeals without")[2].partition("Overrides in force")[0]
    desk.ledger.check_log("loans", [])


def test_each_page_and_form_is_for_whose_role_allows_it(sign_in: SignIn, desk: Desk) -> None:
    log, frame = desk.ledger.log("loans"), read_scored(desk.run.root)
    adverse = frame[is_adverse(frame) & frame["customer_id"].str.startswith("L0")]["customer_id"].iloc[0]
    for role in ROLES:
        who = sign_in(f"{role}1")
        rights = desk.visitors.of(who.cookies.partition("=")[2])
        assert rights
        page = who.get(f"/customer?id={adverse}")
        for one in PAGES:
            answer, text = who.ask("GET", f"{one.path}?id={adverse}")
            there = 404 if one.path == "/report" else 200  # nobody wrote one
            assert answer.status == (there if rights.may(one.right) else 403), (role, one.path, text)
        for form in FORMS:
            assert bool(fields_of(page, form.path)) <= rights.may(form.right), (role, form.path)
            told = urlencode({"form": rights.form, "id": "L00200", "place": "9999"})
            answer, text = who.ask("POST", form.path, told)
            assert (answer.status == 403) == (not rights.may(form.right)), (role, form.path, text)
    assert desk.ledger.log("loans") == log


def test_a_viewer_sees_no_personal_values(sign_in: SignIn, desk: Desk) -> None:
    (open_,) = shown(desk.run.root, desk.profiles, desk.model, "L00200", "en")
    (masked,) = shown(desk.run.root, desk.profiles, desk.model, "L00200", "en", personal=False)
    personal = {one.feature.title for one in _seen(desk, "L00200") if one.feature.dimension == Dimension.IDENTITY}
    for before, now in zip(open_.features, masked.features, strict=True):
        assert now.value == (HIDDEN if before.title in personal else before.value)
    assert HIDDEN not in [one.value for one in open_.features]
    text = open_.reasons[0][1] if open_.reasons else None
    page = sign_in("viewer1").get("/customer?id=L00200")
    assert text is None or text not in page


def _seen(desk: Desk, customer: str) -> tuple:  # type: ignore[type-arg]
    from credit_eval.scoring.lookup import decided

    return decided(desk.run.root, desk.profiles, customer)[0].seen


def test_the_auditor_sees_who_looked_at_whom(sign_in: SignIn) -> None:
    sign_in("viewer1").get("/customer?id=L00201")
    page = sign_in("auditor1").get("/views?customer=L00201")
    assert "viewer1" in page
    assert "1 found" in page
    assert "L00201" in sign_in("auditor1").get("/views")


def test_a_view_that_somebody_takes_out_is_found(sign_in: SignIn, desk: Desk) -> None:
    for customer in ("L00210", "L00211", "L00212"):
        sign_in("viewer1").get(f"/customer?id={customer}")
    root = desk.run.root.parents[3]
    text = desk.views.read_text()

    def wrong() -> list[str]:
        found = verify(Paths(root=root), load_settings(root / "settings.yaml"), "loans")
        return [one.what for one in found if one.wrong]

    assert wrong() == []
    desk.views.write_text("".join(line for line in text.splitlines(keepends=True) if "L00211" not in line))
    assert wrong() == ["who looked at whom"]
    assert sign_in("auditor1").ask("GET", "/views")[0].status == 409
    desk.views.write_text(text)
    assert wrong() == []


def test_the_queue_tells_the_cases_that_nobody_looked_at(sign_in: SignIn, desk: Desk, people: Iterator[str]) -> None:
    customer = next(people)
    who = sign_in("reviewer1")
    assert customer in who.get(f"/?state=open&customer={customer}")
    form = fields_of(who.get(f"/customer?id={customer}"))
    assert (
        who.ask("POST", "/opinion", urlencode(form | {"verdict": "agree", "because": "", "note": ""}))[0].status == 303
    )
    assert "1 found" in who.get(f"/?state=looked_at&customer={customer}")
    assert "0 found" in who.get(f"/?state=open&customer={customer}")
    with desk_of(Paths(root=desk.run.root.parents[3]), load_settings(Path("no")), "loans", RUN) as later:
        from credit_eval.review.queue import Wanted

        assert later.queue.page(Wanted(customer=customer, state="looked_at")).total == 1


# A proxy that signs people in -----------------------------------------------------------------------------------


def test_a_proxy_is_believed_if_it_shows_the_secret(stranger: Visitor, desk: Desk) -> None:
    desk.proxy = ("X-Forwarded-User", "s" * 24)
    right = {"X-Forwarded-User": "reviewer1", PROXY_SECRET: "s" * 24}
    for wrong in (
        {},
        {"X-Forwarded-User": "reviewer1"},
        right | {PROXY_SECRET: "x"},
        right | {"X-Forwarded-User": "x"},
    ):
        answer, page = stranger.ask("GET", "/", **wrong)
        assert (answer.status, "nobody is named who comes" in page) == (403, True), wrong
    answer, page = stranger.ask("GET", "/", **right)
    assert (answer.status, "reviewer1" in page) == (200, True)
    stranger.cookies = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    assert stranger.ask("GET", "/")[0].status == 403  # a cookie without the proxy is nobody's
    answer, page = stranger.ask("GET", "/customer?id=L00200", **right)
    form = fields_of(page) | {"verdict": "agree", "because": "", "note": ""}
    other = right | {"X-Forwarded-User": "approver1"}
    assert stranger.ask("POST", "/opinion", urlencode(form), **other)[0].status == 400  # another one's form
    assert stranger.ask("POST", "/opinion", urlencode(form), **right)[0].status == 303
    assert stranger.ask("POST", "/sign-in", urlencode({"name": "reviewer1", "token": WORD}))[0].status == 403


def test_a_proxy_without_a_secret_or_accounts_is_refused(
    root: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(root / "settings.yaml")
    settings = settings.model_copy(update={"review": ReviewSettings(proxy_header="X-User", hosts=("risk.example",))})
    for place, secret in ((root, "short"), (made, "s" * 24)):
        monkeypatch.setenv(SECRET, secret)
        with pytest.raises(ReviewError, match="proxy"), desk_of(Paths(root=place), settings, "loans", RUN):
            pass
    monkeypatch.setenv(SECRET, "s" * 24)
    with desk_of(Paths(root=root), settings, "loans", RUN) as desk:
        assert desk.proxy == ("X-User", "s" * 24)
        assert "risk.example" in desk.hosts
        assert "s" * 24 not in repr(desk)
    assert read_accounts(Paths(root=made).accounts) == {}


def test_every_address_is_described() -> None:
    paths = described()["paths"]
    assert {one.path for one in PAGES} | {one.path for one in FORMS} <= set(paths)
