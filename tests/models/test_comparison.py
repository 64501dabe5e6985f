"""Two versions on the same rows: gains by hand, other data under the same names, rows that came after."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lending_sample import FEATURES, lending_sample
from sklearn.metrics import log_loss, roc_auc_score

from credit_eval.core.errors import SampleError
from credit_eval.models.comparison import can_tell, compare, said_by_both, said_since
from credit_eval.models.promotion import beside_the_champion
from credit_eval.models.training import TrainingSettings, train


def rows(n: int = 2_000, seed: int = 1) -> pd.DataFrame:
    """Customers on two dates, with a true probability that is said to them."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 6, n)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i // 2:05}" for i in range(n)],
            "as_of": np.resize(pd.to_datetime(["2026-01-01", "2026-02-01"]), n),
            "defaulted": (rng.random(n) < p).astype("int8"),
            "part": "oot",
            "p_default": p,
        }
    )


def worse(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows, of which somebody else says other things."""
    noise = np.random.default_rng(9).beta(1, 6, len(frame))
    return frame.assign(p_default=(frame["p_default"] + noise) / 2)


def test_gains_are_those_of_scikit_learn_on_the_same_rows() -> None:
    mine, other = rows(), worse(rows())
    found = compare(said_by_both(mine, other.sample(frac=1, random_state=0)), against=3, threshold=0.5)
    y = mine["defaulted"]
    assert found.gain_auc["value"] == pytest.approx(
        roc_auc_score(y, mine["p_default"]) - roc_auc_score(y, other["p_default"])
    )
    assert found.gain_log_loss["value"] == pytest.approx(
        log_loss(y, other["p_default"]) - log_loss(y, mine["p_default"])
    )
    assert found.gain_auc["low"] > 0 < found.gain_log_loss["low"]
    assert (found.against, found.n, found.bads) == (3, 2_000, y.sum())
    assert beside_the_champion(found) == []


def test_a_worse_challenger_is_objected_to_and_an_equal_one_is_not() -> None:
    mine, other = rows(), worse(rows())
    found = beside_the_champion(compare(said_by_both(other, mine), against=3, threshold=0.5))
    assert [said.split(",")[0] for said in found] == [
        "it ranks worse than the champion",
        "it predicts worse than the champion",
    ]
    same = compare(said_by_both(mine, mine), against=3, threshold=0.5)
    assert beside_the_champion(same) == []
    assert set(same.gain_auc.values()) == {0.0}


def test_the_swap_set_holds_every_row_once() -> None:
    mine, other = rows(), worse(rows())
    found = compare(said_by_both(mine, other), against=3, threshold=0.3)
    for rule in {swap.rule for swap in found.swaps}:
        parts = [swap for swap in found.swaps if swap.rule == rule]
        assert sum(swap.n for swap in parts) == 2_000
        assert sum(swap.bads for swap in parts) == mine["defaulted"].sum()
    (alone,) = [one for one in found.swaps if (one.rule, one.who) == ("p_default above 0.30", "this one alone")]
    mask = (mine["p_default"] > 0.3) & ~(other["p_default"] > 0.3)
    assert (alone.n, alone.bads) == (mask.sum(), mine["defaulted"][mask].sum())


def test_other_data_under_the_same_names_are_not_compared() -> None:
    mine, others = rows(), rows(seed=2)
    assert said_by_both(mine, others).empty
    corrected = mine.assign(defaulted=mine["defaulted"].where(mine.index != 0, 1 - mine["defaulted"]))
    assert len(said_by_both(mine, corrected)) == len(mine)  # one label that a late payment changed


def test_a_champion_is_asked_only_of_what_came_after_all_it_learnt() -> None:
    sample = lending_sample(600)
    model = train(sample, FEATURES, TrainingSettings(num_iterations=10, folds=3))
    judged = sample[["customer_id", "as_of", "defaulted"]].assign(p_default=0.1)

    def profiles(mask: pd.Series[bool]) -> pd.DataFrame:
        return sample[mask]

    assert said_since(judged, model, profiles).empty  # it does not say until when it was taught
    taught = replace(model, metadata=dict(model.metadata) | {"taught_until": "2026-01-15 00:00:00"})
    found = said_since(judged, taught, profiles)
    assert found["as_of"].unique().tolist() == [pd.Timestamp("2026-02-01")]
    np.testing.assert_array_equal(found["p_against"], model.p_default(sample.loc[found.index]))


def test_too_few_rows_are_told() -> None:
    few = said_by_both(rows(30), rows(30))
    assert not can_tell(few)
    with pytest.raises(SampleError, match="too few rows that taught neither"):
        compare(few, against=1, threshold=0.5)
