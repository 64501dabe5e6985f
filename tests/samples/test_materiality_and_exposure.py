"""What is too little to be a default, and who has nothing to default on."""

from datetime import timedelta

import pandas as pd
import pytest
from schedule_lines import AS_OF, HIT, US, labels, line

from credit_eval.core.errors import SampleError
from credit_eval.samples.definition import DefaultDefinition

DAY = timedelta(days=1)
IN_ALL = DefaultDefinition(60, 120, material_absolute=100)


def outcome(root, lines, **options):
    (row,) = labels(root, [("a", AS_OF)], repayments=lines, **options).itertuples()
    return row.exclusion or (None if pd.isna(row.defaulted) else row.defaulted)


@pytest.mark.parametrize(
    ("what", "repayment", "expected"),
    [
        ("nothing was due", line(AS_OF, amount="0.00"), 0),
        ("a cent short", line(AS_OF, amount="33.34", part="33.33"), 0),
        ("short by the share exactly", line(AS_OF, amount="100.00", part="99.00"), 0),
        ("short by a cent more", line(AS_OF, amount="100.00", part="98.99"), 1),
        ("paid in full, a day too late", line(AS_OF, AS_OF + HIT, amount="33.34"), 1),
        ("nothing paid", line(AS_OF, amount="0.01"), 1),
    ],
)
def test_what_a_line_must_lack(tmp_path, what, repayment, expected):
    assert outcome(tmp_path, [repayment]) == expected, what


def test_a_definition_may_count_every_cent(tmp_path):
    strict = DefaultDefinition(60, 120, material_relative=0.0)
    assert outcome(tmp_path, [line(AS_OF, amount="33.34", part="33.33")], definition=strict) == 1
    assert outcome(tmp_path, [line(AS_OF, amount="0.00")], definition=strict) == 0


@pytest.mark.parametrize(
    ("what", "lines", "expected"),
    [
        ("one line of 100", [line(AS_OF, amount="100.00")], 0),
        ("one line of more", [line(AS_OF, amount="100.01")], 1),
        ("three of 40", [line(AS_OF + DAY * k, number=k, amount="40.00") for k in range(3)], 1),
        (
            "three of 40, the first paid before the third hits",
            [line(AS_OF, AS_OF + HIT + DAY, amount="40.00")]
            + [line(AS_OF + DAY * k, number=k, amount="40.00") for k in (1, 2)],
            0,
        ),
        (
            "three of 40, one paid as the third hits",
            [line(AS_OF, AS_OF + HIT + 2 * DAY, amount="40.00")]
            + [line(AS_OF + DAY * k, number=k, amount="40.00") for k in (1, 2)],
            1,
        ),
        (
            "two late before as_of, the third within the window",
            [line(AS_OF - HIT - DAY * k, number=k, amount="40.00") for k in (1, 2)] + [line(AS_OF, amount="40.00")],
            1,
        ),
        (
            "the third hits after the window",
            [line(AS_OF + DAY * k, number=k, amount="40.00") for k in range(2)]
            + [line(AS_OF + 61 * DAY + US, number=9, amount="40.00")],
            0,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_amount_is_material_over_all_lines_that_are_late_at_once(tmp_path, what, lines, expected):
    assert outcome(tmp_path, lines, definition=IN_ALL) == expected, what


@pytest.mark.parametrize("absurd", [{"material_absolute": -1.0}, {"material_relative": 1.0}])
def test_a_threshold_that_cannot_be_is_refused(absurd):
    with pytest.raises(SampleError, match="materiality"):
        DefaultDefinition(**absurd)


LIMITS = """
customer_id  occurred_at  known_at    account_id  opened_at   credit_limit
a            2026-01-01   2026-01-01  A           2026-01-01  {first}
a            2026-02-01   2026-02-01  A           2026-01-01  {then}
"""


@pytest.mark.parametrize(
    ("what", "first", "then", "lines", "expected"),
    [
        ("a line that stands open", "0", "100", [], 0),
        ("a closed line, nothing owed", "100", "0", [], "no_exposure"),
        ("a closed line, all paid", "100", "0", [line(AS_OF - HIT, AS_OF - US)], "no_exposure"),
        ("a closed line, paid as was known at as_of", "100", "0", [line(AS_OF - DAY, AS_OF - US, paid_known=AS_OF)], 0),
        ("a closed line, something owed", "100", "0", [line(AS_OF + DAY, AS_OF + 2 * DAY)], 0),
        ("a closed line, nothing due on what is open", "100", "0", [line(AS_OF + DAY, amount="0.00")], "no_exposure"),
        ("a limit that is not known", "100", "-", [], 0),
        ("cured today, closed", "100", "0", [line(AS_OF - 2 * HIT, AS_OF - US)], "no_exposure"),
    ],
)
def test_who_has_no_line_and_owes_nothing_is_no_good(tmp_path, what, first, then, lines, expected):
    accounts = LIMITS.format(first=first, then=then)
    assert outcome(tmp_path, lines, accounts=accounts) == expected, what


def test_a_second_line_is_exposure(tmp_path):
    accounts = LIMITS.format(first="100", then="0") + "a  2026-02-01  2026-02-01  B  2026-02-01  50\n"
    assert outcome(tmp_path, [], accounts=accounts) == 0
    later = LIMITS.format(first="100", then="0") + f"a  2026-02-01  {AS_OF:%Y-%m-%d}  B  2026-02-01  50\n"
    assert outcome(tmp_path, [], accounts=later) == "no_exposure"
