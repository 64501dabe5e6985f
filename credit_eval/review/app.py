"""The review page as a web application: it shows what was decided, and takes down what reviewers say of it.

Pages are made here and hold no script. Whoever comes signs in and is known by a cookie from then on; other sites, other
hosts' names and frames get nothing. What customers wrote is text and never markup.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from credit_eval.core.errors import CohortError, CreditEvalError, OutputExistsError, ReviewError, SourceError
from credit_eval.language.words import Language
from credit_eval.review.asked import LONGEST_FIELD, Address, Asked, form_of
from credit_eval.review.desk import Desk
from credit_eval.review.forms import FORMS
from credit_eval.review.pages import PAGES, again, html, problem
from credit_eval.review.visitors import Visitor

_COOKIE, _LANGUAGE = "review", "language"
_ANOTHER_SITE = ReviewError("the form is not one of this page", todo="send it once more from here")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
#: What a proxy that is trusted shows beside the name of who comes.
PROXY_SECRET = "X-Proxy-Secret"


def application(desk: Desk) -> Starlette:
    """The application of a desk; it answers to its own names only."""
    routes = [
        *(Route(one.path, _Shown(desk, one), methods=["GET"]) for one in PAGES),
        *(Route(one.path, _Taken(desk, one), methods=["POST"]) for one in FORMS),
        Route("/sign-in", _SignIn(desk), methods=["GET", "POST"]),
        Route("/sign-out", _SignOut(desk), methods=["POST"]),
        Route("/style.css", _style, methods=["GET"]),
        Route("/openapi.json", _described, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={404: _nowhere, 405: _nowhere})
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(desk.hosts))
    return app


class _Answering:
    """An address of a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        answer = await self._answer(request)
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        if request.query_params.get("lang") in ("en", "zh"):
            answer.set_cookie(_LANGUAGE, request.query_params["lang"], httponly=True, samesite="strict")
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        raise NotImplementedError

    def _visitor(self, request: Request) -> tuple[Visitor | None, str]:
        """Who comes, and the cookie that they are known by from now on."""
        visitors, cookie = self._desk.visitors, request.cookies.get(_COOKIE, "")
        found = visitors.of(cookie)
        if self._desk.proxy is None:
            return found, cookie
        header, secret = self._desk.proxy
        name = request.headers.get(header, "")
        shown = request.headers.get(PROXY_SECRET, "").encode()
        if not (name and hmac.compare_digest(shown, secret.encode())):
            return None, ""
        if found is None or found.name != name:
            cookie = visitors.let_in(name)
            found = visitors.of(cookie)
        return found, cookie

    def _asked(self, request: Request, visitor: Visitor | None, said: Mapping[str, str]) -> Asked:
        here = {name: value[:LONGEST_FIELD] for name, value in request.query_params.items()}
        return Asked(self._desk, visitor, self._language(request), request.url.path, here, dict(said))

    def _language(self, request: Request) -> Language:
        known: dict[str, Language] = {"en": "en", "zh": "zh"}
        default = self._desk.run.manifest["language"]
        said = (request.query_params.get("lang"), request.cookies.get(_LANGUAGE), default)
        return next((known[str(one)] for one in said if one in known), "en")


class _Shown(_Answering):
    """A page for whom it is."""

    def __init__(self, desk: Desk, page: Address[Response]) -> None:
        super().__init__(desk)
        self._page = page

    async def _answer(self, request: Request) -> Response:
        visitor, cookie = await run_in_threadpool(self._visitor, request)
        asked = self._asked(request, visitor, {})
        if visitor is None:
            return _no_proxy(asked) if self._desk.proxy else RedirectResponse("/sign-in", 303)
        if not visitor.may(self._page.right):
            return problem(asked, _role(visitor, self._page.right), 403)
        try:
            self._desk.check_current()
            found: Response = await run_in_threadpool(self._page.answer, asked)
        except CreditEvalError as error:
            found = problem(asked, error, _status(error))
        return _known(found, request, cookie)


class _Taken(_Answering):
    """Takes a form; what cannot be taken is shown with the text kept, and why."""

    def __init__(self, desk: Desk, form: Address[str]) -> None:
        super().__init__(desk)
        self._form = form

    async def _answer(self, request: Request) -> Response:
        if _from_elsewhere(request):
            return problem(self._asked(request, None, {}), _ANOTHER_SITE, 403)
        said = await form_of(request)
        visitor, cookie = await run_in_threadpool(self._visitor, request)
        kept = {name: said.get(name, "") for name in self._form.fields} | {"to": self._form.path}
        asked = self._asked(request, visitor, kept)
        if visitor is None:
            return _no_proxy(asked) if self._desk.proxy else html("sign_in", asked, 403, told="")
        answer = await run_in_threadpool(self._take, asked, said.get("form", ""), visitor)
        return _known(answer, request, cookie)

    def _take(self, asked: Asked, word: str, visitor: Visitor) -> Response:
        try:
            if not hmac.compare_digest(word.encode(), visitor.form.encode()):
                raise _ANOTHER_SITE
            if not visitor.may(self._form.right):
                return problem(asked, _role(visitor, self._form.right), 403)
            self._desk.check_current()
            where = self._form.answer(asked)
        except CreditEvalError as error:
            return again(asked, error, _status(error))
        return RedirectResponse(where, 303)


class _SignIn(_Answering):
    """The page where a name and a password, or the word, are asked for."""

    async def _answer(self, request: Request) -> Response:
        if request.method == "GET":
            return html("sign_in", self._asked(request, None, {}), told="")
        if _from_elsewhere(request):
            return problem(self._asked(request, None, {}), _ANOTHER_SITE, 403)
        return await run_in_threadpool(self._try, request, await form_of(request))

    def _try(self, request: Request, said: dict[str, str]) -> Response:
        visitors, name = self._desk.visitors, said.get("name", "")[:LONGEST_FIELD]
        form = next((one for one in FORMS if one.path == said.get("to")), None)
        kept = {one: said[one] for one in form.fields if one in said} | {"to": form.path} if form else {}
        asked = self._asked(request, None, kept)
        if seconds := visitors.waits(name):
            answer = html("sign_in", asked, 429, told="wait")
            answer.headers["Retry-After"] = str(seconds)
            return answer
        cookie = None if self._desk.proxy else visitors.try_in(name, said.get("token", "")[:LONGEST_FIELD])
        if cookie is None:
            return html("sign_in", asked, 403, told="wrong")
        visitor = visitors.of(cookie)
        done = again(self._asked(request, visitor, kept), None, 200) if form else RedirectResponse("/", 303)
        return _known(done, request, cookie)


class _SignOut(_Answering):
    async def _answer(self, request: Request) -> Response:
        self._desk.visitors.out(request.cookies.get(_COOKIE, ""))
        gone = RedirectResponse("/sign-in", 303)
        gone.delete_cookie(_COOKIE)
        return gone


def _from_elsewhere(request: Request) -> bool:
    """Whether a browser says that another site sent this form; a program that is no browser says nothing."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def _known(answer: Response, request: Request, cookie: str) -> Response:
    """An answer that tells a browser the cookie of a new visitor."""
    if cookie and request.cookies.get(_COOKIE) != cookie:
        answer.set_cookie(_COOKIE, cookie, httponly=True, samesite="strict")
    return answer


def _status(error: CreditEvalError) -> int:
    kinds = {OutputExistsError: 409, ReviewError: 400, CohortError: 404, SourceError: 400}
    return kinds.get(type(error), 409)


def _role(visitor: Visitor, right: str) -> ReviewError:
    return ReviewError(
        f"this is not for the role {visitor.role}",
        expected=f"a role that may {right}",
        todo="ask who keeps the accounts",
    )


def _no_proxy(asked: Asked) -> Response:
    error = ReviewError("nobody is named who comes", todo="come through the proxy, and ask for an account")
    return problem(asked, error, 403)


async def _style(_: Request) -> Response:
    text = (Path(__file__).parent / "review.css").read_text(encoding="utf-8")
    return Response(text, media_type="text/css", headers=_HEADERS)


async def _nowhere(_: Request, __: Exception) -> Response:
    return PlainTextResponse("there is no such page\n", 404, headers=_HEADERS)


async def _described(_: Request) -> Response:
    return JSONResponse(described(), headers=_HEADERS)


def described() -> dict[str, Any]:
    """All addresses as OpenAPI 3.1 describes them."""
    paths: dict[str, dict[str, Any]] = {}
    for page in PAGES:
        fields = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in (*page.fields, "lang")]
        paths[page.path] = {"get": {"summary": page.told, "parameters": fields, "responses": _ANSWERS}}
    for form in (*FORMS, _SIGN_IN):
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in form.fields}}
        body = {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}
        paths.setdefault(form.path, {})["post"] = {"summary": form.told, "requestBody": body, "responses": _ANSWERS}
    return {"openapi": "3.1.0", "info": {"title": "credit_eval review", "version": "1"}, "paths": paths}


def _nothing(_: Asked) -> str:
    return "/"


_SIGN_IN = Address("/sign-in", "look", ("name", "token", "to"), _nothing, "sign in")
_ANSWERS = {
    "200": {"description": "the page"},
    "303": {"description": "done, or not signed in: the page to go to"},
    "4XX": {"description": "why not, in words; what was written is kept"},
}
