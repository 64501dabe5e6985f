"""Somebody with a browser at the review page, and the fields of its forms."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from html import unescape
from http.client import HTTPResponse
from urllib.parse import urlencode

from credit_eval.core.runs import Run

HOSTILE = [
    "<script>alert(1)</script>",
    "'; DROP TABLE cases; --",
    "a&b=<b>\"'",
    "\u202eevil\u202c",
    "x\x1b[31m\x00y",
    "逾期 客户",
]
RUN = Run(file="new")


@dataclass
class Visitor:
    """Somebody with a browser that keeps cookies."""

    port: int
    cookies: str = ""

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[HTTPResponse, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        connection.request(method, path, body, {"Cookie": self.cookies, **form, **headers})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def get(self, path: str) -> str:
        answer, text = self.ask("GET", path)
        assert answer.status == 200, (answer.status, text)
        return text

    def sign_in(self, word: str) -> int:
        answer, _ = self.ask("POST", "/sign-in", urlencode({"token": word}))
        self.cookies = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        return answer.status


def fields_of(page: str, to: str = "/opinion") -> dict[str, str]:
    """The hidden fields of the first form that is sent there, as a browser would send them."""
    form = page.partition(f'action="{to}"')[2].partition("</form>")[0]
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)}
