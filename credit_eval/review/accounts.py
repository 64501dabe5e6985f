"""Who may use the review page, and what for: names, roles and hashes of passwords, in a file of their own.

Without accounts the page is for the one user of this machine who serves it. With accounts everybody signs in with a
name and a password, and may do what the role says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from credit_eval.core.errors import IntegrityError, ReviewError
from credit_eval.core.files import atomic_file
from credit_eval.core.locks import exclusive

Role = Literal["viewer", "reviewer", "approver", "auditor"]
Right = Literal["look", "personal", "say", "approve", "audit", "export", "load"]
ROLES: tuple[Role, ...] = get_args(Role)
#: What each role may do. `look`: at the queue and at customers; `personal`: see what they are like in person; `say`:
#: opinions, overrides and appeals; `approve`: what others overrule; `audit`: see who looked at whom, and what was said;
#: `export`: take files away; `load`: see who did how much.
RIGHTS: Mapping[Role, frozenset[Right]] = {
    "viewer": frozenset({"look"}),
    "reviewer": frozenset({"look", "personal", "say", "export", "load"}),
    "approver": frozenset({"look", "personal", "say", "approve", "export", "load"}),
    "auditor": frozenset({"look", "personal", "audit", "export", "load"}),
}
#: The one user of a page without accounts: everything, but what they say themselves.
EVERYTHING: frozenset[Right] = frozenset(get_args(Right))
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 200
#: A hash takes 64 MiB: so many at once, however many try to sign in.
_HASHING = BoundedSemaphore(2)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class Account:
    """A name, what it may do, and the hash of its password (argon2id); without a hash it comes through a proxy only."""

    name: str
    role: Role
    hash: str = field(default="", repr=False)


def read_accounts(path: Path) -> dict[str, Account]:
    """All accounts by name; none where there is no file.

    Raises:
        IntegrityError: the file cannot be read as accounts.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        found = [Account(**one) for one in said]
        if any(one.role not in ROLES or not _NAME.fullmatch(one.name) for one in found):
            raise ValueError
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError):
        raise IntegrityError(
            f"{path.name} does not hold accounts",
            expected="what `credit-eval account` wrote",
            todo="put it back as it was, or remove it and make the accounts anew; nobody gets in until then",
        ) from None
    return {one.name: one for one in found}


def set_account(path: Path, name: str, role: str, password: str | None) -> Account:
    """Make an account, or change one.

    Args:
        path: file of all accounts; nobody but its owner can read it.
        name: letters, digits and ._@-; as it will stand in the log.
        role: of `ROLES`.
        password: None: none, for who comes through a proxy.

    Returns:
        the account.

    Raises:
        ReviewError: a name, role or password that cannot be.
    """
    known = next((one for one in ROLES if one == role), None)
    if known is None:
        raise ReviewError("no such role", expected=", ".join(ROLES), received=role)
    if not _NAME.fullmatch(name):
        raise ReviewError("not a name", expected="up to 64 letters, digits and . _ @ -", received=name[:80])
    if password is not None:
        _check_password(password, name)
    account = Account(name, known, "" if password is None else _hasher().hash(password))
    with exclusive(path.parent, wait=True):
        _write(path, read_accounts(path) | {name: account})
    return account


def remove_account(path: Path, name: str) -> None:
    """Remove an account; what it said stays in the log.

    Args:
        path: file of all accounts.
        name: of the account.

    Raises:
        ReviewError: there is none.
    """
    with exclusive(path.parent, wait=True):
        there = read_accounts(path)
        if name not in there:
            raise ReviewError("no such account", expected=", ".join(there) or "none is there", received=name[:80])
        _write(path, {key: one for key, one in there.items() if key != name})


def known_by_password(accounts: Mapping[str, Account], name: str, password: str) -> Account | None:
    """Whose name and password these are; it takes as long where the name is not known."""
    account = accounts.get(name)
    hash_ = account.hash if account and account.hash else _hash_of_nobody()
    try:
        with _HASHING:
            _hasher().verify(hash_, password[:LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return None
    return account if account and account.hash else None


def _check_password(password: str, name: str) -> None:
    long_enough = SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD
    if not long_enough or name.casefold() in password.casefold() or len(set(password)) < 5:
        raise ReviewError(
            "not a password that keeps anybody out",
            expected=f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} signs, five different ones, without the name in it",
            todo="say another one; some words that do not belong together are easy to remember",
        )


def _write(path: Path, accounts: Mapping[str, Account]) -> None:
    with atomic_file(path) as building:
        building.touch(mode=0o600)
        building.write_text(json.dumps([asdict(one) for one in accounts.values()], indent=1), encoding="utf-8")


@cache
def _hasher() -> PasswordHasher:
    """Argon2id with the second recommended option of RFC 9106 (64 MiB, three passes)."""
    return PasswordHasher()


@cache
def _hash_of_nobody() -> str:
    return _hasher().hash("nobody has this password, and nobody is let in with it")
