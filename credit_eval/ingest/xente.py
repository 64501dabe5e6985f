"""Xente: an African e-commerce platform whose customers buy now and pay in 30 days.

`Train.csv` and `Test.csv` hold purchases: declined ones, and those paid for by a loan, a row per repayment. So
several rows can be one loan, and the rows of a purchase and of a loan are told apart here:

- A **purchase** is one (TransactionId, customer, time): ids were masked so that a few declined purchases of
  several customers share one. Further purchases of an id are called `…#2`, `…#3` in order of time.
- A **loan** is one LoanId. Where several purchases name it, it belongs to the one nearest to its issue.
- An **application** is a declined purchase, or a loan; it is made with the purchase. A second loan on one purchase
  is called `…/2` and was asked for when it was issued, up to half a minute later.
- `as_of` is a microsecond after the application, so that the purchase is known and nothing after it. Applications of
  one customer in one second follow each other by a microsecond each, loans first. What is decided on an
  application (the account, the decline) is known at its `as_of` at the earliest, so only after it.
- A loan is **one schedule line** over the purchase's value: that, and the due date, is what is known at issue.
  The sum of repayments holds a fee that grows with time. It is settled at its final repayment; where none is
  flagged as final, when the repayments have reached the value. Where those of a loan flagged as settled stay below
  its value, the lender's word stands (a repayment may be missing, or waived) and the amount paid is left out.
- Loans of `Test.csv` have accounts and **no schedule lines**: their repayments are not published, and a line
  without a payment would claim that they were never paid.
"""

from __future__ import annotations

from pathlib import Path

from credit_eval.core.progress import Tick, silent
from credit_eval.ingest.importing import Counted, write_dataset
from credit_eval.ingest.reading import Opened
from credit_eval.ingest.staging import Relations
from credit_eval.schema.duckdb import select, selects
from credit_eval.schema.store import Dataset

_PURCHASE = (
    "CustomerId",
    "TransactionStartTime",
    "Value",
    "TransactionId",
    "SubscriptionId",
    "ProductId",
    "ProductCategory",
    "ChannelId",
    "TransactionStatus",
    "IssuedDateLoan",
    "LoanId",
    "InvestorId",
)
_REPAID = ("AmountLoan", "PaidOnDate", "IsFinalPayBack", "DueDate", "PayBackId", "IsDefaulted")
_OTHER = ("TransactionId", "CustomerId", "ProductId", "ProductCategory", "ChannelId", "Value", "TransactionStartTime")


def import_xente(
    source: Path,
    root: Path,
    *,
    quarantine: bool = False,
    replace: bool = False,
    unlinked: bool = False,
    tick: Tick = silent,
) -> Dataset:
    """Import the directory `source` as the data set `root/xente`.

    Cohorts: `train` and `test` (loans granted), `declined` and `test_declined`. With `unlinked`, purchases of
    `unlinked_masked_final.csv` join the orders under the same customer ids, though nobody has shown that an id
    means the same customer there.

    Raises:
        SourceError: a file is missing, not UTF-8, or lacks a column.
        TableError: rows break the declared tables and `quarantine` is false.
    """
    opened = Opened(skip_broken=quarantine)
    others = _other_purchases(source / "unlinked_masked_final.csv", opened) if unlinked else _NO_PURCHASES
    views = {"published": _published(source, opened), "other_purchases": others} | _VIEWS
    relations = Relations(selects(_TABLES), selects(views), selects(_COHORTS), select(_OUTCOMES), opened.broken)
    return write_dataset(
        root,
        "xente",
        relations,
        source="Xente credit scoring: Train.csv, Test.csv" + (", unlinked_masked_final.csv" if unlinked else ""),
        currency="UGX",
        quarantine=quarantine,
        replace=replace,
        notes=_NOTES + (_UNLINKED_NOTES if unlinked else ()),
        tick=tick,
    )


def _published(source: Path, opened: Opened) -> str:
    train = opened.csv(source / "Train.csv", missing=["NA"], needs=_PURCHASE + _REPAID)
    test = opened.csv(source / "Test.csv", missing=["NA"], needs=_PURCHASE)
    return (
        f"SELECT *, 'train' AS part FROM {train.numbered(_PURCHASE + _REPAID)} "
        f"UNION ALL BY NAME SELECT *, 'test' AS part FROM {test.numbered(_PURCHASE)}"
    )


def _other_purchases(path: Path, opened: Opened) -> str:
    """Purchases outside the credit product, their day-first dates made ISO."""
    file = opened.csv(path, missing=["NA"], needs=_OTHER)
    return f"""
        SELECT * REPLACE (coalesce(try_strptime(TransactionStartTime, '%d/%m/%y %H:%M:%S')::VARCHAR,
                                   TransactionStartTime || ' (not day/month/year)') AS TransactionStartTime)
        FROM {file.numbered(_OTHER)}"""


_NO_PURCHASES = (
    f"SELECT {', '.join(f'NULL::VARCHAR AS {column}' for column in _OTHER)}, "
    "NULL::VARCHAR AS source_file, NULL::BIGINT AS source_row WHERE false"
)

_VIEWS = {
    "purchases": """
        SELECT TransactionId || CASE WHEN nth > 1 THEN '#' || nth ELSE '' END AS order_id, * EXCLUDE (nth)
        FROM (
            SELECT *, row_number() OVER (PARTITION BY TransactionId ORDER BY TransactionStartTime, CustomerId) AS nth
            FROM (FROM published QUALIFY row_number() OVER (
                PARTITION BY TransactionId, CustomerId, TransactionStartTime ORDER BY part DESC, source_row) = 1))""",
    "paybacks": """
        SELECT LoanId, sum(TRY_CAST(AmountLoan AS DECIMAL(18,2))) AS paid, max(PaidOnDate) AS last_paid,
               max(PaidOnDate) FILTER (IsFinalPayBack = '1') AS final_paid
        FROM (SELECT DISTINCT LoanId, PayBackId, AmountLoan, PaidOnDate, IsFinalPayBack
              FROM published WHERE LoanId IS NOT NULL AND PaidOnDate IS NOT NULL)
        GROUP BY LoanId""",
    "loans": """
        SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY IssuedDateLoan, LoanId) AS nth
        FROM (
            SELECT published.*, order_id
            FROM published JOIN purchases USING (TransactionId, CustomerId, TransactionStartTime)
            WHERE published.LoanId IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY published.LoanId ORDER BY
                abs(epoch(TRY_CAST(published.IssuedDateLoan AS TIMESTAMP)
                          - TRY_CAST(TransactionStartTime AS TIMESTAMP))),
                order_id, published.source_row) = 1)""",
    "requests": """
        SELECT order_id || CASE WHEN nth > 1 THEN '/' || nth ELSE '' END AS application_id,
               CASE WHEN nth > 1 THEN greatest(TRY_CAST(TransactionStartTime AS TIMESTAMP),
                                               TRY_CAST(IssuedDateLoan AS TIMESTAMP))::VARCHAR
                    ELSE TransactionStartTime END AS requested, * EXCLUDE (nth)
        FROM loans
        UNION ALL BY NAME
        SELECT order_id AS application_id, TransactionStartTime AS requested, *
        FROM purchases WHERE TransactionStatus = '0'""",
    "judged": """
        SELECT *, TRY_CAST(requested AS TIMESTAMP) + to_microseconds(row_number() OVER (
            PARTITION BY CustomerId, TRY_CAST(requested AS TIMESTAMP)
            ORDER BY LoanId IS NULL, IssuedDateLoan, application_id)) AS as_of
        FROM requests""",
    "accounted": """
        SELECT *, greatest(TRY_CAST(IssuedDateLoan AS TIMESTAMP), as_of) AS account_known,
               coalesce(DueDate, (TRY_CAST(IssuedDateLoan AS TIMESTAMP) + to_days(30))::VARCHAR) AS due,
               coalesce(final_paid, CASE WHEN paid >= TRY_CAST(Value AS DECIMAL(18,2)) THEN last_paid END) AS settled
        FROM judged LEFT JOIN paybacks USING (LoanId) WHERE LoanId IS NOT NULL""",
    "labels": """
        SELECT LoanId, CASE WHEN count(DISTINCT IsDefaulted) = 1 THEN min(IsDefaulted) END AS defaulted,
               count(DISTINCT IsDefaulted) AS opinions
        FROM published WHERE LoanId IS NOT NULL AND part = 'train' GROUP BY LoanId""",
}

_TABLES = {
    "customers": """
        SELECT CustomerId AS customer_id, min(TransactionStartTime) AS occurred_at,
               arg_min(source_file, TransactionStartTime) AS source_file,
               arg_min(source_row, TransactionStartTime) AS source_row
        FROM (SELECT CustomerId, TransactionStartTime, source_file, source_row FROM published
              UNION ALL SELECT CustomerId, TransactionStartTime, source_file, source_row FROM other_purchases)
        GROUP BY CustomerId""",
    "orders": """
        SELECT CustomerId AS customer_id, TransactionStartTime AS occurred_at, order_id, Value AS amount,
               'placed' AS status, ProductCategory AS category, ProductId AS merchant_id, ChannelId AS channel,
               source_file, source_row
        FROM purchases
        UNION ALL
        SELECT CustomerId, as_of::VARCHAR, order_id, Value, 'declined', ProductCategory, ProductId, ChannelId,
               source_file, source_row
        FROM judged WHERE LoanId IS NULL
        UNION ALL
        SELECT CustomerId, TransactionStartTime, TransactionId, Value, 'placed', ProductCategory, ProductId, ChannelId,
               source_file, source_row
        FROM other_purchases""",
    "applications": """
        SELECT CustomerId AS customer_id, requested AS occurred_at, application_id, Value AS amount,
               SubscriptionId AS product, source_file, source_row
        FROM judged""",
    "accounts": """
        SELECT CustomerId AS customer_id, IssuedDateLoan AS occurred_at, account_known AS known_at,
               LoanId AS account_id, IssuedDateLoan AS opened_at, InvestorId AS product, Value AS credit_limit,
               source_file, source_row
        FROM accounted""",
    "repayments": """
        SELECT CustomerId AS customer_id, IssuedDateLoan AS occurred_at, account_known AS known_at,
               LoanId AS account_id, '1' AS installment_id, due AS due_at, Value AS due_amount,
               settled AS paid_at,
               CASE WHEN settled IS NOT NULL AND paid >= TRY_CAST(Value AS DECIMAL(18,2)) THEN paid END AS paid_amount,
               source_file, source_row
        FROM accounted WHERE part = 'train'""",
}


def _cohort(part: str, granted: bool) -> str:
    return (
        "SELECT CustomerId AS customer_id, as_of, source_file, source_row FROM judged "
        f"WHERE part = '{part}' AND (LoanId IS NOT NULL) = {granted}"
    )


_COHORTS = {
    "train": _cohort("train", True),
    "declined": _cohort("train", False),
    "test": _cohort("test", True),
    "test_declined": _cohort("test", False),
}

_OUTCOMES = """
    SELECT CustomerId AS customer_id, as_of, defaulted,
           greatest(TRY_CAST(due AS TIMESTAMP), TRY_CAST(last_paid AS TIMESTAMP), as_of) AS known_at,
           source_file, source_row
    FROM accounted JOIN labels USING (LoanId)"""

_NOTES = (
    "times are taken as UTC as written",
    "every loan of Train.csv was repaid at least in part: loans never repaid at all seem to be left out, so the "
    "default rate is understated",
    "IsDefaulted is not defined by its publisher; it is taken as known when the loan was due or last repaid, "
    "whichever is later",
    "the amount due is the purchase's value: fees are not published; partial repayments of unsettled loans are "
    "not shown",
    "merchant_id is ProductId (ProviderId is one value for all purchases on credit), the product of an application "
    "is SubscriptionId, that of an account InvestorId; InvestorId is unknown for declined purchases and so is no "
    "property of an application",
    "loans of Test.csv have no schedule lines: neither due date nor repayments are published",
    Counted(
        "{n} loans appear on several rows, a row per repayment or purchase",
        "SELECT count(*) FROM (SELECT LoanId FROM published WHERE LoanId IS NOT NULL GROUP BY LoanId "
        "HAVING count(*) > 1)",
    ),
    Counted(
        "{n} purchases repeat the TransactionId of another and are told apart by customer and time",
        "SELECT count(*) FROM purchases WHERE order_id <> TransactionId",
    ),
    Counted(
        "{n} loans name several purchases and are given to the one nearest to their issue",
        "SELECT count(*) FROM (SELECT LoanId FROM published WHERE LoanId IS NOT NULL GROUP BY LoanId "
        "HAVING count(DISTINCT TransactionId) > 1)",
    ),
    Counted(
        "{n} loans share their purchase with an earlier loan and are taken as asked for when they were issued",
        "SELECT count(*) FROM loans WHERE nth > 1",
    ),
    Counted(
        "{n} applications fall into the same second as another of the customer and are judged a microsecond later",
        "SELECT count(*) FROM judged WHERE as_of > TRY_CAST(requested AS TIMESTAMP) + to_microseconds(1)",
    ),
    Counted(
        "{n} loans have no due date: 30 days after issue, as all others, is assumed",
        "SELECT count(*) FROM accounted WHERE part = 'train' AND DueDate IS NULL",
    ),
    Counted(
        "{n} loans have no final repayment but repayments of at least the value: settled at the last of them",
        "SELECT count(*) FROM accounted WHERE final_paid IS NULL AND settled IS NOT NULL",
    ),
    Counted(
        "{n} loans were settled by a final repayment though their repayments stay below the value: the flag is "
        "believed, and the amount paid left out",
        "SELECT count(*) FROM accounted WHERE settled IS NOT NULL AND paid < TRY_CAST(Value AS DECIMAL(18,2))",
    ),
    Counted(
        "{n} loans were settled and are labelled as defaulted nevertheless",
        "SELECT count(*) FROM accounted JOIN labels USING (LoanId) WHERE settled IS NOT NULL AND defaulted = '1'",
    ),
    Counted(
        "{n} loans have rows that disagree on IsDefaulted and get no label",
        "SELECT count(*) FROM labels WHERE opinions > 1",
    ),
)

_UNLINKED_NOTES = (
    Counted(
        "{n} purchases come from unlinked_masked_final.csv; that its ids mean the same customers is not proved",
        "SELECT count(*) FROM other_purchases",
    ),
    "the unlinked purchases cover January to June 2019 only: customers look less active before",
)
