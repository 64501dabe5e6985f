"""The ledger: appended once, read as it was before, the same in SQLite and on a PostgreSQL server that runs."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from policy_rows import policy_rows

from credit_eval.core.errors import IntegrityError, LedgerError, StorageError
from credit_eval.policy.decide import decide
from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
from credit_eval.scoring.ledger import Ledger, Recorded
from credit_eval.scoring.memory import remembered

FIRST, WAY_OUT = datetime(2026, 1, 1), 0.40
NONE = float("nan")


def run(name: str, label: str = "as_of=2026-01-01", manifest: str = "aa") -> Recorded:
    return Recorded(name, label, manifest, "default/1", "shop/1")


def scored(as_of: datetime, **customers: tuple[float, str]) -> pd.DataFrame:
    """By customer p_default and what bound."""
    return pd.DataFrame(
        {
            "customer_id": list(customers),
            "as_of": pd.Series([as_of] * len(customers), dtype="datetime64[us]"),
            "p_default": [p for p, _ in customers.values()],
            "decision": "hold",
            "limit_previous": [NONE, *[300.0] * (len(customers) - 1)],
            "limit_new": 250.5,
            "limit_bound_by": [bound for _, bound in customers.values()],
            "apr": 0.24,
        }
    )


def members(as_of: datetime, *customers: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"customer_id": customers, "as_of": pd.Series([as_of] * len(customers), dtype="datetime64[us]")}
    )


def test_a_run_reads_what_was_decided_before_it(ledger: Ledger) -> None:
    name, later = "before", FIRST + timedelta(days=31)
    empty = ledger.before(name, members(FIRST, "a", "b"))
    assert empty.empty
    first = scored(FIRST, a=(0.6, "restriction"), b=(0.1, "grade_cap"), c=(0.45, "step_cap"))
    assert ledger.record(run(name), first, empty, WAY_OUT)
    assert ledger.before(name, members(FIRST, "a", "b")).empty  # not its own
    state = ledger.before(name, members(later, "a", "b", "c", "new")).set_index("customer_id")
    assert state.index.tolist() == ["a", "b", "c"]
    assert state["was_restricted"].tolist() == [True, False, False]
    assert state["days_below"].isna().tolist() == [True, False, True]
    assert state.loc["b", "days_below"] == 31.0
    assert state["limit_before"].fillna(-1).tolist() == [-1, 300, 300]
    assert (state["limit_after"] == 250.5).all()
    assert (state["decided_at"] == FIRST).all()
    assert ledger.before("other", members(later, "a")).empty


def test_the_rate_of_the_last_decision_is_remembered_and_ledgers_without_rates_go_on(ledger: Ledger) -> None:
    name, later = "rates", FIRST + timedelta(days=31)
    nobody = ledger.before(name, members(FIRST, "a"))
    assert ledger.record(run(name), scored(FIRST, a=(0.1, "x")), nobody, WAY_OUT)
    with ledger._open(write=True) as cursor:  # as a version before rates left it
        cursor.execute("ALTER TABLE decisions DROP COLUMN apr")
    assert ledger.before(name, members(later, "a"))["apr_previous"].isna().all()
    second = scored(FIRST + timedelta(days=1), a=(0.1, "x")).assign(apr=0.18)
    assert ledger.record(run(name, "as_of=2026-01-02", "bb"), second, nobody, WAY_OUT)
    state = ledger.before(name, members(later, "a", "b"))
    assert state["apr_previous"].tolist() == [0.18]
    assert remembered(members(later, "a", "b"), state)["apr_previous"].tolist()[0] == 0.18
    assert ledger.history(name, "a")["apr"].tolist()[1] == 0.18


def test_the_same_run_is_recorded_once_and_scored_anew_it_counts_instead(ledger: Ledger) -> None:
    name, later = "twice", FIRST + timedelta(days=1)
    one, other = scored(FIRST, a=(0.6, "restriction")), scored(FIRST, a=(0.1, "grade_cap"))
    nobody = ledger.before(name, members(FIRST, "a"))
    assert [ledger.record(run(name), one, nobody, WAY_OUT) for _ in range(3)] == [True, False, False]
    assert ledger.before(name, members(later, "a"))["was_restricted"].tolist() == [True]
    assert ledger.record(run(name, manifest="bb"), other, nobody, WAY_OUT)
    assert ledger.before(name, members(later, "a"))["was_restricted"].tolist() == [False]
    history = ledger.history(name, "a")
    assert history["version"].tolist() == [0, 1]
    assert history["restricted"].tolist() == [True, False]
    assert history["as_of"].tolist() == [FIRST, FIRST]
    assert ledger.history(name, "nobody").empty


def test_everybody_at_a_time_of_their_own(ledger: Ledger) -> None:
    name, days = "own", [FIRST + timedelta(days=day) for day in (0, 10, 20)]
    rows = pd.concat(
        [scored(days[0], a=(0.1, "grade_cap")), scored(days[1], a=(0.6, "restriction")), scored(days[2], b=(0.1, "x"))]
    )
    assert ledger.record(
        run(name, "cohort=all"), rows.reset_index(drop=True), ledger.before(name, members(FIRST, "a")), WAY_OUT
    )
    asked = pd.concat([members(day + timedelta(days=1), "a", "b") for day in days])
    state = ledger.before(name, asked)
    found = [(row.customer_id, row.as_of.day, row.was_restricted) for row in state.itertuples()]
    assert found == [("a", 2, False), ("a", 12, True), ("a", 22, True), ("b", 22, False)]


def test_names_are_text_and_no_sql(ledger: Ledger) -> None:
    name = "o'brien"
    frame = scored(FIRST, **{"x'; DROP TABLE decisions; --": (0.1, "grade_cap")})
    assert ledger.record(run(name), frame, ledger.before(name, members(FIRST, "a")), WAY_OUT)
    assert len(ledger.history(name, "x'; DROP TABLE decisions; --")) == 1


def test_what_fails_on_the_way_leaves_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    from credit_eval.scoring import ledger as module

    name, frame = "killed", scored(FIRST, a=(0.1, "grade_cap"))
    with monkeypatch.context() as patch:
        patch.setattr(module, "_run_row", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ledger.record(run(name), frame, ledger.before(name, members(FIRST, "a")), WAY_OUT)
    assert ledger.before(name, members(FIRST + timedelta(days=1), "a")).empty
    assert ledger.record(run(name), frame, ledger.before(name, members(FIRST, "a")), WAY_OUT)


def test_a_database_that_is_not_there_and_a_file_that_is_none(tmp_path: Path) -> None:
    away = Ledger("postgresql://risk:secret@127.0.0.1:1/ledger")
    with pytest.raises(LedgerError, match="cannot be used") as refused:
        away.before("shop", members(FIRST, "a"))
    assert "secret" not in str(refused.value)
    assert "secret" not in repr(away)
    (tmp_path / "x.sqlite").write_text("no database")
    with pytest.raises(LedgerError, match=r"x\.sqlite cannot be used"):
        Ledger(str(tmp_path / "x.sqlite")).before("shop", members(FIRST, "a"))


@pytest.mark.parametrize("every", [1, 30])
def test_noise_around_the_threshold_opens_and_shuts_nothing(tmp_path: Path, every: int) -> None:
    """p_default of 0.50 ± 0.03, reviewed every night or every month for half a year: shut once, and it stays so."""
    ledger, policy, rng = Ledger(str(tmp_path / "l.sqlite")), load_policy(DEFAULT_POLICY), np.random.default_rng(4)
    customers = [f"c{n}" for n in range(20)]
    shut = []
    for day in range(0, 181, every):
        as_of = FIRST + timedelta(days=day)
        keys = members(as_of, *customers)
        state = ledger.before("noise", keys)
        memory = remembered(keys, state)[["was_restricted", "days_below", "apr_previous"]]
        p = rng.uniform(0.47, 0.53, len(customers))
        inputs = policy_rows(customer_id=customers, p_default=p, limit_previous=100.0, balance=0.0, capacity=100.0)
        decided = decide(inputs.assign(**memory), policy, calibrated=True)
        shut.append(decided["decision"].eq("restrict").to_numpy())
        kept = decided[["decision", "limit_new", "limit_bound_by", "apr"]]
        rows = keys.assign(p_default=p, limit_previous=100.0).join(kept)
        assert ledger.record(run("noise", f"as_of={as_of:%Y-%m-%d}"), rows, state, policy.restriction.way_out)
    moves = np.diff(np.array(shut).astype(int), axis=0)
    assert (moves >= 0).all()
    assert np.array(shut)[-1].mean() > 0.8


def test_a_ledger_that_contradicts_the_accounts(tmp_path: Path) -> None:
    from schedule_lines import dataset_at

    from credit_eval.schema.duckdb import DuckDB
    from credit_eval.scoring.memory import check_limits

    accounts = """
customer_id  occurred_at  known_at    account_id  opened_at   credit_limit
a            2026-01-01   2026-01-01  A           2026-01-01  300.00
a            2026-03-01   2026-03-01  A           2026-01-01  450.00
b            2026-01-01   2026-03-01  B           2026-01-01  300.00
"""
    at = datetime(2026, 2, 1)
    state = pd.DataFrame({"customer_id": ["a", "b"], "decided_at": [at, at], "limit_before": [300.0, NONE]})
    with DuckDB(threads=1) as engine:
        dataset = dataset_at(tmp_path, accounts=accounts)
        check_limits(engine, dataset, state)
        with pytest.raises(IntegrityError, match="contradicts the accounts") as refused:
            check_limits(engine, dataset, state.assign(limit_before=[450.0, NONE]))
    assert refused.value.rows == ("a",)
    assert "300.00 in the accounts" in str(refused.value)


def test_two_runs_may_decide_on_one_customer_at_one_date(ledger: Ledger) -> None:
    nobody = ledger.before("of one date", members(FIRST, "a", "b"))
    assert ledger.record(run("of one date", "cohort=rows"), scored(FIRST, a=(0.1, "x"), b=(0.2, "x")), nobody, WAY_OUT)
    assert ledger.record(
        run("of one date", "file=new"), scored(FIRST, b=(0.6, "restriction"), c=(0.3, "x")), nobody, WAY_OUT
    )
    assert ledger.record(
        run("of one date", "cohort=rows", "bb"), scored(FIRST, a=(0.1, "x"), b=(0.2, "x")), nobody, WAY_OUT
    )
    assert ledger.history("of one date", "b")["p_default"].tolist() == [0.2, 0.6, 0.2]
    assert ledger.history("of one date", "b")["version"].tolist() == [0, 1, 2]
    later = ledger.before("of one date", members(FIRST + timedelta(days=1), "a", "b", "c"))
    assert later["customer_id"].tolist() == ["a", "b", "c"]
    assert not later["was_restricted"].any()  # the last of them counts


def test_every_run_is_an_entry_of_the_log_after_the_champions_moves(ledger: Ledger) -> None:
    name, moves = "log", [{"at": "2025-12-01 00:00:00", "what": "promoted", "version": 1, "model_of": "log"}]
    assert ledger.log(name).entries == ()
    one, nobody = scored(FIRST, a=(0.6, "restriction")), ledger.before(name, members(FIRST, "a"))
    for _ in range(2):
        ledger.record(run(name), one, nobody, WAY_OUT, moves)
    moves.append({"at": "2026-01-03 00:00:00", "what": "chosen", "version": 2, "model_of": "log"})
    ledger.record(run(name, manifest="bb"), one, nobody, WAY_OUT, moves)
    ledger.record(run("other"), one, nobody, WAY_OUT)
    said = ledger.log(name).read()
    assert [(one["kind"], one["version"]) for one in said] == [
        ("champion", 1),
        ("batch", 0),
        ("champion", 2),
        ("batch", 1),
    ]
    assert [one.get("manifest") for one in said] == [None, "aa", None, "bb"]
    assert len(ledger.log("other").entries) == 1
    ledger.check_log(name, [ledger.log(name).head_at(size) for size in range(5)])
    with ledger._open(write=True) as cursor:
        cursor.execute("UPDATE log SET entry = replace(entry, 'promoted', 'demoted') WHERE dataset = 'log'")
    with pytest.raises(IntegrityError, match="is not what was written"):
        ledger.check_log(name, [])
    with pytest.raises(IntegrityError, match="is not what was written"):
        ledger.record(run(name, manifest="cc"), one, nobody, WAY_OUT, moves)


def test_a_decision_that_was_edited_in_the_database_is_found(ledger: Ledger) -> None:
    name, rng = "edited", np.random.default_rng(0)
    many = scored(FIRST, **{f"客户{i}": (float(rng.random()), "grade_cap") for i in range(300)})
    nobody = ledger.before(name, members(FIRST, "a"))
    ledger.record(run(name), many, nobody, WAY_OUT)
    ledger.record(run(name, manifest="bb"), many, nobody, WAY_OUT)
    ledger.check_log(name, [])
    for change in ("limit_after = limit_after + 0.01", "decision = 'approve'", "low_since = 5", "p_default = 0.1"):
        with ledger._open(write=True) as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT * FROM decisions")
            cursor.execute(f"UPDATE decisions SET {change} WHERE dataset = 'edited' AND customer_id = '客户7'")
        with pytest.raises(IntegrityError, match="are not those it recorded"):
            ledger.check_log(name, [])
        with ledger._open(write=True) as cursor:
            cursor.execute("DELETE FROM decisions")
            cursor.execute("INSERT INTO decisions SELECT * FROM kept")
            cursor.execute("DROP TABLE kept")
        ledger.check_log(name, [])


def test_runs_at_once_get_entries_one_after_the_other(ledger: Ledger) -> None:
    name, one = "at once", scored(FIRST, a=(0.6, "restriction"))
    nobody = ledger.before(name, members(FIRST, "a"))
    ledger.log(name)
    labels = [f"cohort={number}" for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda label: ledger.record(run(name, label, label), one, nobody, WAY_OUT), labels))
    assert done == [True] * 6
    assert sorted(said["label"] for said in ledger.log(name).read()) == labels


def test_a_full_disk_is_told_as_such_and_nothing_is_recorded(small_disk: Path) -> None:
    ledger, name = Ledger(str(small_disk / "ledger" / "decisions.sqlite")), "full"
    nobody = ledger.before(name, members(FIRST, "a"))
    ledger.record(run(name), scored(FIRST, a=(0.6, "restriction")), nobody, WAY_OUT)
    before = ledger.log(name)
    (small_disk / "ballast").write_bytes(b"\0" * (shutil.disk_usage(small_disk).free - 64 * 1024))
    many = scored(FIRST, **{f"c{i}": (0.1, "grade_cap") for i in range(20_000)})
    with pytest.raises(StorageError, match=r"disk is full|No space left"):
        ledger.record(run(name, "as_of=2026-01-02", "bb"), many, nobody, WAY_OUT)
    (small_disk / "ballast").unlink()
    assert ledger.log(name) == before
    assert ledger.record(run(name, "as_of=2026-01-02", "bb"), many, nobody, WAY_OUT)
