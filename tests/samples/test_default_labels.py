"""The default definition, drawn as small tables and against an oracle in plain Python."""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_lines import AS_OF, END, HIT, SIXTY_IN_120, START, US, WINDOW_END, dataset_at, labels, line

from credit_eval.core.errors import SampleError
from credit_eval.samples.definition import DefaultDefinition, label_cohort
from credit_eval.schema.duckdb import DuckDB


@pytest.mark.parametrize(
    ("what", "repayment", "defaulted", "exclusion"),
    [
        ("no line at all", None, 0, None),
        ("never paid, hits inside", line(AS_OF), 1, None),
        ("paid one microsecond before it hits", line(AS_OF, AS_OF + HIT - US), 0, None),
        ("paid at the moment it hits", line(AS_OF, AS_OF + HIT), 1, None),
        ("hits at the very end of the window", line(WINDOW_END - HIT), 1, None),
        ("hits just after the window", line(WINDOW_END - HIT + US), 0, None),
        ("hits just after as_of", line(AS_OF - HIT + US), 1, None),
        ("hit at as_of, unpaid", line(AS_OF - HIT), None, "already_in_default"),
        ("hit before, cured before as_of", line(AS_OF - 2 * HIT, AS_OF - US), 0, None),
        ("hit before, cured at as_of: not yet seen", line(AS_OF - 2 * HIT, AS_OF), None, "already_in_default"),
        ("paid, but known only after the data end", line(AS_OF, AS_OF + US, paid_known=END), 1, None),
    ],
)
def test_moments(tmp_path, what, repayment, defaulted, exclusion):
    (row,) = labels(tmp_path, [("a", AS_OF)], repayments=[repayment] if repayment else []).itertuples()
    assert row.exclusion == exclusion, what
    assert (None if pd.isna(row.defaulted) else row.defaulted) == defaulted, what


def test_any_line_of_the_customer_counts_and_nobody_elses(tmp_path):
    lines = [line(AS_OF, AS_OF), line(AS_OF, number=1), line(AS_OF, AS_OF, customer="b")]
    found = labels(tmp_path, [("b", AS_OF), ("a", AS_OF)], repayments=lines)
    assert found["customer_id"].tolist() == ["a", "b"]
    assert found["defaulted"].tolist() == [1, 0]


def test_an_account_counts_from_when_it_is_known(tmp_path):
    as_ofs = [datetime(2026, 2, 1), datetime(2026, 3, 1), datetime(2026, 3, 2)]
    found = labels(tmp_path, [("b", as_of) for as_of in as_ofs] + [("stranger", as_ofs[0])])
    assert found["exclusion"].tolist() == ["no_account", "no_account", None, "no_account"]


def test_windows_that_end_after_the_data_are_not_judged(tmp_path):
    members = [("a", WINDOW_END - timedelta(days=120)), ("a", AS_OF + US)]
    found = labels(tmp_path, members, known_until=WINDOW_END)
    assert found["exclusion"].tolist() == [None, "not_matured"]
    assert found["defaulted"].isna().tolist() == [False, True]
    assert found["label_known_at"].tolist() == [pd.Timestamp(WINDOW_END), pd.NaT]


def test_types_and_order(tmp_path):
    found = labels(tmp_path, [("b", AS_OF), ("a", AS_OF), ("a", START + US)])
    assert found.dtypes.astype(str).to_dict() | {"exclusion": ""} == {
        "customer_id": "str",
        "as_of": "datetime64[us]",
        "defaulted": "Int8",
        "label_known_at": "datetime64[us]",
        "exclusion": "",
    }
    assert found["as_of"].tolist() == [pd.Timestamp(START + US), pd.Timestamp(AS_OF), pd.Timestamp(AS_OF)]


def test_labels_a_source_brings(tmp_path):
    told = [pd.Timestamp(AS_OF + timedelta(days=30, seconds=1))] * 2
    outcomes = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "as_of": [AS_OF, AS_OF],
            "defaulted": pd.array([True, None], "boolean"),
            "known_at": pd.Series(told).astype("datetime64[us]"),
        }
    )
    found = labels(tmp_path, [("a", AS_OF), ("b", AS_OF), ("c", AS_OF)], outcomes=outcomes)
    assert found["defaulted"].tolist() == [1, pd.NA, pd.NA]
    assert found["exclusion"].tolist() == [None, "no_outcome", "no_outcome"]
    assert found["label_known_at"].tolist() == [told[0], pd.NaT, pd.NaT]


def test_a_data_set_without_anything_to_label_by_is_refused(tmp_path):
    dataset = dataset_at(tmp_path)
    dataset.info.columns.pop("repayments")
    with DuckDB() as engine, pytest.raises(SampleError, match="cannot be labelled"):
        label_cohort(engine, dataset, tmp_path / "cohort.parquet", SIXTY_IN_120)


def test_a_definition_nobody_can_meet_is_refused():
    with pytest.raises(SampleError, match="nobody can meet"):
        DefaultDefinition(window_days=0)


days = st.integers(0, 300).map(lambda d: START + timedelta(days=d))
schedule_lines = st.builds(
    lambda due, wait, customer, amount, part: line(
        due, None if wait is None else due + timedelta(days=wait), customer, amount=amount, part=part
    ),
    days,
    st.none() | st.integers(-10, 150),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["0.00", "10.00", "40.00", "100.00"]),
    st.sampled_from([None, "9.90", "39.00"]),
)


def judged_in_plain_python(customer, as_of, lines, definition):
    hits, known_hits = [], []
    for each in lines:
        if each["customer_id"] != customer:
            continue
        paid = each["paid_at"] if each["paid_at"] and each["paid_at"] < END else None
        moment = each["due_at"] + timedelta(days=definition.days_past_due)
        due = float(each["due_amount"])
        short = due - (float(each["paid_amount"] or 0) if each["paid_at"] is None else 0)
        if paid is None or paid >= moment:
            hits.append((moment, paid, short if short > definition.material_relative * due else 0))
            known_hits.append(hits[-1])  # nobody says when a part was paid: then with what was due
    known = {"a": START, "b": datetime(2026, 3, 1)}[customer]
    if not known < as_of:
        return None, "no_account"
    if late(known_hits, as_of) > definition.material_absolute:
        return None, "already_in_default"
    if as_of + definition.window > END:
        return None, "not_matured"
    inside = {moment for moment, _, short in hits if short > 0 and as_of < moment <= as_of + definition.window}
    return int(any(late(hits, moment) > definition.material_absolute for moment in inside)), None


def late(hits, moment):
    """What is missing at a moment of lines that have hit default by then."""
    return sum(short for hit, paid, short in hits if hit <= moment and (paid is None or paid >= moment))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(schedule_lines, max_size=8),
    st.sets(st.tuples(st.sampled_from(["a", "b"]), days), min_size=1, max_size=8),
    st.builds(
        DefaultDefinition,
        st.integers(0, 90),
        st.integers(1, 180),
        st.sampled_from([0.0, 40.0, 100.0]),
        st.sampled_from([0.0, 0.01, 0.05]),
    ),
)
def test_labels_agree_with_plain_python(lines, members, definition):
    for number, each in enumerate(lines):
        each["installment_id"] = str(number)
    with tempfile.TemporaryDirectory() as root:
        found = labels(Path(root), sorted(members), repayments=lines, definition=definition)
    for row, (customer, as_of) in zip(found.itertuples(), sorted(members), strict=True):
        assert (row.customer_id, row.as_of) == (customer, as_of)
        judged = (None if pd.isna(row.defaulted) else row.defaulted, row.exclusion)
        assert judged == judged_in_plain_python(customer, as_of, lines, definition)
