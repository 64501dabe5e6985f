"""Who is signed in on the review page, for how long, and how often somebody may try."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from credit_eval.review.accounts import EVERYTHING, RIGHTS, Account, Right, known_by_password

#: Seconds without a request after which a sign-in has ended, and after which it has in any case.
IDLE, LONGEST = 30 * 60, 12 * 3600
#: Failed tries at one name, and at all of them, within so many seconds; more are not looked at.
TRIES, TRIES_IN_ALL, WITHIN = 5, 50, 300
_MOST_SIGNED_IN = 1000


@dataclass(frozen=True)
class Visitor:
    """Who is there: a name, a role (empty: the one user of the machine), and the word that their forms carry."""

    name: str
    role: str
    rights: frozenset[Right]
    form: str = field(repr=False)

    def may(self, right: Right) -> bool:
        """Whether their role lets them."""
        return right in self.rights

    @property
    def shown(self) -> str:
        """As the log names them: what they were when they said it."""
        return self.role or "sole user"


@dataclass
class _Session:
    name: str
    form: str
    since: float
    seen: float


@dataclass
class Visitors:
    """Everybody who is signed in.

    Args:
        accounts: gives all accounts, as they are now.
        sole: the user of this machine, who is let in by `token` where there are no accounts.
        token: a word that is printed where the page is served.
        now: seconds that only grow.
    """

    accounts: Callable[[], Mapping[str, Account]]
    sole: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    now: Callable[[], float] = time.monotonic
    _sessions: dict[str, _Session] = field(default_factory=dict, repr=False)
    _failed: dict[str, deque[float]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def by_name(self) -> bool:
        """Whether there are accounts, so the word alone lets nobody in."""
        return bool(self.accounts())

    def try_in(self, name: str, word: str) -> str | None:
        """Sign somebody in: the cookie they are known by, or None.

        Args:
            name: of an account; not looked at where there are none.
            word: the password, or the word of the sole user.
        """
        accounts = self.accounts()
        if accounts:
            account = known_by_password(accounts, name, word)
            found = account.name if account else None
        else:
            found = self.sole if hmac.compare_digest(word.strip().encode(), self.token.encode()) else None
        if found is None:
            self._note_failure(name if accounts else "")
            return None
        with self._lock:
            self._failed.pop(name if accounts else "", None)
        return self.let_in(found)

    def let_in(self, name: str) -> str:
        """A cookie for somebody who is known."""
        now, cookie = self.now(), secrets.token_urlsafe(32)
        with self._lock:
            self._sessions = {key: one for key, one in self._sessions.items() if not self._ended(one)}
            while len(self._sessions) >= _MOST_SIGNED_IN:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[cookie] = _Session(name, secrets.token_urlsafe(32), now, now)
        return cookie

    def waits(self, name: str) -> int:
        """Seconds until somebody may try at this name again; 0: now."""
        with self._lock:
            mine = self._recent(name if self.by_name else "")
            everybody = [at for key in list(self._failed) for at in self._recent(key)]
        full = [sorted(one)[-most] for one, most in ((mine, TRIES), (everybody, TRIES_IN_ALL)) if len(one) >= most]
        return max((int(at + WITHIN - self.now()) + 1 for at in full), default=0)

    def of(self, cookie: str) -> Visitor | None:
        """Who is known by a cookie; None: nobody, or not any more. What an account may do is looked up each time."""
        with self._lock:
            session = self._sessions.get(cookie)
            if session is None or self._ended(session):
                self._sessions.pop(cookie, None)
                return None
            session.seen = self.now()
        accounts = self.accounts()
        if not accounts:
            return Visitor(session.name, "", EVERYTHING, session.form) if session.name == self.sole else None
        account = accounts.get(session.name)
        if account is None:
            return None
        return Visitor(account.name, account.role, RIGHTS[account.role], session.form)

    def out(self, cookie: str) -> None:
        """Sign somebody out."""
        with self._lock:
            self._sessions.pop(cookie, None)

    def end_all(self) -> None:
        """Sign everybody out."""
        with self._lock:
            self._sessions.clear()

    def _ended(self, session: _Session) -> bool:
        now = self.now()
        return now - session.seen > IDLE or now - session.since > LONGEST

    def _note_failure(self, name: str) -> None:
        with self._lock:
            if len(self._failed) > _MOST_SIGNED_IN:
                self._failed.clear()
            self._failed.setdefault(name, deque(maxlen=TRIES_IN_ALL)).append(self.now())

    def _recent(self, name: str) -> list[float]:
        return [at for at in self._failed.get(name, ()) if self.now() - at < WITHIN]
