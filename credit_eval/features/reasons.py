"""The reason codes in plain words: what a code stands for, in tables and on axes.

A label names the subject and claims no direction, since a family's contribution may rise with a value or fall.
The sentence that a customer is told comes from the feature itself (`Feature.sentence`).

>>> REASONS["R_FAILED_PAYMENTS"]
'failed payments'
"""

from __future__ import annotations

#: Label of every reason code of the catalogue; a test holds it complete.
REASONS: dict[str, str] = {
    "R_AMOUNT_ASKED": "amount asked for",
    "R_BROWSING": "browsing activity",
    "R_CATEGORY_MIX": "mix of goods and merchants",
    "R_CONTACT_DATA_CHANGES": "changes of address or password",
    "R_COST_OF_LOAN": "cost of the loan asked for",
    "R_CREDIT_LINE": "size of the credit line",
    "R_CREDIT_USE": "share of payments made on credit",
    "R_CUSTOMER_PROFILE": "personal details on file",
    "R_DEBT_LEVEL": "debt outstanding",
    "R_DECLINED_PURCHASES": "declined purchases",
    "R_DEVICES": "number and changes of devices",
    "R_EARLY_REPAYMENTS": "share of instalments paid early",
    "R_FAILED_LOGINS": "failed logins",
    "R_FAILED_PAYMENTS": "failed payments",
    "R_IDENTITY_CHECK": "level of identity check",
    "R_INSTALMENT_USE": "number of instalments chosen",
    "R_INTEREST_IN_CREDIT": "visits to credit pages",
    "R_IRREGULAR_REPAYMENTS": "irregular repayments",
    "R_IRREGULAR_SPENDING": "irregular spending",
    "R_LATE_REPAYMENTS": "late repayments",
    "R_LOGINS": "how often the customer logs in",
    "R_NIGHT_ACTIVITY": "activity at night",
    "R_ORDER_ACTIVITY": "how often the customer orders",
    "R_OVERDUE_NOW": "instalments overdue now",
    "R_PAYMENT_METHODS": "ways of paying",
    "R_PRICE_TIER": "price of the goods viewed",
    "R_PRODUCT_ASKED": "product asked for",
    "R_RECENT_APPLICATIONS": "recent requests for credit",
    "R_RECENT_CREDIT": "time since the latest credit account",
    "R_REFERRAL": "referral",
    "R_RETURNS": "returned or cancelled orders",
    "R_SERVICE_CONTACTS": "contacts with customer service",
    "R_SHORT_CREDIT_HISTORY": "length of credit history",
    "R_SHORT_RELATIONSHIP": "length of the relationship",
    "R_SPENDING_LEVEL": "level of spending",
    "R_SPENDING_TREND": "trend of spending",
    "R_TERM_ASKED": "term asked for",
    "R_UTILISATION": "share of the credit line in use",
}
