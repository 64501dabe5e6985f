"""Where a customer stands: what was known at as_of, the same for training's exclusions and for the policy."""

from datetime import datetime, timedelta

import pytest
from schedule_lines import AS_OF, END, HIT, SIXTY_IN_120, START, US, dataset_at, labels, line

from credit_eval.samples.definition import DefaultDefinition
from credit_eval.samples.standing import standing
from credit_eval.schema.duckdb import DuckDB

CASES = [
    ("sixty days late at as_of, unpaid", line(AS_OF - HIT), True),
    ("a microsecond short of sixty days", line(AS_OF - HIT + US), False),
    ("paid before as_of", line(AS_OF - 2 * HIT, AS_OF - US), False),
    ("paid before as_of, known at as_of only", line(AS_OF - 2 * HIT, AS_OF - HIT, paid_known=AS_OF), True),
    ("paid after as_of", line(AS_OF - 2 * HIT, AS_OF + US), True),
]


DAY = timedelta(days=1)


def standing_of(root, members, *, definition=SIXTY_IN_120, **dataset):
    labels(root, members, definition=definition, **dataset)
    with DuckDB(threads=1) as engine:
        return standing(engine, dataset_at(root, **dataset), root / "cohort.parquet", definition)


@pytest.mark.parametrize(("what", "repayment", "expected"), CASES, ids=[case[0] for case in CASES])
def test_who_is_kept_from_the_sample_is_kept_from_credit(tmp_path, what, repayment, expected):
    (row,) = labels(tmp_path, [("a", AS_OF)], repayments=[repayment]).itertuples()
    assert (row.exclusion == "already_in_default") is expected
    (found,) = standing_of(tmp_path, [("a", AS_OF)], repayments=[repayment]).itertuples()
    assert found.in_default is expected
    assert found.overdue or not expected


def test_each_as_of_of_a_customer_is_its_own_question(tmp_path):
    members = [("a", AS_OF), ("a", AS_OF - timedelta(days=90)), ("b", AS_OF)]
    found = standing_of(tmp_path, members, repayments=[line(AS_OF - HIT)])
    assert found["customer_id"].tolist() == ["a", "a", "b"]
    assert found["in_default"].tolist() == [False, True, False]


def test_the_policy_asks_for_no_accounts_where_only_repayments_tell(tmp_path):
    labels(tmp_path, [("a", AS_OF)], repayments=[])
    dataset = dataset_at(tmp_path, repayments=[line(AS_OF - HIT)])
    del dataset.info.columns["accounts"]
    with DuckDB(threads=1) as engine:
        (row,) = standing(engine, dataset, tmp_path / "cohort.parquet", SIXTY_IN_120).itertuples()
    assert row.in_default
    assert row.days_since_limit_change != row.days_since_limit_change


@pytest.mark.parametrize(
    ("what", "repayment", "overdue"),
    [
        ("due today", line(AS_OF - DAY + US), False),
        ("due yesterday, unpaid", line(AS_OF - DAY), True),
        ("due yesterday, paid since", line(AS_OF - DAY, AS_OF - US), False),
        ("due yesterday, paid since, known at as_of only", line(AS_OF - DAY, AS_OF - US, paid_known=AS_OF), True),
        ("nothing was due", line(AS_OF - DAY, amount="0.00"), False),
        ("a cent short, known in time", line(AS_OF - DAY, amount="33.34", part="33.33", paid_known=AS_OF - US), False),
        ("a cent short, known at as_of only", line(AS_OF - DAY, amount="33.34", part="33.33", paid_known=AS_OF), True),
        ("a cent short, known nobody says when", line(AS_OF - DAY, amount="33.34", part="33.33"), False),
        ("half of it, known in time", line(AS_OF - DAY, amount="33.34", part="16.67", paid_known=AS_OF - US), True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_overdue_is_what_is_late_by_a_day_and_material(tmp_path, what, repayment, overdue):
    (row,) = standing_of(tmp_path, [("a", AS_OF)], repayments=[repayment]).itertuples()
    assert row.overdue is overdue, what


@pytest.mark.parametrize(("part", "expected"), [("33.33", False), ("33.00", True), ("0.01", True)])
def test_a_part_payment_without_a_time_counts_from_the_due_date(tmp_path, part, expected):
    short = line(datetime(2026, 9, 1), amount="33.34", part=part)
    found = standing_of(tmp_path, [("a", END - DAY), ("a", END)], repayments=[short])
    assert found["in_default"].tolist() == [expected, expected]


@pytest.mark.parametrize(
    ("what", "repayment", "days"),
    [
        ("paid before it hit", line(AS_OF - 2 * HIT, AS_OF - HIT - US), None),
        ("paid at the hit", line(AS_OF - 2 * HIT, AS_OF - HIT), 60.0),
        ("paid yesterday, after 119 days", line(AS_OF - 2 * HIT, AS_OF - DAY), 1.0),
        ("paid yesterday, known at as_of only", line(AS_OF - 2 * HIT, AS_OF - DAY, paid_known=AS_OF), None),
        ("never paid", line(AS_OF - 2 * HIT), None),
    ],
)
def test_days_since_a_debt_in_default_was_paid(tmp_path, what, repayment, days):
    (row,) = standing_of(tmp_path, [("a", AS_OF)], repayments=[repayment]).itertuples()
    assert (None if row.days_since_cure != row.days_since_cure else row.days_since_cure) == days, what


def test_days_since_the_line_moved_are_of_what_was_known(tmp_path):
    accounts = """
customer_id  occurred_at  known_at    account_id  opened_at   credit_limit
a            2026-01-01   2026-01-01  A           2026-01-01  100
a            2026-03-22   2026-03-22  A           2026-01-01  200
a            2026-03-30   2026-04-01  A           2026-01-01  300
b            2026-05-01   2026-03-01  B           2026-01-01  100
"""
    found = standing_of(tmp_path, [("a", AS_OF), ("b", AS_OF), ("a", START)], accounts=accounts)
    assert found["days_since_limit_change"].fillna(-1).tolist() == [-1.0, 10.0, 0.0]


def test_an_amount_is_material_over_all_lines_that_are_late(tmp_path):
    sixty = DefaultDefinition(60, 120, material_absolute=100)
    late = [line(AS_OF - HIT - DAY * day, number=day, amount="40.00") for day in range(4)]
    for lines, expected in ((late[:2], False), (late[:3], True)):
        (row,) = standing_of(tmp_path, [("a", AS_OF)], repayments=lines, definition=sixty).itertuples()
        assert (row.in_default, row.overdue) == (expected, expected)
