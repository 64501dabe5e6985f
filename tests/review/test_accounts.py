"""Accounts and sign-ins: what is kept of a password, who may do what, how often one may try, and when it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from credit_eval.core.errors import IntegrityError, ReviewError
from credit_eval.review.accounts import (
    EVERYTHING,
    RIGHTS,
    ROLES,
    known_by_password,
    read_accounts,
    remove_account,
    set_account,
)
from credit_eval.review.visitors import IDLE, LONGEST, TRIES, TRIES_IN_ALL, WITHIN, Visitors

GOOD = "four plain words here"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "review" / "accounts.json"


def test_a_password_is_kept_as_a_hash_that_only_the_owner_can_read(file: Path) -> None:
    set_account(file, "ana", "reviewer", GOOD)
    text = file.read_text()
    assert GOOD not in text
    assert json.loads(text)[0]["hash"].startswith("$argon2id$")
    assert file.stat().st_mode & 0o777 == 0o600
    found = read_accounts(file)
    assert known_by_password(found, "ana", GOOD) == found["ana"]
    for name, word in (("ana", GOOD + "x"), ("ana", ""), ("Ana", GOOD), ("nobody", GOOD), ("", "")):
        assert known_by_password(found, name, word) is None


def test_accounts_are_changed_removed_and_made_for_a_proxy(file: Path) -> None:
    set_account(file, "ana", "reviewer", GOOD)
    set_account(file, "ben@shop.example", "approver", None)
    set_account(file, "ana", "auditor", GOOD + "!")
    found = read_accounts(file)
    assert {name: one.role for name, one in found.items()} == {"ana": "auditor", "ben@shop.example": "approver"}
    assert known_by_password(found, "ana", GOOD) is None
    assert known_by_password(found, "ben@shop.example", "") is None  # without a password nobody is let in with one
    remove_account(file, "ana")
    assert list(read_accounts(file)) == ["ben@shop.example"]
    with pytest.raises(ReviewError, match="no such account"):
        remove_account(file, "ana")


@pytest.mark.parametrize(
    ("name", "role", "password", "told"),
    [
        ("ana", "owner", GOOD, "no such role"),
        ("a b", "viewer", GOOD, "not a name"),
        ("", "viewer", GOOD, "not a name"),
        ("../x", "viewer", GOOD, "not a name"),
        ("x" * 65, "viewer", GOOD, "not a name"),
        ("ana", "viewer", "short", "keeps anybody out"),
        ("ana", "viewer", "a" * 20, "keeps anybody out"),
        ("ana", "viewer", "my name is Ana!", "keeps anybody out"),
        ("ana", "viewer", GOOD * 20, "keeps anybody out"),
    ],
)
def test_what_is_no_account_is_told(file: Path, name: str, role: str, password: str, told: str) -> None:
    with pytest.raises(ReviewError, match=told) as error:
        set_account(file, name, role, password)
    assert password not in str(error.value)
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"name": "ana"}]', '[{"name": "ana", "role": "owner"}]', "7"])
def test_a_damaged_file_lets_nobody_in(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(IntegrityError, match="does not hold accounts"):
        read_accounts(file)


def test_each_role_has_its_rights() -> None:
    assert set(RIGHTS) == set(ROLES)
    assert all("look" in rights for rights in RIGHTS.values())
    assert RIGHTS["viewer"] == {"look"}
    assert {role for role, rights in RIGHTS.items() if "approve" in rights} == {"approver"}
    assert {role for role, rights in RIGHTS.items() if "audit" in rights} == {"auditor"}
    assert "say" not in RIGHTS["auditor"]
    assert frozenset().union(*RIGHTS.values()) == EVERYTHING


class Clock:
    """Seconds that a test moves."""

    at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def visitors(file: Path, clock: Clock) -> Visitors:
    set_account(file, "ana", "reviewer", GOOD)
    return Visitors(lambda: read_accounts(file), "me", now=clock)


def test_who_is_signed_in_has_the_role_of_now(visitors: Visitors, file: Path) -> None:
    assert visitors.try_in("ana", visitors.token) is None  # the word is for a page without accounts
    cookie = visitors.try_in("ana", GOOD)
    assert cookie
    found = visitors.of(cookie)
    assert found
    assert (found.name, found.may("say"), found.may("approve")) == ("ana", True, False)
    set_account(file, "ana", "viewer", GOOD)
    found = visitors.of(cookie)
    assert found
    assert not found.may("say")
    remove_account(file, "ana")
    set_account(file, "ben", "viewer", GOOD)
    assert visitors.of(cookie) is None


def test_without_accounts_the_word_lets_the_one_user_in_until_there_are_some(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    visitors = Visitors(lambda: read_accounts(file), "me")
    cookie = visitors.try_in("whoever", f" {visitors.token} ")
    assert cookie
    found = visitors.of(cookie)
    assert found
    assert (found.name, found.role, found.shown, found.rights) == ("me", "", "sole user", EVERYTHING)
    set_account(file, "ana", "reviewer", GOOD)
    assert visitors.of(cookie) is None


def test_a_sign_in_ends_after_a_while_without_requests_and_in_any_case(visitors: Visitors, clock: Clock) -> None:
    cookie = visitors.try_in("ana", GOOD) or ""
    clock.at += IDLE
    assert visitors.of(cookie)
    clock.at += IDLE + 1
    assert visitors.of(cookie) is None
    cookie = visitors.try_in("ana", GOOD) or ""
    for _ in range(LONGEST // IDLE):
        clock.at += IDLE
        assert visitors.of(cookie)
    clock.at += 1
    assert visitors.of(cookie) is None
    cookie = visitors.try_in("ana", GOOD) or ""
    visitors.out(cookie)
    assert visitors.of(cookie) is None


def test_after_some_failures_a_name_waits_and_others_do_not(visitors: Visitors, clock: Clock) -> None:
    for _ in range(TRIES):
        assert visitors.waits("ana") == 0
        assert visitors.try_in("ana", "wrong") is None
        clock.at += 10
    assert WITHIN - 10 * TRIES < visitors.waits("ana") <= WITHIN
    assert visitors.waits("ben") == 0
    clock.at += visitors.waits("ana")
    assert visitors.waits("ana") == 0
    assert visitors.try_in("ana", GOOD)
    assert visitors.waits("ana") == 0


def test_many_names_together_wait_too(visitors: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("credit_eval.review.visitors.known_by_password", lambda *_: None)
    for number in range(TRIES_IN_ALL):
        assert visitors.waits(f"n{number}") == 0
        visitors.try_in(f"n{number}", "wrong")
    assert visitors.waits("somebody else") > 0
