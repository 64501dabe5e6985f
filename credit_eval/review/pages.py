"""The pages that are looked at: the queue, a customer, what waits for a second person, the reviewers, and the views."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pandas as pd
from starlette.responses import HTMLResponse, Response

from credit_eval.core.clock import utc_now
from credit_eval.core.errors import CohortError, CreditEvalError
from credit_eval.core.visible import visible
from credit_eval.language.reasons import REASONS
from credit_eval.language.words import Text
from credit_eval.policy.facts import money
from credit_eval.policy.words import CONSTRAINTS, DECISIONS, WHY, WHY_ALLOWED, WHY_STOPPED
from credit_eval.report.page import environment
from credit_eval.review import appeals as appealed
from credit_eval.review.appeals import appeals
from credit_eval.review.asked import Address, Asked
from credit_eval.review.background import events, policy_path, similar, unread
from credit_eval.review.customer import history, limits, shown
from credit_eval.review.files import export, letter
from credit_eval.review.load import load_of
from credit_eval.review.opinions import BECAUSE, VERDICTS, opinions
from credit_eval.review.queue import Order, State, Wanted
from credit_eval.review.words import STATES, word
from credit_eval.scoring.decision import adverse, in_language
from credit_eval.scoring.lookup import Decided, decided, profile_of
from credit_eval.scoring.overrides import FINAL, HOLDS, LONGEST_NOTE, WAITS, overrides
from credit_eval.study.overruling import monitored, overruled

#: Views that are shown at once.
_MOST_VIEWS = 200
_HERE = Path(__file__).parent


def html(name: str, asked: Asked, status: int = 200, **values: object) -> HTMLResponse:
    """A template filled in."""
    desk, language = asked.desk, asked.language
    other = {name: value for name, value in asked.here.items() if name != "lang"}
    switch = f"{asked.path}?{urlencode(other | {'lang': 'zh' if language == 'en' else 'en'})}"
    currency = str(desk.run.manifest["currency"])

    def named(texts: Mapping[str, Text]) -> dict[str, str]:
        return {key: text.in_(language) for key, text in texts.items()}

    text = _TEMPLATES.get_template(f"{name}.html.j2").render(
        **values,
        language=language,
        desk=desk,
        switch=switch,
        visitor=asked.visitor,
        said=asked.said,
        word=lambda key, **more: word(key, language, **more),
        decision_in=lambda key: DECISIONS[key].name.in_(language),
        rule_in=lambda key: CONSTRAINTS[key].in_(language),
        plain=visible,
        colon="：" if language == "zh" else ": ",
        verdicts=named(VERDICTS),
        whys=named(BECAUSE),
        states=named(STATES),
        overruled_as=named(WHY),
        allowed_as=named(WHY_ALLOWED),
        stopped_as=named(WHY_STOPPED),
        answers=named(appealed.VERDICTS),
        longest=LONGEST_NOTE,
        reason_in=lambda code: REASONS[code].in_(language) if code in REASONS else visible(code),
        money=lambda amount: money(amount, currency, language),
        before_and_now=lambda row: limits(row["limit_previous"], row["limit_new"], "", language),
        limits=lambda case: limits(case.limit_previous, case.limit_new, "", language),
    )
    return HTMLResponse(text, status)


def problem(asked: Asked, error: CreditEvalError, status: int) -> HTMLResponse:
    """Why a page cannot be shown."""
    return html("problem", asked, status, told=str(error))


def again(asked: Asked, error: CreditEvalError | None, status: int) -> Response:
    """The page with a form as it was filled in, and why it was not taken."""
    try:
        asked.desk.check_current()
        if not asked.said.get("id"):
            return _waiting_page(asked, str(error or ""), status)
        return _customer_page(asked, asked.said["id"], str(error or ""), status)
    except CreditEvalError as other:
        return problem(asked, other, 404 if isinstance(other, CohortError) else 409)


def _queue(asked: Asked) -> Response:
    here, desk = {name: value for name, value in asked.here.items() if value}, asked.desk
    wanted = _wanted(here)
    page = desk.queue.page(wanted, here.get("after"))
    kept = {name: value for name, value in here.items() if name not in ("after", "lang")}
    following = f"/?{urlencode(kept | {'after': page.after})}" if page.after else None
    files = {kind: f"/export?{urlencode(kept | {'format': kind})}" for kind in ("csv", "parquet")}
    choices = desk.queue.choices
    return html("queue", asked, page=page, wanted=wanted, choices=choices, following=following, files=files)


def _wanted(here: Mapping[str, str]) -> Wanted:
    """What an address looks for in the queue."""
    order, state = here.get("order", "stake"), here.get("state")
    return Wanted(
        here.get("decision") or None,
        here.get("grade") or None,
        here.get("reason") or None,
        here.get("customer") or None,
        cast(Order, order if order in ("stake", "risk", "score", "customer") else "stake"),
        cast(State, state) if state in ("open", "looked_at") else None,
    )


def _export(asked: Asked) -> Response:
    return export(asked, _wanted(asked.here))


def _load(asked: Asked) -> Response:
    desk = asked.desk
    log = desk.ledger.log(desk.dataset)
    told: list[dict[str, Any]] = []
    try:
        if overrides(log):
            study = desk.study
            found = monitored(overruled(study), study.dataset.info.known_until).to_dict("records")
            told = [{str(name): value for name, value in row.items()} for row in found]
    except CreditEvalError:  # people of a file, or data that are gone: nothing is known of what came of them
        told = []
    load = load_of(opinions(log), overrides(log), appeals(log), desk.looked())
    return html("load", asked, load=load, monitored=told)


def _report(asked: Asked) -> Response:
    """The static report of the run, as `credit-eval report` wrote it; nothing in it may run but its own style."""
    path, scored = asked.desk.report(asked.language), datetime.fromisoformat(str(asked.desk.run.manifest["finished"]))
    write = f"`credit-eval report {asked.desk.dataset}` writes it"
    try:
        text, at = path.read_text(encoding="utf-8"), datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        raise CohortError(f"no report of {asked.desk.label} in this language", expected=path.name, todo=write) from None
    if at.replace(tzinfo=None) < scored:
        raise CohortError(
            f"the report of {asked.desk.label} is of a run before this one",
            expected=f"written after {scored:%Y-%m-%d %H:%M} UTC",
            received=f"written on {at:%Y-%m-%d %H:%M}",
            todo=write,
        )
    rules = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    return HTMLResponse(text, headers={"Content-Security-Policy": rules})


def _customer(asked: Asked) -> Response:
    return _customer_page(asked, asked.here.get("id", ""))


def _customer_page(asked: Asked, customer: str, trouble: str = "", status: int = 200) -> Response:
    desk = asked.desk
    found = shown(
        desk.run.root,
        desk.profiles,
        desk.model,
        customer,
        asked.language,
        desk.others,
        personal=asked.who.may("personal"),
    )
    desk.write_down(asked.who, customer)
    log = desk.ledger.log(desk.dataset)
    return html(
        "customer",
        asked,
        status,
        customer=customer,
        found=found,
        before=history(desk.ledger, desk.dataset, customer, asked.language, desk.model.scale),
        opinions=opinions(log, customer),
        overrides=overrides(log, customer),
        appeals=appeals(log, customer),
        final=FINAL,
        letters=[desk.lender is not None and adverse(one.row) for one in found],
        now=utc_now(),
        problem=trouble,
    )


def _background(asked: Asked) -> Response:
    desk, customer = asked.desk, asked.here.get("id", "")
    rows = decided(desk.run.root, desk.profiles, customer)
    profiles = profile_of(desk.run.root, desk.profiles, customer).to_pandas()
    desk.write_down(asked.who, customer)
    found = [_behind(asked, one, profiles.iloc[[place]]) for place, one in enumerate(rows)]
    return html("background", asked, customer=customer, found=found)


def _behind(asked: Asked, one: Decided, profile: pd.DataFrame) -> dict[str, Any]:
    """What stands behind a decision; where a part cannot be told, why not."""
    desk, language, currency = asked.desk, asked.language, str(one.manifest["currency"])
    row = in_language(one, language).row
    declared, personal = desk.run.profiles(desk.profiles).catalogue, asked.who.may("personal")
    with ThreadPoolExecutor(1) as beside:
        alike = beside.submit(similar, desk.run, one)
        said = _of_the_data(asked, one, profile)
    return said | {
        "row": row,
        "decision": DECISIONS[row["decision"]].name.in_(language),
        "limits": limits(row["limit_previous"], row["limit_new"], currency, language),
        "similar": alike.result(),
        "unread": unread(declared, profile, desk.model.used, currency, language) if personal else [],
    }


def _of_the_data(asked: Asked, one: Decided, profile: pd.DataFrame) -> dict[str, Any]:
    """The policy's path and the events, which are asked of the data set at the same time."""
    desk, language, manifest = asked.desk, asked.language, one.manifest
    who, as_of = str(one.row["customer_id"]), one.row["as_of"]
    try:
        study = desk.study
    except CreditEvalError as error:
        return {"path": None, "no_path": error.problem, "events": [], "no_events": error.problem}
    said: dict[str, Any] = {"path": None, "no_path": "", "events": [], "no_events": ""}
    with ThreadPoolExecutor(1) as beside:
        told = (study, who, as_of, str(manifest["currency"]), language, manifest["jurisdiction"])
        happened = beside.submit(events, *told) if asked.who.may("personal") else None
        try:
            said["path"] = policy_path(study, desk.run, desk.model, one, profile, language)
        except CreditEvalError as error:
            said["no_path"] = error.problem
        try:
            said["events"] = happened.result() if happened else []
        except CreditEvalError as error:
            said["no_events"] = error.problem
    return said


def _waiting(asked: Asked) -> Response:
    return _waiting_page(asked)


def _waiting_page(asked: Asked, trouble: str = "", status: int = 200) -> Response:
    log = asked.desk.ledger.log(asked.desk.dataset)
    said = overrides(log)
    day = asked.desk.label.partition("as_of=")[2]
    return html(
        "waiting",
        asked,
        status,
        waiting=[one for one in said if one.state == WAITS],
        holding=[one for one in said if one.state == HOLDS and one.until >= day],
        open_appeals=[one for one in appeals(log) if not one.verdict],
        now=utc_now(),
        problem=trouble,
    )


def _views(asked: Asked) -> Response:
    wanted = asked.here.get("customer", "")
    looked = [one for one in asked.desk.looked() if not wanted or wanted in (one["customer"], one["who"])]
    asked.desk.write_down(asked.who, wanted, "views")
    return html("views", asked, looked=looked[:_MOST_VIEWS], total=len(looked), wanted=wanted)


_FILTERS = ("decision", "grade", "reason", "customer", "order", "state")
PAGES: tuple[Address[Response], ...] = (
    Address("/", "look", (*_FILTERS, "after"), _queue, "the queue"),
    Address("/customer", "look", ("id",), _customer, "a customer"),
    Address("/background", "look", ("id",), _background, "what stands behind the decision on a customer"),
    Address("/waiting", "look", (), _waiting, "overrides and appeals that wait"),
    Address("/reviewers", "load", (), _load, "reviewers' load and agreement"),
    Address("/report", "personal", (), _report, "the static report of the run"),
    Address("/letter", "personal", ("id", "n"), letter, "the letter of an adverse decision"),
    Address("/export", "export", ("what", "format", *_FILTERS), _export, "a file of the queue, or of what was said"),
    Address("/views", "audit", ("customer",), _views, "who looked at whom"),
)
_TEMPLATES = environment(_HERE)
_TEMPLATES.filters["visible"] = lambda text: visible(str(text))
_TEMPLATES.filters["moved"] = lambda value, digits: f"{value:+.{digits}f}" if abs(value) >= 0.5 * 10**-digits else "0"
