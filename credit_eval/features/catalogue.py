"""The catalogue: every declared feature of the project, in one order."""

from __future__ import annotations

from credit_eval.features import (
    application,
    baskets,
    behaviour,
    browsing,
    credit_lines,
    identity,
    payments,
    repayment,
    spending,
)
from credit_eval.features.language import Catalogue, merge

CATALOGUE: Catalogue = merge(
    identity.FEATURES,
    spending.FEATURES,
    baskets.FEATURES,
    payments.FEATURES,
    browsing.FEATURES,
    behaviour.FEATURES,
    repayment.FEATURES,
    credit_lines.FEATURES,
    application.FEATURES,
)

#: What the policy needs to know of a customer beside its PD: owed now, the limit now, the spending of the last 180
#: days net of what was cancelled, returned or declined, and the amount last asked for.
BALANCE = credit_lines.owed_now().name
LIMIT = credit_lines.limit_now().name
NET_SPENDING_180 = spending.NET_SPENDING_180.name
AMOUNT_ASKED = "applications_amount_last"
