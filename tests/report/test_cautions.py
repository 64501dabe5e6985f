"""Each rule speaks when it should, and a good model in a calm portfolio is warned of nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scored_run import INFO, RECORD, manifest, record, scored_frame, with_metrics, write_run

from credit_eval.report.cautions import Caution, Evidence, cautions
from credit_eval.report.summary import summarise
from credit_eval.report.tables import portfolio


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    scored = write_run(tmp_path_factory.mktemp("scored"), scored_frame(adverse=False))
    summary, counted = summarise(scored), portfolio(scored, by_score_only=False)
    assert summary.customers == 400
    as_judged = replace(counted, mean_p_current=RECORD.metrics["default_rate"])
    return Evidence(summary, as_judged, record(), manifest(400), INFO)


def said(evidence: Evidence, level: str = "warning") -> str:
    found = [each for each in cautions(evidence) if each.level == level]
    for each in found:  # said in Chinese too, with the numbers in percent that English has
        assert re.search("[\u4e00-\u9fff]", each.zh)
        shares = [
            re.findall(r"[\d.]+%", text.replace("\N{NO-BREAK SPACE}", "").replace(" ", ""))
            for text in (each.text, each.zh)
        ]
        assert set(shares[1]) <= set(shares[0])
    return "\n".join(each.text for each in found)


def test_nothing_to_say_of_a_good_model(calm: Evidence) -> None:
    assert cautions(calm) == []


GAIN = {"logistic regression": {"value": 0.001, "low": -0.01, "high": 0.012}}
LOSS = {"logistic regression": {"value": -0.03, "low": -0.04, "high": -0.02}}


@pytest.mark.parametrize(
    ("validation", "expected"),
    [
        (record(split="grouped"), "not judged out of time"),
        (record(model_version=2), "it says nothing about the model used"),
        (with_metrics(bads=29), "Only 29 defaults"),
        (with_metrics(auc_low=0.49), "than a coin"),
        (with_metrics(auc_low=0.70, auc_high=0.85), "only to within 0.15"),
        (with_metrics(ece=0.08), "Calibration error is large"),
        (record(gains=GAIN), "not shown to rank better than logistic regression"),
        (record(gains=LOSS), "ranks worse than logistic regression"),
        (record(reliability=[{"n": 5000, "predicted": 0.14, "observed": 0.1}]), "expected more defaults than came"),
        (record(reliability=[{"n": 5000, "predicted": 0.07, "observed": 0.1}]), "expected fewer defaults than came"),
    ],
)
def test_the_validation_is_questioned(calm: Evidence, validation: dict[str, Any], expected: str) -> None:
    assert expected in said(replace(calm, validation=validation))


def test_absent_features_are_said_with_what_the_source_lacks(calm: Evidence) -> None:
    absent = {"a": "table browsing", "b": "table browsing", "c": "column customers.bank"}
    found = replace(
        calm, validation=record(features_absent=absent), manifest=manifest(400) | {"features_absent": absent}
    )
    assert "3 of 6 features are absent" in said(found, "note")
    assert "table browsing (2 features); column customers.bank (1 feature)" in said(found, "note")
    assert said(found) == ""


def test_other_features_absent_than_in_training_is_a_warning(calm: Evidence) -> None:
    assert "not those absent when" in said(
        replace(calm, manifest=manifest(400) | {"features_absent": {"a": "table x"}})
    )


def test_what_is_unknown_and_never_was_is_a_warning(calm: Evidence) -> None:
    unknown = {f"feature_{number}": 400 - number for number in range(7)}
    text = said(replace(calm, summary=replace(calm.summary, never_seen_unknown=unknown)))
    assert "features are unknown (7) that were known of everybody" in text
    assert "feature_0 (of 400); feature_1 (of 399); " in text
    assert "feature_4 (of 396); and 2 more. " in text


def test_a_data_set_that_changed_is_said(calm: Evidence) -> None:
    assert "has changed since" in said(replace(calm, info=replace(INFO, hashes={"orders.parquet": "33" * 32})))


def test_what_was_learnt_by_heart_is_said(calm: Evidence) -> None:
    parts = {"fit": RECORD.metrics | {"auc": 0.97}}
    assert "does not carry over" in said(replace(calm, validation=record(metrics_by_part=parts)), "note")


def test_another_population_is_said(calm: Evidence) -> None:
    risky = replace(calm, portfolio=replace(calm.portfolio, mean_p_current=0.16))
    assert "another population" in said(risky)


def test_many_restricted_and_debts_in_default_are_said(calm: Evidence) -> None:
    found = replace(
        calm,
        summary=replace(calm.summary, restricted=100, adverse=300),
        portfolio=replace(calm.portfolio, in_default=12),
    )
    assert "25.0\N{NO-BREAK SPACE}% of customers get no new credit" in said(found)
    assert "75.0\N{NO-BREAK SPACE}% of decisions are adverse" in said(found, "note")
    assert "12 of those scored have a debt in default" in said(found, "note")


def test_warnings_come_before_notes(calm: Evidence) -> None:
    found = cautions(replace(calm, validation=with_metrics(bads=5), portfolio=replace(calm.portfolio, in_default=1)))
    assert [each.level for each in found] == ["warning", "note"]
    assert isinstance(found[0], Caution)


def test_a_grouped_split_has_no_parts(calm: Evidence, tmp_path: Path) -> None:
    validation = record(split="grouped", metrics_by_part={})
    assert len(cautions(replace(calm, validation=validation))) == 1
