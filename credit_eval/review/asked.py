"""A request as the pages see it: who asks, in which language, for what, and what was written into a form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request

from credit_eval.core.errors import ReviewError
from credit_eval.language.words import Language
from credit_eval.review.accounts import Right
from credit_eval.review.desk import Desk
from credit_eval.review.visitors import Visitor

#: Signs of a field that are read, and bytes of a form.
LONGEST_FIELD, _LONGEST_FORM = 200, 16_384


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes:
        desk: that it was sent to.
        visitor: who asks; None: nobody knows.
        language: of the answer.
        path: of the address.
        here: parameters of the address.
        said: fields of a form, as they were filled in; `to`: where it was sent.
    """

    desk: Desk
    visitor: Visitor | None
    language: Language
    path: str
    here: dict[str, str]
    said: dict[str, str]

    @property
    def who(self) -> Visitor:
        """Who asks.

        Raises:
            ReviewError: nobody knows.
        """
        if self.visitor is None:
            raise ReviewError("nobody is signed in", todo="sign in")
        return self.visitor


T = TypeVar("T")


@dataclass(frozen=True)
class Address(Generic[T]):
    """A page or a form: where it is, who may use it, the fields that it reads, and what is done when it is asked for.

    A page gives what is shown, a form the address of the page that shows what became of it.
    """

    path: str
    right: Right
    fields: tuple[str, ...]
    answer: Callable[[Asked], T]
    told: str


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was sent; what is longer than any form is cut."""
    content = b""
    async for some in request.stream():
        content += some
        if len(content) > _LONGEST_FORM:
            break
    return dict(parse_qsl(content[:_LONGEST_FORM].decode("utf-8", "replace"), keep_blank_values=True))
