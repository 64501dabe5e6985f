"""What can be taken away from the page: letters, and files in which no cell is a formula."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from uuid import uuid4

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, HTMLResponse, Response

from credit_eval.core.errors import CohortError, SourceError
from credit_eval.core.files import write_cells
from credit_eval.core.locks import private_directory
from credit_eval.report.letters import letters
from credit_eval.review.asked import Asked
from credit_eval.review.opinions import Opinion, opinions
from credit_eval.review.queue import Format, Wanted
from credit_eval.scoring.overrides import Override, overrides

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def letter(asked: Asked) -> Response:
    """The letter of an adverse decision, which prints; its own style and nothing else may run in it.

    Raises:
        SourceError: nobody is named who writes letters.
        CohortError: no letter is due.
    """
    desk, customer = asked.desk, asked.here.get("id", "")
    if desk.lender is None:
        raise SourceError(
            f"settings.yaml does not say who writes the letters of {desk.dataset}",
            todo="name the `lender` of the data set there",
        )
    found = list(letters(desk.run.root, desk.profiles, desk.lender, language=asked.language, customer=customer))
    at = int(asked.here["n"]) if re.fullmatch("[0-9]{1,3}", asked.here.get("n", "")) else 0
    if at >= len(found):
        raise CohortError("no such letter", received=asked.here.get("n", ""), todo="open the customer again")
    desk.write_down(asked.who, customer, "letter")
    (style,) = _STYLE.findall(found[at].html)
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
    return HTMLResponse(found[at].html, headers={"Content-Security-Policy": rules})


def export(asked: Asked, wanted: Wanted) -> Response:
    """The queue as it is filtered, or what people said, as a file.

    Args:
        asked: `what` is queue, opinions or overrides, `format` csv or parquet.
        wanted: of the queue.

    Raises:
        SourceError: another thing was asked for.
    """
    desk, what = asked.desk, asked.here.get("what", "queue")
    kind: Format = "parquet" if asked.here.get("format") == "parquet" else "csv"
    if what not in ("queue", "opinions", "overrides") or (kind == "parquet" and what != "queue"):
        raise SourceError(
            "there is no such file",
            expected="the queue as csv or parquet, opinions or overrides as csv",
            received=f"{what} as {kind}"[:80],
        )
    desk.write_down(asked.who, "", f"export of {what}")
    folder = desk.queue.spill / "exports"  # a directory of its own, as that one is held
    private_directory(folder)
    target = folder / f"{uuid4().hex}.{kind}"
    if what == "queue":
        desk.queue.write(wanted, target, kind)
    else:
        log = desk.ledger.log(desk.dataset)
        said: Sequence[Opinion | Override] = opinions(log) if what == "opinions" else overrides(log)
        names = Opinion.__dataclass_fields__ if what == "opinions" else Override.__dataclass_fields__
        write_cells(target, list(names), (astuple(one) for one in said))
    return _file(target, f"{desk.dataset} {desk.label} {what}.{kind}", _TYPES[kind])


def _file(target: Path, name: str, kind: str) -> Response:
    gone = BackgroundTask(target.unlink, missing_ok=True)
    return FileResponse(target, media_type=kind, filename=name, background=gone)
