"""One decision as a person reads it: what, how risky, why, and the profile behind it, beside what is typical.

It reads what a run left and works nothing out anew, so it takes no longer of a million customers than of ten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from credit_eval.core.errors import SourceError
from credit_eval.core.files import is_building
from credit_eval.core.runs import Run
from credit_eval.language.feature import Dimension
from credit_eval.language.words import Language, Text, columns
from credit_eval.policy.decide import ADVERSE
from credit_eval.policy.facts import as_facts, helps, money, told
from credit_eval.policy.words import CONSTRAINTS, DECISIONS
from credit_eval.scoring.lookup import Decided, Seen
from credit_eval.scoring.sealed import open_scored

Tell = Callable[..., None]
#: Contributions smaller than this, in log-odds, are told as none.
NOTHING = 0.005


def latest_run(all_scored: Path) -> Run:
    """The run scored last of a data set's own customers.

    Args:
        all_scored: directory of its scored runs.

    Returns:
        by the time at which scoring finished.

    Raises:
        SourceError: nothing is scored yet.
    """
    found = (path for path in all_scored.glob("*/manifest.json") if not is_building(path.parent))
    manifests = [path for path in found if not path.parent.name.startswith("file=")]
    if not manifests:
        name = all_scored.name
        raise SourceError(f"nothing is scored of {name} yet", todo=f"run `credit-eval score {name}` first")
    return Run.read(max(manifests, key=_finished).parent.name)


def _finished(manifest: Path) -> str:
    return str(open_scored(manifest.parent).manifest["finished"])


def as_json(found: Decided) -> dict[str, Any]:
    """A decision for programs: the scored row, and per feature its value, what is typical, and its contribution."""
    profile = {
        one.feature.name: {"value": one.value, "typical": one.typical.value, "contribution": one.contribution}
        for one in found.seen
    }
    return found.row | {"profile": profile}


def in_language(found: Decided, language: Language) -> Decided:
    """A decision whose reasons, the model's and the policy's, are told in a language.

    Args:
        found: a decision.
        language: "en" or "zh".

    Returns:
        the same decision.

    Raises:
        PolicyError: a rule of the policy decided that has no words in this language.
    """
    facts, currency = as_facts(found.row["policy_facts"]), found.manifest["currency"]
    row = found.row | {"policy_reason": told(facts, currency, language)}
    return replace(found, row=row | (_reasons(found, language) if row["reason_code_1"] else {}))


def _reasons(found: Decided, language: Language) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    from credit_eval.explain.reasons import reason_codes

    told = reason_codes(
        np.array([[one.contribution for one in found.seen]]),
        pd.DataFrame({one.feature.name: [one.value] for one in found.seen}),
        [one.feature for one in found.seen],
        {one.feature.name: one.typical for one in found.seen},
        currency=found.manifest["currency"],
        language=language,
    )
    return {str(name): text for name, text in told.iloc[0].items()}


_HEAD = Text(
    "{customer} of {dataset} as of {as_of} UTC, model {model}, policy {policy}",
    "客户{customer}，数据集{dataset}，观察时点{as_of}（UTC），模型{model}，政策{policy}",
)
_BY = Text(
    "decided by {by}; p_default {p:.3f}, score {score}, grade {grade}",
    "决定因素：{by}；违约概率{p:.3f}，评分{score}，等级{grade}",
)
_NO_LINE, _NO_PLANS = Text("no limit", "无额度"), Text(", no new instalments", "，不可新增分期")
_PLANS, _RATE = Text(", up to {n} instalments", "，最多分{n}期"), Text(", {rate:.1%} a year", "，年利率{rate:.1%}")
_WHY = Text("what raised the risk:", "提高风险的因素：")
_NONE = Text(
    "no reasons of the model: a rule decided, or nothing raised the risk",
    "没有模型原因：由规则决定，或没有提高风险的因素",
)
_HELPS = Text("what would help: ", "改善建议：")
_SIDES = Text(
    "\nthe five sides, and by how much each moved the log-odds of default (+ raises the risk):",
    "\n五个维度对违约对数几率的影响（正数提高风险）：",
)
_PROFILE = Text("\nthe profile behind it:", "\n客户画像：")
_REST = Text("and {n} that moved it by less than {least}: --all", "另有{n}项影响小于{least}：--all")
_STOP = Text("; ", "；")


def tell_decision(found: Decided, tell: Tell, language: Language = "en", *, everything: bool = False) -> None:
    """Print a decision for a person.

    Args:
        found: a decision, its reasons told in `language` (`in_language`).
        tell: prints a line.
        language: of everything else.
        everything: also the features that moved the score by next to nothing.
    """
    row, manifest = found.row, found.manifest
    keys = {"model": row["model_version"], "policy": row["policy_version"], "as_of": f"{row['as_of']:%Y-%m-%d %H:%M}"}
    named = {"customer": row["customer_id"], "dataset": manifest["dataset"]}
    tell((_HEAD.in_(language).format(**keys, **named), "bold"))
    name = DECISIONS[row["decision"]].name.in_(language)
    tell((f"  {name}", "bold"), f"  {_limits(row, manifest['currency'], language)}")
    tell(f"  {row['policy_reason']}")
    by = CONSTRAINTS[row["decided_by"]].in_(language)
    told = _BY.in_(language).format(by=by, p=row["p_default"], score=row["score"], grade=row["grade"])
    tell(f"  {told}")
    _tell_reasons(row, tell, language)
    _tell_sides(found, tell, language)
    tell(_PROFILE.in_(language))
    _tell_profile(found, tell, language, everything=everything)


def adverse(row: dict[str, Any]) -> bool:
    """Whether a scored row takes credit away or refuses it, or makes it dearer."""
    before = row["apr_previous"]
    return row["decision"] in ADVERSE or (before is not None and row["apr"] > before)


def _tell_reasons(row: dict[str, Any], tell: Tell, language: Language) -> None:
    reasons = [(row[f"reason_code_{n}"], row[f"reason_text_{n}"]) for n in range(1, 5) if row[f"reason_code_{n}"]]
    tell(f"  {(_WHY if reasons else _NONE).in_(language)}")
    for n, (code, text) in enumerate(reasons, 1):
        tell(f"    {n}. {text}  ", (str(code), "dim"))
    codes = [code for code, _ in reasons]
    helpful = helps(as_facts(row["policy_facts"]), codes, language) if adverse(row) else []
    if helpful:
        tell(f"  {_HELPS.in_(language)}{_STOP.in_(language).join(helpful)}")


def _tell_sides(found: Decided, tell: Tell, language: Language) -> None:
    tell(_SIDES.in_(language))
    for dimension in Dimension:
        mine = [one.contribution for one in found.seen if one.feature.dimension == dimension]
        if mine:
            tell(f"  {sum(mine):>+6.2f}  {dimension.in_words(language)}")


def _tell_profile(found: Decided, tell: Tell, language: Language, *, everything: bool) -> None:
    told = [one for one in found.seen if everything or abs(one.contribution) >= NOTHING]
    for dimension in Dimension:
        mine = [one for one in told if one.feature.dimension == dimension]
        if mine:
            tell((f"  {dimension.in_words(language)}", "bold"))
        for one in mine:
            tell(_line(one, found.manifest["currency"], language))
    if len(told) < len(found.seen):
        rest = _REST.in_(language).format(n=len(found.seen) - len(told), least=NOTHING)
        tell((f"  {rest}", "dim"))


def _limits(row: dict[str, Any], currency: str, language: Language) -> str:
    before = row["limit_previous"]
    was = _NO_LINE.in_(language) if before is None else money(before, language=language)
    n = row["max_installments"]
    plans = (_PLANS.in_(language).format(n=n)) if n else _NO_PLANS.in_(language)
    return f"{was} -> {money(row['limit_new'], currency, language)}{_RATE.in_(language).format(rate=row['apr'])}{plans}"


def _line(one: Seen, currency: str, language: Language) -> str:
    """By how much it moved the log-odds (+ raises the risk), title, value, and what is typical."""
    feature = one.feature
    moved = f"{one.contribution:+.2f}" if abs(one.contribution) >= NOTHING else ""
    value, usual = feature.show(one.value, currency, language), feature.usual(one.typical, currency, language)
    title = feature.title_in(language)
    return f"  {moved:>6}  {title}{' ' * (64 - columns(title))} {' ' * (16 - columns(value))}{value}   {usual}"
