"""The review page as a web application that reads and writes nothing but who looked at whom.

Pages are made here and hold no script. Whoever comes shows the word that the command printed and is known by a cookie
from then on; other sites, other hosts' names and frames get nothing. What customers wrote is text and never markup.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from credit_eval.core.clock import utc_now
from credit_eval.core.errors import CohortError, CreditEvalError, SourceError
from credit_eval.core.seals import append_sealed
from credit_eval.core.visible import visible
from credit_eval.language.reasons import REASONS
from credit_eval.language.words import Language
from credit_eval.models.model import CreditModel
from credit_eval.policy.words import CONSTRAINTS, DECISIONS
from credit_eval.review.customer import history, limits, shown
from credit_eval.review.queue import Order, Queue, Wanted
from credit_eval.review.words import word
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.sealed import Scored

_COOKIE, _LANGUAGE = "review", "language"
_MOST_SIGNED_IN = 100
_LONGEST = 200
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass
class Desk:
    """What the pages are about, and who is signed in.

    Attributes:
        run: the scored run, opened.
        profiles: where the profiles lie that it scored.
        queue: of its cases.
        model: that decided.
        ledger: what was decided before.
        views: a file that says who looked at whom.
        who: the user of this machine who serves it.
        token: the word that lets somebody in.
    """

    run: Scored
    profiles: Path
    queue: Queue
    model: CreditModel
    ledger: Ledger
    views: Path
    who: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    signed_in: set[str] = field(default_factory=set, repr=False)

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.run.manifest["dataset"])

    @property
    def label(self) -> str:
        """Label of the run."""
        return str(self.run.manifest["cohort"])


def application(desk: Desk) -> Starlette:
    """The application of a desk; it answers to this machine's own names only."""
    routes = [
        Route("/", _Page(desk, _queue), methods=["GET"]),
        Route("/customer", _Page(desk, _customer), methods=["GET"]),
        Route("/sign-in", _SignIn(desk), methods=["GET", "POST"]),
        Route("/sign-out", _sign_out(desk), methods=["POST"]),
        Route("/style.css", _style, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={404: _nowhere, 405: _nowhere})
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    return app


_Maker = Callable[[Desk, Request, Language], HTMLResponse]


class _Page:
    """A page for who is signed in."""

    def __init__(self, desk: Desk, make: _Maker) -> None:
        self._desk, self._make = desk, make

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.cookies.get(_COOKIE, "") not in self._desk.signed_in:
            return RedirectResponse("/sign-in", 303, headers=_HEADERS)
        language = _language(request, self._desk)
        try:
            found: Response = await run_in_threadpool(self._make, self._desk, request, language)
        except CreditEvalError as error:
            status = 404 if isinstance(error, CohortError) else 400 if isinstance(error, SourceError) else 409
            found = _html("problem", language, self._desk, request, status=status, told=str(error))
        if request.query_params.get("lang") in ("en", "zh"):
            found.set_cookie(_LANGUAGE, language, httponly=True, samesite="strict")
        return found


class _SignIn:
    """The page where the word is asked for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        desk, language = self._desk, _language(request, self._desk)
        if request.method == "GET":
            return _html("sign_in", language, desk, request, wrong=False)
        said = dict(parse_qsl((await request.body())[:_LONGEST].decode("utf-8", "replace")))
        if not hmac.compare_digest(said.get("token", "").strip().encode(), desk.token.encode()):
            return _html("sign_in", language, desk, request, status=403, wrong=True)
        if len(desk.signed_in) >= _MOST_SIGNED_IN:
            desk.signed_in.clear()
        desk.signed_in.add(known := secrets.token_urlsafe(32))
        answer = RedirectResponse("/", 303, headers=_HEADERS)
        answer.set_cookie(_COOKIE, known, httponly=True, samesite="strict")
        return answer


def _sign_out(desk: Desk) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        desk.signed_in.discard(request.cookies.get(_COOKIE, ""))
        gone = RedirectResponse("/sign-in", 303, headers=_HEADERS)
        gone.delete_cookie(_COOKIE)
        return gone

    return answer


def _queue(desk: Desk, request: Request, language: Language) -> HTMLResponse:
    asked = {name: value[:_LONGEST] for name, value in request.query_params.items() if value}
    order = asked.get("order", "stake")
    wanted = Wanted(
        asked.get("decision"),
        asked.get("grade"),
        asked.get("reason"),
        asked.get("customer"),
        cast(Order, order if order in ("stake", "risk", "score", "customer") else "stake"),
    )
    page = desk.queue.page(wanted, request.query_params.get("after"))
    kept = {name: value for name, value in asked.items() if name not in ("after", "lang")}
    following = f"/?{urlencode(kept | {'after': page.after})}" if page.after else None
    return _html(
        "queue", language, desk, request, page=page, wanted=wanted, choices=desk.queue.choices, following=following
    )


def _customer(desk: Desk, request: Request, language: Language) -> HTMLResponse:
    customer = request.query_params.get("id", "")
    found = shown(desk.run.root, desk.profiles, desk.model, customer, language)
    append_sealed(desk.views, {"at": f"{utc_now():%Y-%m-%d %H:%M:%S}", "who": desk.who, "customer": customer})
    before = history(desk.ledger, desk.dataset, customer, language)
    return _html("customer", language, desk, request, customer=customer, found=found, before=before)


def _language(request: Request, desk: Desk) -> Language:
    known: dict[str, Language] = {"en": "en", "zh": "zh"}
    said = (request.query_params.get("lang"), request.cookies.get(_LANGUAGE), desk.run.manifest["language"])
    return next((known[str(one)] for one in said if one in known), "en")


def _html(
    name: str, language: Language, desk: Desk, request: Request, *, status: int = 200, **values: object
) -> HTMLResponse:
    other = "zh" if language == "en" else "en"
    here = {key: value for key, value in request.query_params.items() if key != "lang"}
    switch = f"{request.url.path}?{urlencode(here | {'lang': other})}"
    text = _TEMPLATES.get_template(f"{name}.html.j2").render(
        **values,
        language=language,
        desk=desk,
        switch=switch,
        signed_in=request.cookies.get(_COOKIE, "") in desk.signed_in,
        word=lambda key, **more: word(key, language, **more),
        decision_in=lambda key: DECISIONS[key].name.in_(language),
        rule_in=lambda key: CONSTRAINTS[key].in_(language),
        plain=visible,
        reason_in=lambda code: REASONS[code].in_(language) if code in REASONS else visible(code),
        limits=lambda case: limits(case.limit_previous, case.limit_new, "", language),
    )
    return HTMLResponse(text, status, headers=_HEADERS)


async def _style(_: Request) -> Response:
    return Response((_HERE / "review.css").read_text(encoding="utf-8"), media_type="text/css", headers=_HEADERS)


async def _nowhere(_: Request, __: Exception) -> Response:
    return PlainTextResponse("there is no such page\n", 404, headers=_HEADERS)


_HERE = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_TEMPLATES.filters["visible"] = lambda text: visible(str(text))
