"""The review page as a web application: it shows what was decided, and takes down what reviewers say of it.

Pages are made here and hold no script. Whoever comes shows the word that the command printed and is known by a cookie
from then on; other sites, other hosts' names and frames get nothing. What customers wrote is text and never markup.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from credit_eval.core.clock import utc_now
from credit_eval.core.errors import CohortError, CreditEvalError, OutputExistsError, ReviewError, SourceError
from credit_eval.core.locks import exclusive
from credit_eval.core.seals import append_sealed
from credit_eval.core.visible import visible
from credit_eval.language.reasons import REASONS
from credit_eval.language.words import Language
from credit_eval.models.model import CreditModel
from credit_eval.policy.words import CONSTRAINTS, DECISIONS
from credit_eval.report.page import environment
from credit_eval.review.customer import history, limits, shown
from credit_eval.review.opinions import BECAUSE, LONGEST_NOTE, VERDICTS, Opinion, opinions, say
from credit_eval.review.queue import Order, Queue, Wanted
from credit_eval.review.words import word
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.lookup import decided
from credit_eval.scoring.sealed import Scored

_COOKIE, _LANGUAGE = "review", "language"
_MOST_SIGNED_IN = 100
_LONGEST, _LONGEST_FORM = 200, 16_384
#: Fields of an opinion's form, which come through a sign-in.
_KEPT = ("id", "as_of", "seen", "verdict", "because", "note")
_ANOTHER_SITE = ReviewError("the form is not one of this page", todo="send it once more from here")
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
        others: by feature how far it moved everybody of the run on average.
        token: the word that lets somebody in.
        signed_in: by cookie a word that forms of that visitor carry, so that no other site can send one.
    """

    run: Scored
    profiles: Path
    queue: Queue
    model: CreditModel
    ledger: Ledger
    views: Path
    who: str
    others: Mapping[str, float] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    signed_in: dict[str, str] = field(default_factory=dict, repr=False)

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
        Route("/opinion", _Said(desk), methods=["POST"]),
        Route("/sign-in", _SignIn(desk), methods=["GET", "POST"]),
        Route("/sign-out", _sign_out(desk), methods=["POST"]),
        Route("/style.css", _style, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={404: _nowhere, 405: _nowhere})
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    return app


_Maker = Callable[[Desk, Request, Language], HTMLResponse]


class _Answering:
    """An address of a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await (await self._answer(Request(scope, receive)))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        raise NotImplementedError


class _Page(_Answering):
    """A page for who is signed in."""

    def __init__(self, desk: Desk, make: _Maker) -> None:
        super().__init__(desk)
        self._make = make

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


class _SignIn(_Answering):
    """The page where the word is asked for."""

    async def _answer(self, request: Request) -> Response:
        desk, language = self._desk, _language(request, self._desk)
        if request.method == "GET":
            return _html("sign_in", language, desk, request, wrong=False, kept={})
        said = await _form(request)
        kept = {name: said[name] for name in _KEPT if name in said}
        if not hmac.compare_digest(said.get("token", "").strip().encode(), desk.token.encode()):
            return _html("sign_in", language, desk, request, status=403, wrong=True, kept=kept)
        if len(desk.signed_in) >= _MOST_SIGNED_IN:
            desk.signed_in.clear()
        known = secrets.token_urlsafe(32)
        desk.signed_in[known] = secrets.token_urlsafe(32)
        answer: Response = RedirectResponse("/", 303, headers=_HEADERS)
        if kept.get("id"):
            answer = await run_in_threadpool(_told, desk, request, language, kept, desk.signed_in[known])
        answer.set_cookie(_COOKIE, known, httponly=True, samesite="strict")
        return answer


class _Said(_Answering):
    """Takes an opinion, and shows the customer again with it; what cannot be taken is shown with the text kept."""

    async def _answer(self, request: Request) -> Response:
        desk, language = self._desk, _language(request, self._desk)
        said = await _form(request)
        known = desk.signed_in.get(request.cookies.get(_COOKIE, ""))
        kept = {name: said.get(name, "") for name in _KEPT}
        if known is None:
            return _html("sign_in", language, desk, request, status=403, wrong=False, kept=kept)
        if not hmac.compare_digest(said.get("form", "").encode(), known.encode()):
            return await run_in_threadpool(_told, desk, request, language, kept, known, _ANOTHER_SITE)
        try:
            await run_in_threadpool(_take, desk, kept)
        except CreditEvalError as error:
            return await run_in_threadpool(_told, desk, request, language, kept, known, error)
        return RedirectResponse(f"/customer?{urlencode({'id': kept['id']})}", 303, headers=_HEADERS)


def _take(desk: Desk, said: dict[str, str]) -> None:
    rows = [
        one.row for one in decided(desk.run.root, desk.profiles, said["id"]) if str(one.row["as_of"]) == said["as_of"]
    ]
    if not rows:
        raise CohortError("no such decision", received=said["as_of"][:40], todo="open the customer again")
    (row,) = rows
    opinion = Opinion(
        customer_id=said["id"],
        as_of=said["as_of"],
        decision=str(row["decision"]),
        first_reason=str(row["reason_code_1"] or ""),
        verdict=said["verdict"],
        because=said["because"],
        note=said["note"],
        who=desk.who,
    )
    say(desk.ledger, desk.dataset, opinion, int(said["seen"]) if re.fullmatch("[0-9]{1,6}", said["seen"]) else 0)


def _told(
    desk: Desk,
    request: Request,
    language: Language,
    kept: dict[str, str],
    form: str,
    error: CreditEvalError | None = None,
) -> HTMLResponse:
    """The customer again, with a form as it was filled in, and why it was not taken."""
    status = {type(None): 200, OutputExistsError: 409, ReviewError: 400, CohortError: 404}.get(type(error), 409)
    try:
        return _customer_page(desk, request, language, kept.get("id", ""), kept, form, str(error or ""), status)
    except CreditEvalError as problem:
        status = 404 if isinstance(problem, CohortError) else 409
        return _html("problem", language, desk, request, status=status, told=str(problem))


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form that was sent; what is longer than any form is cut."""
    content = b""
    async for some in request.stream():
        content += some
        if len(content) > _LONGEST_FORM:
            break
    return dict(parse_qsl(content[:_LONGEST_FORM].decode("utf-8", "replace"), keep_blank_values=True))


def _sign_out(desk: Desk) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        desk.signed_in.pop(request.cookies.get(_COOKIE, ""), None)
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
    form = desk.signed_in.get(request.cookies.get(_COOKIE, ""), "")
    return _customer_page(desk, request, language, request.query_params.get("id", ""), {}, form)


def _customer_page(
    desk: Desk,
    request: Request,
    language: Language,
    customer: str,
    kept: dict[str, str],
    form: str,
    problem: str = "",
    status: int = 200,
) -> HTMLResponse:
    found = shown(desk.run.root, desk.profiles, desk.model, customer, language, desk.others)
    _write_down(desk, customer)
    before = history(desk.ledger, desk.dataset, customer, language)
    said = opinions(desk.ledger.log(desk.dataset), customer)
    return _html(
        "customer",
        language,
        desk,
        request,
        status=status,
        customer=customer,
        found=found,
        before=before,
        said=said,
        kept=kept,
        form=form,
        problem=problem,
    )


def _write_down(desk: Desk, customer: str) -> None:
    """Who looked at whom; visitors that come at once wait for each other."""
    with exclusive(desk.views.parent, wait=True):
        append_sealed(desk.views, {"at": f"{utc_now():%Y-%m-%d %H:%M:%S}", "who": desk.who, "customer": customer})


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
        verdicts={name: text.in_(language) for name, text in VERDICTS.items()},
        whys={name: text.in_(language) for name, text in BECAUSE.items()},
        longest=LONGEST_NOTE,
        reason_in=lambda code: REASONS[code].in_(language) if code in REASONS else visible(code),
        limits=lambda case: limits(case.limit_previous, case.limit_new, "", language),
    )
    return HTMLResponse(text, status, headers=_HEADERS)


async def _style(_: Request) -> Response:
    return Response((_HERE / "review.css").read_text(encoding="utf-8"), media_type="text/css", headers=_HEADERS)


async def _nowhere(_: Request, __: Exception) -> Response:
    return PlainTextResponse("there is no such page\n", 404, headers=_HEADERS)


_HERE = Path(__file__).parent
_TEMPLATES = environment(_HERE)
_TEMPLATES.filters["visible"] = lambda text: visible(str(text))
_TEMPLATES.filters["moved"] = lambda value, digits: f"{value:+.{digits}f}" if abs(value) >= 0.5 * 10**-digits else "0"
