"""SuperLender: a digital lender in Nigeria; customers, their earlier loans, and one loan each to be judged.

Six files: `{train,test}perf.csv` (the loan to be judged, July 2017), `{train,test}prevloans.csv` (loans
before it) and `{train,test}demographics.csv`. What they leave open, and what is assumed:

- **Which moment is judged**: the approval of the loan. At that `as_of` the loan is an application, not an
  account yet: an account is known from its approval, which is not *strictly before* `as_of`.
- **Schedules**: only the first due date is published. A loan of 30 days or less is one line; a longer one is
  two, `first` (30 days' share of the total due) and `rest` (due when the term ends).
- **When a label is known**: not published; 30 days after the loan's term, the lender must know.
- **The test loans' times** are published as minutes and seconds only ("40:48.0": a spreadsheet ate the rest).
  Loan numbers are given out in the order of creation, over the whole lender, to within `DISORDER` seconds. So
  the loans numbered just before and after bound the hour, and the minutes and seconds say the rest; where more
  than one hour fits, the earliest is taken, because too early an `as_of` cannot see the future. The approval
  follows the creation by an hour and some seconds (two clocks, it seems, in two zones: 99.7 % of train loans).
"""

from __future__ import annotations

from pathlib import Path

from credit_eval.core.progress import Tick, silent
from credit_eval.ingest.importing import Counted, write_dataset
from credit_eval.ingest.reading import Opened
from credit_eval.ingest.staging import Relations
from credit_eval.schema.duckdb import select, selects
from credit_eval.schema.store import Dataset

#: Seconds by which creation times and loan numbers may disagree (measured: 5).
DISORDER = 10

_LOAN = (
    "customerid",
    "systemloanid",
    "approveddate",
    "creationdate",
    "loanamount",
    "totaldue",
    "termdays",
    "referredby",
)
_FILES = {
    "perf": _LOAN,
    "prevloans": (*_LOAN, "closeddate", "firstduedate", "firstrepaiddate"),
    "demographics": (
        "customerid",
        "birthdate",
        "bank_account_type",
        "bank_name_clients",
        "employment_status_clients",
        "level_of_education_clients",
    ),
}


def import_superlender(
    source: Path, root: Path, *, quarantine: bool = False, replace: bool = False, tick: Tick = silent
) -> Dataset:
    """Import the directory `source` as the data set `root/superlender`, with cohorts `train` and `test`.

    Raises:
        SourceError: a file is missing, not UTF-8, or lacks a column.
        TableError: rows break the declared tables and `quarantine` is false.
    """
    opened = Opened(skip_broken=quarantine)
    views = _files(source, opened) | _VIEWS
    relations = Relations(selects(_TABLES), selects(views), selects(_COHORTS), select(_OUTCOMES), opened.broken)
    return write_dataset(
        root,
        "superlender",
        relations,
        source="SuperLender loan default prediction: perf, prevloans and demographics files",
        currency="NGN",
        quarantine=quarantine,
        replace=replace,
        notes=_NOTES,
        tick=tick,
    )


def _files(source: Path, opened: Opened) -> dict[str, str]:
    """One view per kind of file, train and test together; only train loans have a flag."""
    views = {}
    for kind, columns in _FILES.items():
        halves = []
        for part in ("train", "test"):
            needs = (*columns, "good_bad_flag") if (kind, part) == ("perf", "train") else columns
            rows = opened.csv(source / f"{part}{kind}.csv", needs=needs).numbered(needs)
            halves.append(f"SELECT *, '{part}' AS part FROM {rows}")
        views[kind] = " UNION ALL BY NAME ".join(halves)
    return views


_SECONDS = "(60 * split_part({0}, ':', 1)::INT + floor(split_part({0}, ':', 2)::DOUBLE)::INT)"
_SHORT = r"regexp_full_match({0}, '\d?\d:\d\d(\.\d+)?')"

_VIEWS = {
    # Every loan whose time is whole: number and creation, in seconds since 1970.
    "numbered_loans": """
        SELECT TRY_CAST(systemloanid AS BIGINT) AS number, epoch(TRY_CAST(creationdate AS TIMESTAMP))::BIGINT AS created
        FROM (SELECT systemloanid, creationdate FROM prevloans UNION ALL SELECT systemloanid, creationdate FROM perf)
        WHERE TRY_CAST(creationdate AS TIMESTAMP) IS NOT NULL AND TRY_CAST(systemloanid AS BIGINT) IS NOT NULL""",
    "shortened": f"""
        SELECT customerid, systemloanid, TRY_CAST(systemloanid AS BIGINT) AS number,
               {_SECONDS.format("creationdate")} AS created_in_hour,
               {_SECONDS.format("approveddate")} AS approved_in_hour
        FROM perf
        WHERE {_SHORT.format("creationdate")} AND {_SHORT.format("approveddate")}""",
    "bounded": f"""
        SELECT s.*, before.created - {DISORDER} AS earliest, after.created + {DISORDER} AS latest
        FROM shortened s
        ASOF JOIN numbered_loans before ON s.number > before.number
        ASOF JOIN numbered_loans after ON s.number < after.number""",
    # Creation times that fit the bounds, and the approvals that follow after an hour and some seconds.
    "fitting": """
        WITH hours AS (
            SELECT *, earliest + (created_in_hour - earliest % 3600 + 3600) % 3600 AS first_hour,
                   unnest(range(first_hour, latest + 1, 3600)) AS created
            FROM bounded)
        SELECT customerid, systemloanid, created,
               created + 3600 + (approved_in_hour - created_in_hour + 3600) % 3600 AS approved
        FROM hours""",
    "recovered": """
        SELECT systemloanid, min(created) AS created, arg_min(approved, created) AS approved, count(*) AS fitting
        FROM fitting LEFT JOIN (
            SELECT customerid, max(epoch(TRY_CAST(closeddate AS TIMESTAMP))) AS closed
            FROM prevloans GROUP BY customerid
        ) USING (customerid)
        WHERE closed IS NULL OR approved > closed
        GROUP BY systemloanid""",
    "judged": """
        SELECT perf.* REPLACE (
            coalesce(make_timestamp(recovered.created * 1000000)::VARCHAR, creationdate) AS creationdate,
            coalesce(make_timestamp(recovered.approved * 1000000)::VARCHAR, approveddate) AS approveddate)
        FROM perf LEFT JOIN recovered USING (systemloanid)""",
    "loans": """
        SELECT * EXCLUDE (closeddate, firstduedate, firstrepaiddate) FROM prevloans
        UNION ALL BY NAME SELECT * EXCLUDE (good_bad_flag) FROM judged""",
    "people": """
        SELECT * FROM demographics
        QUALIFY row_number() OVER (
            PARTITION BY customerid, birthdate, bank_account_type, bank_name_clients, employment_status_clients,
                         level_of_education_clients
            ORDER BY source_file, source_row) = 1""",
    "borrowers": """
        SELECT customerid, min(creationdate) AS first_seen, count(referredby) > 0 AS referred,
               arg_min(source_file, creationdate) AS source_file, arg_min(source_row, creationdate) AS source_row
        FROM loans GROUP BY customerid""",
    "schedule": """
        SELECT *, TRY_CAST(termdays AS INT) AS term, TRY_CAST(totaldue AS DECIMAL(18,2)) AS due
        FROM prevloans""",
}

_TABLES = {
    "customers": """
        SELECT customerid AS customer_id, first_seen AS occurred_at, birthdate[:4] AS birth_year,
               employment_status_clients AS occupation, level_of_education_clients AS education,
               bank_name_clients AS bank, bank_account_type, referred,
               coalesce(p.source_file, b.source_file) AS source_file, coalesce(p.source_row, b.source_row) AS source_row
        FROM borrowers b LEFT JOIN people p USING (customerid)""",
    "applications": """
        SELECT customerid AS customer_id, creationdate AS occurred_at, systemloanid AS application_id,
               loanamount AS amount, totaldue AS total_due, termdays AS term_days, source_file, source_row
        FROM loans""",
    "accounts": """
        SELECT customerid AS customer_id, approveddate AS occurred_at, systemloanid AS account_id,
               approveddate AS opened_at, loanamount AS credit_limit, source_file, source_row
        FROM loans""",
    "repayments": """
        SELECT customerid AS customer_id, approveddate AS occurred_at, systemloanid AS account_id,
               'first' AS installment_id, firstduedate AS due_at,
               CASE WHEN term > 30 THEN round(due * 30 / term, 2)::DECIMAL(18,2) ELSE due END AS due_amount,
               CASE WHEN term > 30 THEN firstrepaiddate ELSE closeddate END AS paid_at,
               due_amount AS paid_amount, source_file, source_row
        FROM schedule
        UNION ALL
        SELECT customerid, approveddate, systemloanid, 'rest',
               (TRY_CAST(approveddate AS DATE) + term)::TIMESTAMP::VARCHAR,
               due - round(due * 30 / term, 2)::DECIMAL(18,2), closeddate,
               due - round(due * 30 / term, 2)::DECIMAL(18,2), source_file, source_row
        FROM schedule WHERE term > 30""",
}

_COHORTS = {
    part: "SELECT customerid AS customer_id, approveddate AS as_of, source_file, source_row "
    f"FROM judged WHERE part = '{part}'"
    for part in ("train", "test")
}

_OUTCOMES = """
    SELECT customerid AS customer_id, approveddate AS as_of,
           CASE good_bad_flag WHEN 'Bad' THEN 'true' WHEN 'Good' THEN 'false' ELSE good_bad_flag END AS defaulted,
           (TRY_CAST(approveddate AS TIMESTAMP) + to_days(TRY_CAST(termdays AS INT) + 30))::VARCHAR AS known_at,
           source_file, source_row
    FROM judged WHERE part = 'train'"""

_NOTES = (
    "times are taken as UTC as written; creation times run about an hour behind approval and closing times, "
    "as if on a clock of another zone",
    "demographics are taken as known from a customer's first loan: the files do not date them",
    "the day a label became known is not published: 30 days after the loan's term is assumed",
    "a previous loan of more than 30 days is two schedule lines, of which only the first due date is published",
    "repayments exist for previous loans only, and only loans that were closed are published as previous",
    Counted(
        "{n} demographic rows repeat another to the letter and are left out",
        "SELECT (SELECT count(*) FROM demographics) - (SELECT count(*) FROM people)",
    ),
    Counted(
        "{n} customers have no demographics",
        "SELECT count(*) FROM borrowers WHERE customerid NOT IN (SELECT customerid FROM demographics)",
    ),
    Counted(
        "{n} customers have no previous loan",
        "SELECT count(*) FROM judged WHERE customerid NOT IN (SELECT customerid FROM prevloans)",
    ),
    Counted(
        "{n} previous loans were repaid first before their approval",
        "SELECT count(*) FROM prevloans WHERE firstrepaiddate < approveddate",
    ),
    Counted(
        "{n} previous loans were closed before their first repayment",
        "SELECT count(*) FROM prevloans WHERE closeddate < firstrepaiddate",
    ),
    Counted(
        "{n} previous loans were closed after the approval of the customer's judged loan",
        "SELECT count(*) FROM prevloans p JOIN judged j USING (customerid) WHERE p.closeddate >= j.approveddate",
    ),
    Counted(
        "{n} test loans are published with minutes and seconds only; their hour is recovered from the creation times "
        "of the loans numbered next to them",
        "SELECT count(*) FROM recovered",
    ),
    Counted(
        "{n} of these fit more than one hour; the earliest is taken",
        "SELECT count(*) FROM recovered WHERE fitting > 1",
    ),
)
