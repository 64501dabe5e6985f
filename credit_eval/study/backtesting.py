"""Past observations of a study, as policies look at them, with what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from credit_eval.core.errors import DeclarationError, PolicyError
from credit_eval.core.statistics import Interval
from credit_eval.language.catalogue import Catalogue, Provided
from credit_eval.models.record import judging
from credit_eval.policy.backtest import Backtest, Outcome, backtest
from credit_eval.policy.decide import grade_of
from credit_eval.policy.overruled import COLUMNS as OVERRULED
from credit_eval.policy.settings import Policy
from credit_eval.schema.store import TRAINING_COHORT
from credit_eval.study.study import Study

_KEYS = ["customer_id", "as_of"]


def backtested(
    study: Study, policies: Sequence[Policy], *, every_month: bool = False, by: Sequence[str] = ()
) -> Backtest:
    """Two policies on the observations that judged the champion, whose windows have ended.

    Args:
        study: whose champion's judged rows, and whose events.
        policies: two; amounts in the currency of the data set.
        every_month: also the months that taught, each customer by trees of another fold; without, those out of time
            where there are such.
        by: features of few categories, such as customers_region_last, each of which makes segments, beside arrears, the
            first policy's grades and months.

    Returns:
        both side by side.

    Raises:
        DeclarationError: no such feature, or none that has categories.
        PolicyError: a policy in another currency, or what is owed or asked for is unknown.
        SourceError: there is no champion, or it kept nothing.
        SampleError: too few bads or goods.
    """
    for policy in policies:
        if policy.currency not in (None, study.dataset.info.currency):
            raise PolicyError(
                f"the amounts of policy {policy.name} are in another currency than those of data set {study.name}",
                expected=study.dataset.info.currency,
                received=policy.currency,
                todo="write it in the currency of the data set",
            )
    judged = study.judged()
    rows = judged if every_month else judging(judged)
    for name in by:
        if study.catalogue[name].value_type != "category":
            raise DeclarationError(f"{name} has no categories", expected="a category", received="a number")
    profiles = _looked_at(study, rows, policies, by)
    inputs = [_without_people(study.inputs(profiles["p_default"], profiles, policy)) for policy in policies]
    segments = _segments(profiles, inputs[0], policies[0], by)
    return backtest(policies, inputs, profiles["defaulted"], [study.losses(policy) for policy in policies], segments)


def _without_people(inputs: pd.DataFrame) -> pd.DataFrame:
    """What the policies look at, without what people decided over one of them: it is the policies that are compared."""
    return inputs.drop(columns=[name for name in OVERRULED if name in inputs])


def _segments(
    profiles: pd.DataFrame, inputs: pd.DataFrame, policy: Policy, by: Sequence[str]
) -> dict[str, list[object]]:
    """By arrears, grade and month, and by categories."""
    months = profiles["as_of"].dt.strftime("%Y-%m")
    late = inputs["days_past_due"].to_numpy() > 0
    found: dict[str, list[object]] = {
        "arrears": np.where(late, "something late", "nothing late").tolist(),
        "grade": grade_of(inputs["p_default"], policy).tolist(),
    }
    if months.nunique() > 1:
        found["month"] = months.tolist()
    return found | {name: profiles[name].astype("object").fillna("not recorded").tolist() for name in by}


def _looked_at(study: Study, rows: pd.DataFrame, policies: Sequence[Policy], by: Sequence[str] = ()) -> pd.DataFrame:
    """Rows with the few features that policies look at: those that play a role, and those that rules name."""
    named = set(study.catalogue.roles.values()).union(by, *(policy.columns for policy in policies))
    kept = Catalogue(tuple(feature for feature in study.catalogue.features if feature.name in named))
    few = replace(study, provided=Provided(kept, study.provided.absent), own_catalogue=True)
    told = rows[[*_KEYS, "defaulted", "p_default"]]
    if kept.features:
        told = told.merge(few.observe(rows[_KEYS]), on=_KEYS, validate="1:1")
    if TRAINING_COHORT in study.dataset.cohorts:
        cohort = pd.read_parquet(study.dataset.cohort_path(TRAINING_COHORT))
        if "amount" in cohort:
            told = told.merge(cohort[[*_KEYS, "amount"]], on=_KEYS, how="left", validate="1:1")
    return told


def tell_backtest(found: Backtest, currency: str, tell: Callable[..., None]) -> None:
    """Print both policies, their differences, the swap set, harder times, and the rule on p_default alone."""
    first = found.outcomes[0]
    tell(f"{first.n:,} observations, {first.bads:,} of which defaulted ({_share(first.rate_of_all)}); AUC {found.auc}")
    for outcome in found.outcomes:
        _tell_outcome(outcome, currency, tell)
    tell(f"the second beside the first: default rate of who is not stopped {_points(found.rate_difference)}")
    tell(f"  realised loss {_money(found.loss_difference, currency)}")
    if found.profit_difference:
        tell(f"  realised profit {_money(found.profit_difference, currency)}")
    _tell_segments(found, tell)
    for swap in found.swaps:
        rate = f"{swap.bads / swap.n:.1%}" if swap.n else "none"
        tell(f"  stopped by {swap.who:<17} {swap.n:>9,}, default rate {rate}")
    for harder in found.harder:
        tell(
            f"were {harder.factor:g} times as many expected to default: {harder.policy} stops {harder.stopped:.1%}, "
            f"{harder.rate:.1%} of the others default (of all {harder.rate_of_all:.1%})"
        )
    tell("the rule on p_default alone:")
    for point in found.frontier:
        per_bad = "" if point.goods_per_bad is None else f", {point.goods_per_bad:.1f} goods for each bad"
        tell(
            f"  above {point.threshold:.2f}: stops {point.stopped:.1%}; default rate of the others {_cut(point.cut)}; "
            f"such a base rate and AUC give {-point.expected_cut:+.1%}{per_bad}"
        )


def _tell_segments(found: Backtest, tell: Callable[..., None]) -> None:
    """Both policies by segment, in one line each."""
    tell("by segment: observations, default rate; each policy stops, and the default rate of the others")
    pairs = zip(found.segments[::2], found.segments[1::2], strict=True)
    for first, second in pairs:
        both = "; ".join(f"{_or_few(one.stopped)}, {_or_few(one.rate)}" for one in (first, second))
        tell(f"  {first.by} {first.name:<16} {first.n:>9,} {first.bads / first.n:>6.1%}; {both}")


def _or_few(found: Interval | None) -> str:
    return "too few" if found is None else _share(found)


def _tell_outcome(outcome: Outcome, currency: str, tell: Callable[..., None]) -> None:
    tell((outcome.policy, "bold"))
    per_bad = "" if outcome.goods_per_bad is None else f", {outcome.goods_per_bad:.1f} goods for each bad"
    tell(f"  stops {_share(outcome.stopped)}, of the bads {_share(outcome.bads_stopped)}{per_bad}")
    tell(f"  default rate of the others {_share(outcome.rate)}: {_cut(outcome.cut)}")
    tell(f"  limits {outcome.limits:,.0f} {currency}, realised loss {_money(outcome.loss, currency)}")
    tell(f"  (expected {outcome.expected_loss:,.0f})")
    if outcome.profit:
        tell(f"  realised profit {_money(outcome.profit, currency)}")


def _share(found: Interval) -> str:
    return f"{found.value:.1%} [{max(found.low, 0):.1%}, {min(found.high, 1):.1%}]"  # no share lies outside


def _cut(found: Interval) -> str:
    return f"{-found.value:+.1%} [{-found.high:+.1%}, {-found.low:+.1%}] against everybody's"


def _points(found: Interval) -> str:
    return f"{100 * found.value:+.2f} [{100 * found.low:+.2f}, {100 * found.high:+.2f}] points"


def _money(found: Interval, currency: str) -> str:
    return f"{found.value:,.0f} [{found.low:,.0f}, {found.high:,.0f}] {currency}"
