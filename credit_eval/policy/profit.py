"""What a limit is expected to earn and to cost within the window that p_default is of.

A customer owes B of a limit L. Until the window ends

    U(L) = B + min(use * (L - B), demand)       is expected to be owed on average,
    revenue = (1 - p) * (apr - funding_rate) * U(L) * window / 365,
    EL      = p * LGD * EAD(L),  EAD(L) = B + CCF * (L - B),
    profit  = revenue - EL - operating_cost * window / 365.

Whoever defaults is taken to pay no interest. `demand` is `demand_months` of capacity, and what `use` makes of the
thin-file cap at least. Up to B + demand / use another unit of limit earns (1 - p)(apr - funding) use T and costs p *
LGD * CCF, beyond it only costs; so the profit is concave, and the best limit is where it stops rising: B + demand /
use, or B where it never rises. A loan is drawn whole: use and CCF are 1.

A riskier customer never gets more: a grade whose own worst p_default earns nothing on the next unit stops the grades
below it too, however dear they are. Source of the form: Trench et al., Managing a portfolio of credit cards,
Interfaces 33 (2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from credit_eval.policy.losses import Losses
from credit_eval.policy.pricing import rates
from credit_eval.policy.settings import Policy, Profit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Book:
    """What the profit of n customers depends on: arrays (n,), money in currency units; `loan`: drawn whole."""

    p: Floats
    grade: Ints
    balance: Floats
    capacity: Floats
    loan: npt.NDArray[np.bool_]


def expected_loss(book: Book, limit: Floats, losses: Losses) -> Floats:
    """p * LGD * EAD of a limit, or of a loan beside what is owed already."""
    return book.p * losses.lgd * exposure(book, limit, losses)


def exposure(book: Book, limit: Floats, losses: Losses) -> Floats:
    """EAD of a limit, or of a loan beside what is owed already."""
    return np.where(book.loan, book.balance + limit, losses.exposure(book.balance, limit))


def revenue(book: Book, limit: Floats, rate: Floats, policy: Policy, losses: Losses) -> Floats:
    """What a limit is expected to earn within the window, funding paid; NaN where the policy says nothing of it."""
    said = policy.profit
    if said is None:
        return np.full(len(book.p), np.nan)
    years = losses.window_days / 365
    free = np.maximum(limit - book.balance, 0.0)
    drawn = np.where(book.loan, limit, np.minimum(said.use * free, _demand(book, policy, said)))
    return (1 - book.p) * (rate - said.funding_rate) * (book.balance + drawn) * years


def profit_at(book: Book, limit: Floats, policy: Policy, losses: Losses, rate: Floats | None = None) -> Floats:
    """Expected profit of a limit within the window, in currency units; NaN where the policy says nothing of profit.

    `rate`: a year; None: the policy's.
    """
    if policy.profit is None:
        return np.full(len(book.p), np.nan)
    asked = rates(book.p, book.grade, policy, losses) if rate is None else rate
    years = losses.window_days / 365
    earning, cost = revenue(book, limit, asked, policy, losses), policy.money(policy.profit.operating_cost) * years
    return earning - expected_loss(book, limit, losses) - np.where(limit > 0, cost, 0.0)


def most_profitable(book: Book, policy: Policy, losses: Losses) -> Floats:
    """The limit beyond which the expected profit no longer rises; without bound where nothing is said of profit."""
    said = policy.profit
    if said is None:
        return np.full(len(book.p), np.inf)
    earns = _earns(book.p, rates(book.p, book.grade, policy, losses), book.loan, said, losses) & _safer_grades_earn(
        book, policy, said, losses
    )
    reach = np.where(book.loan, np.inf, book.balance + _demand(book, policy, said) / said.use)
    return np.where(earns, reach, np.where(book.loan, 0.0, book.balance))


def margin(p: float, apr: float, said: Profit, losses: Losses) -> float:
    """What another unit of limit earns within the window, less what it loses; per unit."""
    earning = (1 - p) * (apr - said.funding_rate) * said.use * losses.window_days / 365
    return earning - p * losses.lgd * losses.ccf


def _earns(p: Floats, apr: Floats, loan: npt.NDArray[np.bool_], said: Profit, losses: Losses) -> npt.NDArray[np.bool_]:
    use, ccf = np.where(loan, 1.0, said.use), np.where(loan, 1.0, losses.ccf)
    earning = (1 - p) * (apr - said.funding_rate) * use * losses.window_days / 365
    found: npt.NDArray[np.bool_] = earning > p * losses.lgd * ccf
    return found


def _safer_grades_earn(book: Book, policy: Policy, said: Profit, losses: Losses) -> npt.NDArray[np.bool_]:
    """Whether every grade safer than the customer's earns at its own worst p_default."""
    worst = np.array([grade.up_to for grade in policy.grades], dtype=np.float64)
    found = []
    for loan in (False, True):
        own = _earns(
            worst, rates(worst, np.arange(len(worst)), policy, losses), np.full(len(worst), loan), said, losses
        )
        found.append(np.concatenate([[True], np.logical_and.accumulate(own)[:-1]]))
    lines, loans = found
    return np.asarray(np.where(book.loan, loans[book.grade], lines[book.grade]), dtype=bool)


def _demand(book: Book, policy: Policy, said: Profit) -> Floats:
    thin = np.array([policy.money(grade.thin_file_cap) for grade in policy.grades])
    return np.maximum(said.demand_months * np.nan_to_num(book.capacity, nan=0.0), said.use * thin[book.grade])
