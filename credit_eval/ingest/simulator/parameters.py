"""Every number the simulated world is made of, with its unit and the reason for it.

`docs/simulator.md` prints this table; a test holds the two together.

>>> Parameters().persistence
0.8
>>> print(markdown().splitlines()[2])
| `share_before_start` | 0.62 | share | customers registered before the data begin; a grown platform |
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields


def _is(value: float, unit: str, reason: str) -> float:
    declared: float = field(default=value, metadata={"unit": unit, "reason": reason})
    return declared


@dataclass(frozen=True)
class Parameters:
    """The world's constants. Latents have mean 0 and standard deviation 1, so slopes are per standard deviation."""

    # Who is there, and since when
    share_before_start: float = _is(0.62, "share", "customers registered before the data begin; a grown platform")
    tenure_before_days: float = _is(900, "days", "the oldest registration before the data begin")
    income_median: float = _is(5200, "money/month", "scale of incomes, orders and limits")
    income_sd: float = _is(0.55, "log money", "spread of incomes: the 90th percentile earns 4.1 times the 10th")
    share_opening: float = _is(0.86, "share", "customers who ever open a credit line")
    opening_delay_days: float = _is(50, "days", "mean time from registration to the line (exponential)")
    limit_share: float = _is(0.45, "months of income", "first limit on the line; the lender sees income with noise")
    limit_noise: float = _is(0.35, "log money", "error of the lender's estimate of income")

    # What moves from month to month
    persistence: float = _is(0.8, "per month", "autocorrelation of liquidity and appetite: half-life three months")
    job_loss: float = _is(0.009, "per month", "hazard of losing the job at mean stability")
    job_loss_stability: float = _is(-0.6, "log hazard", "the unstable lose jobs more often")
    job_found: float = _is(0.22, "per month", "hazard of finding work again: 4.5 months without on average")

    # Ability to pay: capacity, stability, impulsiveness, liquidity, appetite, lost job
    ability_capacity: float = _is(0.45, "ability", "income helps, yet the rich overspend too")
    ability_stability: float = _is(0.35, "ability", "order in one's life is order in one's money")
    ability_impulsiveness: float = _is(-0.40, "ability", "money spent before the bill comes")
    ability_liquidity: float = _is(0.95, "ability", "this month's purse: the largest mover")
    ability_appetite: float = _is(-0.40, "ability", "months of buying are followed by bills")
    ability_job_loss: float = _is(-2.2, "ability", "a lost job weighs more than two standard deviations of liquidity")

    # Missing a due date, and making up for it
    cannot_level: float = _is(-2.35, "log odds", "missing at mean ability for want of money")
    cannot_slope: float = _is(-0.8, "log odds", "effect of ability on missing")
    will_not_level: float = _is(-2.9, "log odds", "missing at mean willingness for want of will")
    will_not_slope: float = _is(-0.85, "log odds", "effect of willingness on missing")
    cure_level: float = _is(-0.7, "log odds", "making up for arrears in one of the month's three windows")
    cure_ability: float = _is(0.4, "log odds", "effect of ability on making up")
    cure_willingness: float = _is(0.3, "log odds", "effect of willingness on making up")
    forgetful_level: float = _is(-2.2, "log odds", "paying a few days late without being in trouble")
    forgetful_impulsiveness: float = _is(0.55, "log odds", "the impulsive forget; it says little about default")
    recovery: float = _is(0.10, "per month", "hazard of paying in collections after default")

    # The line
    bnpl_level: float = _is(0.6, "log odds", "choosing the line for an order, where it may be used")
    bnpl_impulsiveness: float = _is(0.45, "log odds", "later is a comfort to the impulsive")
    bnpl_capacity: float = _is(-0.25, "log odds", "the well-off pay at once more often")
    limit_raise: float = _is(0.04, "per month", "raise of the limit of an account in order")
    limit_cut: float = _is(0.15, "per month", "cut of the limit of an account in arrears")

    # Orders
    order_rate: float = _is(0.8, "per month", "orders of the median customer")
    order_activity: float = _is(0.35, "log rate", "customers differ in activity for no reason of credit")
    order_capacity: float = _is(0.20, "log rate", "income buys")
    order_impulsiveness: float = _is(0.25, "log rate", "impulse buys")
    order_appetite: float = _is(
        0.25, "log rate", "last month's appetite, so that a month's rate is known when it begins"
    )
    order_liquidity: float = _is(0.12, "log rate", "last month's purse")
    order_job_loss: float = _is(-0.35, "log rate", "without a job one buys less")
    order_median: float = _is(130, "money", "median order at mean capacity, before its category's factor")
    order_spread: float = _is(0.75, "log money", "spread of one customer's orders within a category")
    growth: float = _is(0.008, "per month", "growth of activity on the platform")
    season: float = _is(1.20, "factor", "November and December")

    # What is seen of it elsewhere
    funds_level: float = _is(-3.1, "log odds", "an attempt to pay fails for want of funds at mean ability")
    funds_ability: float = _is(-0.9, "log odds", "effect of this month's ability on it")
    session_rate: float = _is(1.0, "per month", "browsing sessions without an order")
    credit_page_level: float = _is(-3.3, "log odds", "a page event is a look at the credit page")
    credit_page_ability: float = _is(-0.5, "log odds", "the short of money look more often")
    late_known: float = _is(0.02, "share", "payments and account events that reach the lender hours to days later")


def markdown() -> str:
    """The parameters as a Markdown table: name, value, unit, reason."""
    rows = [
        f"| `{f.name}` | {f.default:g} | {f.metadata['unit']} | {f.metadata['reason']} |" for f in fields(Parameters)
    ]
    return "\n".join(["| parameter | value | unit | reason |", "|---|---|---|---|", *rows])
