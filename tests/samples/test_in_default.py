"""In default now: what was known at as_of, the same for training's exclusions and for the policy's knock-out."""

from datetime import timedelta

import pytest
from schedule_lines import AS_OF, HIT, SIXTY_IN_120, US, dataset_at, labels, line

from credit_eval.events.engines.duckdb import DuckDB
from credit_eval.samples.definition import in_default

CASES = [
    ("sixty days late at as_of, unpaid", line(AS_OF - HIT), True),
    ("a microsecond short of sixty days", line(AS_OF - HIT + US), False),
    ("paid before as_of", line(AS_OF - 2 * HIT, AS_OF - US), False),
    ("paid before as_of, known at as_of only", line(AS_OF - 2 * HIT, AS_OF - HIT, paid_known=AS_OF), True),
    ("paid after as_of", line(AS_OF - 2 * HIT, AS_OF + US), True),
]


@pytest.mark.parametrize(("what", "repayment", "expected"), CASES, ids=[case[0] for case in CASES])
def test_who_is_kept_from_the_sample_is_kept_from_credit(tmp_path, what, repayment, expected):
    (row,) = labels(tmp_path, [("a", AS_OF)], repayments=[repayment]).itertuples()
    assert (row.exclusion == "already_in_default") is expected
    with DuckDB(threads=1) as engine:
        found = in_default(
            engine, dataset_at(tmp_path, repayments=[repayment]), tmp_path / "cohort.parquet", SIXTY_IN_120
        )
    assert found == ({("a", AS_OF)} if expected else set())


def test_each_as_of_of_a_customer_is_its_own_question(tmp_path):
    earlier = AS_OF - timedelta(days=90)
    labels(tmp_path, [("a", earlier), ("a", AS_OF)], repayments=[])
    late = dataset_at(tmp_path, repayments=[line(AS_OF - HIT)])
    with DuckDB(threads=1) as engine:
        assert in_default(engine, late, tmp_path / "cohort.parquet", SIXTY_IN_120) == {("a", AS_OF)}


def test_the_policy_asks_for_no_accounts_where_only_repayments_tell(tmp_path):
    labels(tmp_path, [("a", AS_OF)], repayments=[])
    dataset = dataset_at(tmp_path, repayments=[line(AS_OF - HIT)])
    del dataset.info.columns["accounts"]
    with DuckDB(threads=1) as engine:
        assert in_default(engine, dataset, tmp_path / "cohort.parquet", SIXTY_IN_120) == {("a", AS_OF)}
