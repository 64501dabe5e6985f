"""In default now: what was known at as_of, the same for training's exclusions and for the policy's knock-out."""

import pyarrow as pa
import pyarrow.parquet as pq
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
    assert found == ({"a"} if expected else set())


def test_a_source_with_labels_of_its_own_has_its_own_default(tmp_path):
    schema = pa.schema([("customer_id", pa.string()), ("as_of", pa.timestamp("us"))])
    cohort = tmp_path / "cohort.parquet"
    pq.write_table(pa.Table.from_pylist([{"customer_id": "a", "as_of": AS_OF}], schema=schema), cohort)
    brought = pq.read_table(cohort).to_pandas().assign(defaulted=False)
    with DuckDB(threads=1) as engine:
        dataset = dataset_at(tmp_path, repayments=[line(AS_OF - HIT)], outcomes=brought)
        assert in_default(engine, dataset, cohort, SIXTY_IN_120) == frozenset()
