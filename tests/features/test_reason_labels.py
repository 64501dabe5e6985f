"""Every reason code has a label, and no label is left of a code that is gone."""

from __future__ import annotations

from credit_eval.features.catalogue import CATALOGUE
from credit_eval.features.reasons import REASONS


def test_labels_are_those_of_the_codes_in_the_catalogue() -> None:
    assert set(REASONS) == {feature.reason for feature in CATALOGUE.features}


def test_labels_tell_the_codes_apart() -> None:
    assert len(set(REASONS.values())) == len(REASONS)
