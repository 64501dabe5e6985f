"""A letter for each adverse decision: what was decided, why, what could help, and what the customer may do.

Where the score decided the reasons are the model's, facts about the customer; where a rule did, the rule in a
customer's words. That a probability was above a threshold, or a budget used up, never stands in a letter: an internal
standard is no reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from credit_eval.core.errors import CohortError, IntegrityError, PolicyError
from credit_eval.core.files import atomic_file
from credit_eval.language.words import Language, Text
from credit_eval.policy.decide import BY_SCORE
from credit_eval.policy.facts import Fact, as_facts, days, helps, money
from credit_eval.policy.words import WHY
from credit_eval.report.letter_words import DECIDED, RIGHTS, RIGHTS_BY_PERSON, RULES, WORDS
from credit_eval.report.page import environment
from credit_eval.scoring.sealed import open_scored
from credit_eval.scoring.telling import adverse_decisions

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Lender:
    """Who writes: name, postal address, how a customer reaches a person, and the authority that a letter names."""

    name: str
    address: str
    contact: str
    supervisor: str


@dataclass(frozen=True)
class Letter:
    """A letter as HTML, one page that prints. `said`: what was decided, `reasons`: why, as it stands in it."""

    customer_id: str
    html: str
    said: tuple[str, ...]
    reasons: tuple[str, ...]


def letters(
    scored: Path, profiles: Path, lender: Lender, *, language: Language | None = None, customer: str | None = None
) -> Iterator[Letter]:
    """Letters of a scored run.

    Args:
        scored: directory of the run.
        profiles: of the profiles that were scored, from which reasons are told in another language than the run's.
        lender: who writes.
        language: of the letters; None: that of the run.
        customer: None: everybody whose decision is adverse, but for those who stay restricted as they were.

    Yields:
        a letter per adverse decision, in the order of the file.

    Raises:
        SourceError: nothing is scored there.
        CohortError: the customer is not in the run, or nothing adverse was decided.
        PolicyError: no letter is written for the jurisdiction, or a rule has no words in the language.
        IntegrityError: the run's files were changed, or a decision has no reason that may be told.
    """
    run = open_scored(scored)
    manifest = run.manifest
    check_letters(manifest["jurisdiction"])
    run.check()
    chosen: Language = language or manifest["language"]
    template, n = environment().get_template("letter.html.j2"), 0
    for row in adverse_decisions(scored, profiles, chosen, customer):
        if customer is None and _nothing_new(row):
            continue
        n += 1
        yield _letter(row, manifest, lender, chosen, template)
    if not n:
        raise CohortError(
            f"no letter is due in {scored.name} of {scored.parent.name}",
            expected="an adverse decision: restrict, decline, reduce or a dearer rate",
            received="another" if customer else "none",
            rows=[customer] if customer else [],
        )


def write_letters(found: Iterator[Letter], folder: Path) -> int:
    """Write letters below a folder, one file a customer, named by a quoted id; returns how many.

    Raises:
        StorageError: the disk refused.
    """
    n = 0
    for letter in found:
        with atomic_file(folder / letter_name(letter.customer_id)) as path:
            path.write_text(letter.html, encoding="utf-8")
        n += 1
    return n


def letter_name(customer: str) -> str:
    """The file of a customer's letter, whatever their id is made of.

    >>> letter_name("C0000039"), letter_name("../x y")
    ('C0000039.html', '..%2Fx%20y.html')
    """
    return f"{quote(customer, safe='')[:200]}.html"


def check_letters(jurisdiction: str) -> None:
    """Refuse a jurisdiction for which no letter is written.

    Raises:
        PolicyError: it is none of those.
    """
    if jurisdiction not in RIGHTS:
        raise PolicyError(
            "no letter is written for this jurisdiction",
            expected="one of " + ", ".join(RIGHTS),
            received=jurisdiction,
            todo="say where the customers live (`jurisdiction` of the data set in settings.yaml), and score again",
        )


def _letter(row: Row, manifest: Mapping[str, Any], lender: Lender, language: Language, template: Any) -> Letter:
    currency, facts = manifest["currency"], as_facts(row["policy_facts"])
    said, reasons = tuple(_said(row, facts, currency, language)), tuple(_reasons(row, facts, language))
    if not reasons:
        raise IntegrityError(
            "an adverse decision has no reason that may be told to the customer",
            expected="a reason of the model, or a rule in a customer's words",
            received=f"decided by {row['decided_by']}",
            rows=[str(row["customer_id"])],
        )
    codes = [row[f"reason_code_{n}"] for n in range(1, 5) if row[f"reason_code_{n}"]]
    rule = tuple(_rule(row, facts, language))
    rights = [
        text.in_(language).format(supervisor=lender.supervisor) for text in _rights(row, manifest["jurisdiction"])
    ]
    page = template.render(
        language=language,
        words={name: text.in_(language) for name, text in WORDS.items()},
        lender=lender,
        row=row,
        date=_date(row, language),
        reference=f"{manifest['dataset']} {manifest['cohort']} · {row['model_version']} · {row['policy_version']}",
        said=said,
        rule=rule,
        facts=reasons[len(rule) :],
        lead=WORDS["by_score" if row["decided_by"] == BY_SCORE else "rate_by_score"].in_(language),
        helps=helps(facts, codes, language),
        rights=rights,
    )
    return Letter(str(row["customer_id"]), page, said, reasons)


def _rights(row: Row, jurisdiction: str) -> tuple[Text, ...]:
    """What the customer may do; where a person set the limit, it is not said that a computer did."""
    first, *others = RIGHTS[jurisdiction]
    by_person = row["limit_bound_by"] in ("override", "override_stop")
    return (RIGHTS_BY_PERSON.get(jurisdiction, first) if by_person else first, *others)


def _nothing_new(row: Row) -> bool:
    """Whether somebody stays restricted as they were, of which they were told."""
    same = row["limit_new"] == row["limit_previous"] and not _dearer(row)
    return row["limit_bound_by"] == "still_restricted" and same


def _dearer(row: Row) -> bool:
    return row["apr_previous"] is not None and row["apr"] > row["apr_previous"]


def _said(row: Row, facts: tuple[Fact, ...], currency: str, language: Language) -> Iterator[str]:
    """What was decided, sentence by sentence."""
    values = {name: value for fact in facts for name, value in fact.values.items()}
    shown = {"limit": money(row["limit_new"], currency, language)}
    if row["limit_previous"] is not None:
        shown["previous"] = money(row["limit_previous"], currency, language)
    asked = values.get("asked")
    if isinstance(asked, float):
        shown["asked"] = money(asked, currency, language)
    code = _decision(row, shown)
    if code is not None:
        yield DECIDED[code].in_(language).format(**shown)
        if any(fact.code == "owed" for fact in facts) and row["limit_new"] > 0:
            yield DECIDED["owed"].in_(language)
    if _dearer(row):
        rates = {"before": f"{row['apr_previous']:.1%}", "rate": f"{row['apr']:.1%}"}
        yield DECIDED["dearer"].in_(language).format(**rates)


def _decision(row: Row, shown: Mapping[str, str]) -> str | None:
    """The words' name of what was decided; None where the rate alone is adverse."""
    match row["decision"]:
        case "decline":
            return "decline_loan" if "asked" in shown else "decline"
        case "reduce":
            return "offer" if "asked" in shown else "reduce"
        case "restrict":
            return "restrict_kept" if row["limit_new"] == row["limit_previous"] else "restrict"
        case _:
            return None


def _reasons(row: Row, facts: tuple[Fact, ...], language: Language) -> Iterator[str]:
    """The rule that decided, if one did; and facts, where the score decided or made credit dearer."""
    yield from _rule(row, facts, language)
    yield from (row[f"reason_text_{n}"] for n in range(1, 5) if row[f"reason_code_{n}"])


def _rule(row: Row, facts: tuple[Fact, ...], language: Language) -> Iterator[str]:
    if row["decided_by"] in RULES:
        values = {name: value for fact in facts for name, value in fact.values.items()}
        told = {"because": _because(values, language), "wait": _wait(values, language)}
        told |= {"until": str(values.get("until", "")), "why": _why(values, language)}
        yield RULES[row["decided_by"]].in_(language).format(**told)


def _because(values: Mapping[str, Any], language: Language) -> str:
    text = str(values.get("because_zh" if language == "zh" else "because") or "")
    return text[:1].upper() + text[1:]


def _why(values: Mapping[str, Any], language: Language) -> str:
    """Why a person decided."""
    return WHY[str(values["why"])].in_(language) if "why" in values else ""


def _wait(values: Mapping[str, Any], language: Language) -> str:
    return days(float(values.get("wait") or 0.0), language)


def _date(row: Row, language: Language) -> str:
    when = row["as_of"]
    return f"{when.year}年{when.month}月{when.day}日" if language == "zh" else f"{when.day} {when:%B %Y}"
