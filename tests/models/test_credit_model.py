import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lending_sample import FEATURES, lending_sample

from credit_eval.core.errors import ModelError
from credit_eval.core.odds import ScoreScale, log_odds
from credit_eval.models.model import Calibration, CreditModel, GradeScale
from credit_eval.models.training import TrainingSettings, train

SAMPLE = lending_sample()


@pytest.fixture(scope="module")
def model():
    return train(SAMPLE, FEATURES, TrainingSettings(num_iterations=80, folds=3))


def test_matrix_is_float64_with_categories_as_places_and_unknown_as_nan(model):
    profiles = SAMPLE.head(3).assign(customers_region=["east", None, "atlantis"])
    matrix = model.matrix(profiles)
    assert matrix.dtype == np.float64
    assert matrix.shape == (3, 5)
    assert matrix.flags.c_contiguous
    assert matrix[0, 3] == 0.0
    assert np.isnan(matrix[1:, 3]).all()


def test_no_value_is_rounded_to_a_float32(model):
    value = 1 + 2**-40
    assert model.matrix(SAMPLE.head(1).assign(noise=value))[0, 2] == value


def test_columns_are_read_by_name_not_by_place(model):
    shuffled = SAMPLE[SAMPLE.columns[::-1]]
    assert model.log_odds(shuffled).tolist() == model.log_odds(SAMPLE).tolist()


def test_a_row_scores_the_same_alone_and_in_a_batch(model):
    batch = model.score_frame(SAMPLE.head(300))
    alone = pd.concat([model.score_frame(SAMPLE.iloc[[i]]) for i in range(300)])
    pd.testing.assert_frame_equal(batch, alone, check_exact=True)


def test_an_unseen_category_scores_like_an_unknown_one(model):
    unseen = model.p_default(SAMPLE.assign(customers_region="atlantis"))
    unknown = model.p_default(SAMPLE.assign(customers_region=None))
    assert unseen.tolist() == unknown.tolist()


def test_p_default_score_and_grade_tell_one_story(model):
    scored = model.score_frame(SAMPLE)
    line = model.calibration
    assert log_odds(scored["p_default"]) == pytest.approx(line.intercept + line.slope * model.log_odds(SAMPLE))
    by_risk = scored.sort_values("p_default")
    assert by_risk["score"].is_monotonic_decreasing
    assert by_risk["grade"].is_monotonic_increasing
    assert (scored.index == SAMPLE.index).all()
    assert scored["score"].dtype == np.int64
    assert ((scored["score"] < 500) == (scored["p_default"] > 0.5)).all()


def test_nobody_to_score_gives_an_empty_frame(model):
    assert model.score_frame(SAMPLE.head(0)).columns.tolist() == ["p_default", "score", "grade"]


def test_profiles_that_lack_features_are_refused_by_name(model):
    with pytest.raises(ModelError, match="without late_days, noise") as error:
        model.log_odds(SAMPLE.drop(columns=["noise", "late_days"]))
    assert error.value.exit_code == 15


def test_text_in_a_number_is_refused(model):
    with pytest.raises(ModelError, match="feature noise holds something other than numbers"):
        model.log_odds(SAMPLE.assign(noise="loud"))


def test_saved_as_text_and_loaded_it_scores_the_same_bits(model, tmp_path):
    model.save(tmp_path / "model")
    loaded = CreditModel.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.score_frame(SAMPLE), model.score_frame(SAMPLE), check_exact=True)
    assert loaded.fingerprint == model.fingerprint
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["booster.txt", "model.json"]
    assert json.loads((tmp_path / "model" / "model.json").read_text())["calibration"]["slope"] > 0


def test_fingerprint_changes_with_what_changes_scores_and_not_with_metadata(model):
    assert replace(model, metadata={}).fingerprint == model.fingerprint
    others = [
        replace(model, calibration=replace(model.calibration, intercept=0.5)),
        replace(model, scale=ScoreScale(pdo=20)),
        replace(model, grades=GradeScale((0.1, 0.5), ("A", "B", "C"))),
        replace(model, inputs=model.inputs[::-1]),
    ]
    assert len({model.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_an_uncalibrated_model_ranks_but_knows_no_probability(model):
    ranking = replace(model, calibration=None)
    assert not ranking.is_calibrated
    assert ranking.log_odds(SAMPLE).shape == (len(SAMPLE),)
    with pytest.raises(ModelError, match="not calibrated"):
        ranking.score_frame(SAMPLE)


def test_a_directory_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no model"):
        CreditModel.load(tmp_path)


@pytest.mark.parametrize("slope", [0.0, -1.0, float("nan")])
def test_a_calibration_that_turns_the_ranking_round_is_refused(slope):
    with pytest.raises(ModelError, match="slope > 0"):
        Calibration(0.0, slope, 10, 5, "nothing")


@given(st.floats(0, 1), st.floats(0, 1))
def test_riskier_never_has_a_better_grade(p, q):
    safer, riskier = GradeScale().grade([min(p, q), max(p, q)])
    assert safer <= riskier


@given(st.floats(0, 1))
def test_the_last_grade_is_strictly_above_one_half(p):
    assert (GradeScale().grade(p) == "H") == (p > 0.5)


@pytest.mark.parametrize(
    ("bounds", "labels"), [((0.5, 0.1), ("A", "B", "C")), ((0.1,), ("A",)), ((0.0,), ("A", "B")), ((1.0,), ("A", "B"))]
)
def test_a_grade_scale_that_is_none_is_refused(bounds, labels):
    with pytest.raises(ModelError, match="grade scale"):
        GradeScale(bounds, labels)


@pytest.mark.parametrize("old", ['{"inputs": [["age", null]]}', "{}", "{", "[]", '{"inputs": 3}'])
def test_a_model_of_another_version_says_so(model, tmp_path, old):
    model.save(tmp_path)
    (tmp_path / "model.json").write_text(old)
    with pytest.raises(ModelError, match="another version") as refused:
        CreditModel.load(tmp_path)
    assert "train again" in str(refused.value)
