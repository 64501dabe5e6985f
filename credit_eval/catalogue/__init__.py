"""The catalogue: every declared feature of the project, in one order."""

from __future__ import annotations

from credit_eval.catalogue import (
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
from credit_eval.language.catalogue import Catalogue, merge
from credit_eval.language.translation import CHINESE

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
).translated(CHINESE)
