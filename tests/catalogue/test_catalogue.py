"""The catalogue: large enough, every feature told apart from every other, and lawful where it says."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import get_args

import pytest

from credit_eval.catalogue import CATALOGUE
from credit_eval.catalogue.audit import AUDIT
from credit_eval.core.errors import DeclarationError
from credit_eval.engine.plan import Plan
from credit_eval.language import translation
from credit_eval.language.aggregates import Aggregate
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.feature import Feature, Role
from credit_eval.language.measures import Difference, Rank, Ratio, Series, aggregates_of
from credit_eval.language.stored import restored, stored
from credit_eval.schema.tables import TABLES

LATIN, CHINESE = re.compile("[A-Za-z]"), re.compile("[\u4e00-\u9fff]")
AUDITED = {(t.name, c.name) for t in TABLES.values() for c in t.columns if c.audit_only}
KEYS = {"account_id", "application_id", "installment_id", "order_id", "payment_id", "paid_known_at", "refund_id"}
#: Reason codes of whose features a direction is claimed, and which directions.
CLAIMED = {
    "R_FAILED_PAYMENTS": {-1, 0, 1},
    "R_LATE_REPAYMENTS": {-1, 0, 1},
    "R_OVERDUE_NOW": {0, 1},
    "R_LIMIT_CHANGES": {0, 1},
    "R_IDENTITY_CHECK": {-1},
}


def read(feature: Feature) -> set[tuple[str, str]]:
    return {(table, name) for table, names in feature.needs.items() for name in names}


def test_it_has_three_hundred_features_over_every_table_and_what_the_policy_needs() -> None:
    assert len(CATALOGUE.features) >= 300
    assert {table for feature in CATALOGUE.features for table in feature.tables} == set(TABLES)
    assert set(CATALOGUE.roles) == set(get_args(Role)) - {"income", "annual_income"}  # a flat table alone says these
    assert set(CATALOGUE.roles.values()) <= set(CATALOGUE.names)


def test_it_reads_every_column_a_model_may_see() -> None:
    columns = {(t.name, c.name) for t in TABLES.values() for c in t.columns if c.name not in KEYS} - AUDITED
    unread = columns - {pair for feature in CATALOGUE.features for pair in read(feature)}
    assert unread == {
        ("orders", "channel"),  # that of the payment is read
        ("customers", "monthly_income"),  # the policy reads it
    }


def test_it_uses_the_whole_language() -> None:
    aggregates = [a for feature in CATALOGUE.features for a in aggregates_of(feature.measure)]
    measures = {type(feature.measure) for feature in CATALOGUE.features}
    assert measures == {Aggregate, Ratio, Difference, Series, Rank}
    assert {a.days for a in aggregates} >= {7, 30, 90, 180, 365, None}
    assert {"entropy", "decayed_sum", "gap_mean", "gap_std", "std", "nunique"} <= {a.kind for a in aggregates}
    assert {a.nth for a in aggregates} == {1, 2, 3}


def test_no_two_features_are_the_same_or_are_called_the_same() -> None:
    features = CATALOGUE.features
    for keys in (CATALOGUE.names, CATALOGUE.measures.values(), (f.title for f in features), (f.zh for f in features)):
        assert [key for key, n in Counter(keys).items() if n > 1] == []


def test_the_dearest_fold_is_used_sparingly_and_no_stream_of_a_large_table_depends_on_as_of() -> None:
    kinds = Counter(a.kind for feature in CATALOGUE.features for a in aggregates_of(feature.measure))
    assert kinds["entropy"] <= 6
    paired = {one.stream.table for one in Plan.of(CATALOGUE.measures).streams if one.stream.joined}
    assert paired == {"customers", "repayments"}


def test_a_name_follows_from_its_declaration() -> None:
    assert [name for name in CATALOGUE.names if not name.isidentifier() or name != name.lower()] == []
    assert [f.name for f in CATALOGUE.features if f.name.split("_")[0] not in f.tables] == []
    folded = {f.name: f.measure for f in CATALOGUE.features if isinstance(f.measure, Aggregate)}
    assert len(folded) > 200
    assert [name for name, of in folded.items() if of.days and not name.endswith(f"_{of.days}d")] == []


def test_both_languages_have_words() -> None:
    told = [*CATALOGUE.features, *AUDIT.features]
    assert [f.zh for f in told if not CHINESE.search(f.zh) or LATIN.search(f.zh)] == []
    assert [f.title for f in told if not LATIN.search(f.title) or CHINESE.search(f.title)] == []
    assert [x for f in told for x in (f.title, f.zh) if x != x.strip() or "  " in x or "{" in x] == []


def test_the_table_of_translations_has_a_row_for_each_feature_and_no_other() -> None:
    assert sorted(translation.CHINESE) == sorted([*CATALOGUE.names, *AUDIT.names])


def test_windows_and_measure_words_of_the_translations_are_those_of_the_declarations() -> None:
    """A number of days stands in both titles: a row of the table that belongs to another feature is found."""
    for feature in CATALOGUE.features:
        days = re.findall(r"(\d+) days", feature.title)
        assert [n for n in days if f"{n}天" not in feature.zh and f"{n}个" not in feature.zh] == [], feature.name
    assert {f.measure_word for f in CATALOGUE.features} == {"", "次", "笔", "期", "个", "个月", "周"}
    assert [f.name for f in CATALOGUE.features if f.unit == "count" and not f.measure_word] == []


def test_browsing_and_referrals_are_not_for_credit_in_the_eu_and_all_else_is_for_any() -> None:
    barred = {f.name for f in CATALOGUE.features if "browsing" in f.tables or ("customers", "referred") in read(f)}
    assert len(barred) > 40
    assert barred == {f.name for f in CATALOGUE.features if f.lawful == "not_in_eu_credit"}
    assert {f.lawful for f in CATALOGUE.features} == {"any", "not_in_eu_credit", "protected"}


def test_the_eu_catalogue_is_the_rest() -> None:
    kept, barred = CATALOGUE.lawful_in("eu")
    assert sorted([*kept.names, *barred]) == sorted(CATALOGUE.names)
    assert len(kept.features) >= 300
    assert not any("browsing" in feature.tables for feature in kept.features)
    assert "customers_referred_last" in barred
    protected = {f.name for f in CATALOGUE.features if {("customers", "birth_year"), ("customers", "region")} & read(f)}
    assert {"customers_age_last", "customers_region_last"} <= protected <= set(barred)
    assert set(CATALOGUE.lawful_in("us")[1]) == protected
    assert CATALOGUE.lawful_in("cn") == CATALOGUE.lawful_in("any")
    assert "customers_bank_last" in kept.names


def test_audit_features_are_apart_and_no_model_may_have_them() -> None:
    assert {("customers", "sex"), ("customers", "ethnicity")} == AUDITED
    assert {pair for feature in AUDIT.features for pair in read(feature)} == AUDITED
    assert not {pair for feature in CATALOGUE.features for pair in read(feature)} & AUDITED
    assert {feature.lawful for feature in AUDIT.features} == {"audit_only"}
    assert AUDIT.lawful_in("any") == AUDIT.lawful_in("eu")
    assert AUDIT.lawful_in("any")[0].features == ()
    assert not set(AUDIT.names) & set(CATALOGUE.names)


def test_a_direction_is_claimed_only_of_payments_that_fail_and_credit_that_is_repaid() -> None:
    assert [f.name for f in CATALOGUE.features if f.direction not in CLAIMED.get(f.reason, {0})] == []
    safer = ("_days_since_last", "on_time_share", "kyc_level_last")
    assert {f.direction for f in CATALOGUE.features if any(word in f.name for word in safer)} == {-1, 0}
    assert [f.name for f in CATALOGUE.features if f.direction == -1 and not any(w in f.name for w in safer)] == []


def test_every_declaration_survives_being_stored() -> None:
    told = json.loads(json.dumps([stored(feature) for feature in CATALOGUE.features]))
    assert Catalogue(restored(told)).fingerprint == CATALOGUE.fingerprint
    with pytest.raises(DeclarationError, match="does not know"):
        restored({"is": "Telepathy"})
