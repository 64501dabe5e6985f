"""The catalogue: every declared feature of the project, in one order."""

from __future__ import annotations

from credit_eval.features import application, behaviour, browsing, identity, payments, repayment, spending
from credit_eval.features.language import Catalogue, merge

CATALOGUE: Catalogue = merge(
    identity.FEATURES,
    spending.FEATURES,
    payments.FEATURES,
    browsing.FEATURES,
    behaviour.FEATURES,
    repayment.FEATURES,
    application.FEATURES,
)

#: What the policy needs to know of a customer beside its PD: owed now, the limit now, monthly spending.
BALANCE = repayment.owed_now().name
LIMIT = repayment.limit_now().name
SPENDING_180 = "orders_placed_amount_sum_180d"
