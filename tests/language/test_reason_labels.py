"""Every reason code has a label in both languages, and no label is left of a code that is gone."""

from __future__ import annotations

from credit_eval.catalogue import CATALOGUE
from credit_eval.language.reasons import LENDERS_ACTS, LITTLE_KNOWN, REASONS, label


def test_labels_are_those_of_the_codes_in_the_catalogue() -> None:
    assert set(REASONS) == {feature.reason for feature in CATALOGUE.features} | {LITTLE_KNOWN}
    assert set(REASONS) >= LENDERS_ACTS


def test_labels_tell_the_codes_apart_in_both_languages() -> None:
    for language in ("en", "zh"):
        labels = [text.in_(language) for text in REASONS.values()]
        assert len(set(labels)) == len(labels)
    assert [text.zh for text in REASONS.values() if text.zh.isascii()] == []
    assert [text.en for text in REASONS.values() if not text.en.isascii()] == []


def test_a_code_of_another_catalogue_is_its_own_words() -> None:
    assert (label("R_REVIEWS"), label("R_REVIEWS", "zh")) == ("reviews written", "商品评价")
    assert label("R_OF_ANOTHER_CATALOGUE") == "of another catalogue"
