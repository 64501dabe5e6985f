"""Profiles beside their labels, against a merge of whole frames, which needs several times the memory."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.errors import IntegrityError
from credit_eval.language.stored import stored
from credit_eval.profiles.store import ProfilesInfo, describe_profiles, open_profiles
from credit_eval.samples.labelled import labelled

NUMBERS, TEXT = ["orders_placed_count_30d", "orders_placed_days_since_last"], "customers_region_last"


@pytest.fixture
def sample(tmp_path):
    """Ten members in three parts, and their labels; some cannot be judged."""
    rng, n = np.random.default_rng(0), 10
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i // 2}" for i in range(n)],
            "as_of": pd.to_datetime([datetime(2026, 1 + i % 2, 1) for i in range(n)]).as_unit("us"),
            NUMBERS[0]: rng.poisson(3, n).astype(float),
            NUMBERS[1]: np.where(rng.random(n) < 0.4, np.nan, rng.gamma(2, 10, n)),
            TEXT: pd.Series(rng.choice(["north", "south"], n)).where(rng.random(n) < 0.7, None).astype("str"),
        }
    )
    for number, rows in enumerate((slice(0, 4), slice(4, 4), slice(4, 10))):
        frame.iloc[rows].to_parquet(tmp_path / f"part-{number:05}.parquet", index=False)
    declared = [stored(CATALOGUE[name]) for name in (TEXT, *NUMBERS)]
    info = ProfilesInfo("toy", "1", "2", "sample", n, [TEXT, *NUMBERS], {}, declared)
    describe_profiles(tmp_path, info)
    labels = frame[["customer_id", "as_of"]].assign(
        defaulted=pd.array(rng.integers(0, 2, n), "Int8"),
        label_known_at=pd.Timestamp("2026-09-01").as_unit("us"),
        exclusion=[None, "no_exposure", None, None, "not_matured", None, None, None, "no_account", None],
    )
    labels.loc[labels["exclusion"].notna(), "defaulted"] = pd.NA
    return open_profiles(tmp_path), frame, labels


def test_equals_a_merge(sample):
    profiles, frame, labels = sample
    judged = labels.loc[labels["exclusion"].isna()].drop(columns="exclusion").astype({"defaulted": "int8"})
    expected = frame.merge(judged, on=["customer_id", "as_of"], validate="one_to_one")
    found = labelled(profiles, labels)
    pd.testing.assert_frame_equal(found[list(expected.columns)], expected)


def test_all_numbers_are_columns_of_one_matrix(sample):
    profiles, _, labels = sample
    found = labelled(profiles, labels)
    first, second = (found[name].to_numpy() for name in NUMBERS)
    assert first.base is not None
    assert abs(first.ctypes.data - second.ctypes.data) == 8


@pytest.mark.parametrize("change", ["fewer", "others", "order"])
def test_labels_of_other_members_are_refused(sample, change):
    profiles, _, labels = sample
    wrong = {
        "fewer": labels.iloc[:-1],
        "others": labels.assign(customer_id=labels["customer_id"].str.upper()),
        "order": labels.iloc[::-1],
    }[change].reset_index(drop=True)
    with pytest.raises(IntegrityError, match="not of the same members"):
        labelled(profiles, wrong)
