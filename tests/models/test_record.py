"""The record of a validation: judged on rows that taught nothing, beside baselines on the same rows."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lending_sample import FEATURES, lending_sample
from scored_run import RECORD
from sklearn.metrics import roc_auc_score, roc_curve

from credit_eval.core.errors import SourceError
from credit_eval.core.files import write_json
from credit_eval.core.statistics import auc
from credit_eval.models.promotion import Overruled
from credit_eval.models.record import DEMOGRAPHICS, judged_by_cross_validation, judged_out_of_time, read_record
from credit_eval.models.training import TrainingSettings, grow

SETTINGS = TrainingSettings(num_iterations=60, early_stopping_round=10, folds=3)


@pytest.fixture(scope="module")
def out_of_time():
    sample = lending_sample().assign(part="fit")
    later = lending_sample(600, seed=9).assign(part="oot")
    later["customer_id"] = "new_" + later["customer_id"]
    sample = pd.concat([sample, later], ignore_index=True)
    grown = grow(sample[sample["part"] == "fit"], FEATURES, SETTINGS)
    record, rows = judged_out_of_time(grown, sample, FEATURES)
    assert rows["part"].value_counts().to_dict() == {"fit": 2400, "oot": 1200}
    pd.testing.assert_frame_equal(
        rows.drop(columns="p_default"), sample[["customer_id", "as_of", "defaulted", "part"]], check_dtype=False
    )
    np.testing.assert_array_equal(rows.loc[rows["part"] == "oot", "p_default"], grown.model.p_default(later))
    np.testing.assert_array_equal(rows.loc[rows["part"] == "fit", "p_default"], grown.p_out_of_fold)
    return grown.model, later, record


def test_the_headline_is_measured_on_rows_that_taught_nothing(out_of_time):
    model, later, record = out_of_time
    p = model.p_default(later)
    fpr, tpr, _ = roc_curve(later["defaulted"], p)
    assert record.metrics["auc"] == pytest.approx(roc_auc_score(later["defaulted"], p))
    assert record.metrics["ks"] == pytest.approx(np.max(tpr - fpr))
    assert record.metrics["n"] == len(later)
    assert set(record.metrics_by_part) == {"fit", "oot"}


def test_gains_are_paired_differences_on_the_same_rows(out_of_time):
    _, _, record = out_of_time
    for name, baseline in record.baselines.items():
        assert baseline["n"] == record.metrics["n"]
        gain = record.gains[name]
        assert gain["value"] == pytest.approx(record.metrics["auc"] - baseline["auc"])
        assert gain["low"] < gain["value"] < gain["high"]


def test_the_curves_hold_every_row_and_every_bad(out_of_time):
    _, later, record = out_of_time
    assert sum(bin_["n"] for bin_ in record.reliability) == len(later)
    observed = sum(bin_["n"] * bin_["observed"] for bin_ in record.reliability)
    assert observed == pytest.approx(later["defaulted"].sum())
    first, last = record.capture[0], record.capture[-1]
    assert (first["share"], first["bads"], first["goods"]) == (0, 0, 0)
    assert (last["share"], last["bads"], last["goods"]) == (1, 1, 1)
    assert max(point["bads"] - point["goods"] for point in record.capture) <= record.metrics["ks"] + 1e-12


def test_cross_validation_puts_the_demographics_beside_the_model():
    sample = lending_sample(500)
    record, rows = judged_by_cross_validation(
        sample, FEATURES, SETTINGS, demographics=["customers_region", "customers_age"]
    )
    assert len(rows) == len(sample)
    assert auc(rows["defaulted"], rows["p_default"]) == pytest.approx(record.metrics["auc"], abs=0.02)
    assert record.metrics["n"] == len(sample)
    assert record.baselines[DEMOGRAPHICS]["auc"] < record.metrics["auc"]
    assert record.gains[DEMOGRAPHICS]["low"] > 0


def test_a_record_is_read_as_it_was_written(tmp_path):
    spoken = replace(RECORD, objections=["it is a test"])
    write_json(tmp_path / "record.json", spoken.stored())
    read = read_record(tmp_path / "record.json")
    assert read.of(1, "") == spoken
    assert read.of(7, "because") == replace(
        spoken, model_version=7, promoted_anyway=Overruled("because", ["it is a test"])
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda told: told.pop("gains"), "gains: Field required"),
        (lambda told: told.update(spell="x"), "spell"),
        (lambda told: told.update(rounds="many"), "rounds"),
        (lambda told: told["drawn"].pop("rows"), "drawn.rows"),
    ],
    ids=["lacking", "unknown", "of another type", "lacking within"],
)
def test_a_record_of_another_version_is_refused(tmp_path, change, told):
    content = RECORD.stored()
    change(content)
    write_json(tmp_path / "record.json", content)
    with pytest.raises(SourceError, match=re.escape(told)) as refused:
        read_record(tmp_path / "record.json")
    assert "train again" in str(refused.value)
