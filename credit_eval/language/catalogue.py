"""A catalogue: features with unique names, in a fixed order, and which of them a source can provide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from credit_eval.core.errors import DeclarationError
from credit_eval.core.seals import sha256_json
from credit_eval.core.zones import zone_named
from credit_eval.language.expressions import on_clock
from credit_eval.language.feature import Feature, Role
from credit_eval.language.flat import flat_features
from credit_eval.language.measures import Given, Measure
from credit_eval.language.translation import Chinese
from credit_eval.language.words import Jurisdiction
from credit_eval.schema.flat import FlatColumn
from credit_eval.schema.store import DatasetInfo
from credit_eval.schema.tables import table_named

#: What no model may see there, by how features declare their lawful use.
_BARRED = {
    "any": frozenset({"audit_only"}),
    "cn": frozenset({"audit_only"}),
    "us": frozenset({"audit_only", "protected"}),
    "eu": frozenset({"audit_only", "protected", "not_in_eu_credit"}),
}


@dataclass(frozen=True)
class Catalogue:
    """Features with unique names, in a fixed order.

    Args:
        features: in the order of the columns of profiles.

    Raises:
        DeclarationError: two features of one name, or of one role.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DeclarationError("two features of one name", expected="unique names", received=", ".join(twice))
        roles = [feature.role for feature in self.features if feature.role]
        if len(set(roles)) < len(roles):
            raise DeclarationError("two features of one role", expected="one each", received=", ".join(sorted(roles)))

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [feature.name for feature in self.features]

    @property
    def untranslated(self) -> list[str]:
        """Names of the features that have no Chinese words; these are told in English."""
        return [feature.name for feature in self.features if not feature.zh]

    @property
    def roles(self) -> dict[Role, str]:
        """What the policy reads, and the feature that says it."""
        return {feature.role: feature.name for feature in self.features if feature.role}

    @property
    def measures(self) -> dict[str, Measure]:
        """What the engines compute, by column name."""
        return {feature.name: feature.measure for feature in self.features if not isinstance(feature.measure, Given)}

    @property
    def given(self) -> dict[str, Given]:
        """What a flat table gives, by column name."""
        return {feature.name: feature.measure for feature in self.features if isinstance(feature.measure, Given)}

    @property
    def fingerprint(self) -> str:
        """Changes when the order, meaning, direction or words of any feature do."""
        return sha256_json([repr(feature) for feature in self.features])

    @property
    def meanings(self) -> dict[str, str]:
        """Of each feature a hash of what it is, whatever it is called and by whichever clocks: measure and unit."""
        return {f.name: sha256_json([repr(on_clock(f.measure, "UTC")), f.unit])[:12] for f in self.features}

    def translated(self, table: Mapping[str, Chinese]) -> Catalogue:
        """The same features, told in Chinese as a table says by their names; what it lacks is told in English.

        Args:
            table: by a feature's name what it is called (`translation.CHINESE`).

        Returns:
            the same catalogue, told in two languages.
        """
        told = [(feature, table.get(feature.name, Chinese())) for feature in self.features]
        return Catalogue(tuple(replace(f, zh=zh.title, measure_word=zh.measure_word) for f, zh in told))

    def __getitem__(self, name: str) -> Feature:
        for feature in self.features:
            if feature.name == name:
                return feature
        raise DeclarationError("no such feature", received=name, todo="see docs/features.md")

    def lawful_in(self, jurisdiction: Jurisdiction) -> tuple[Catalogue, list[str]]:
        """The features that a model may use there, and the names of those it may not.

        Args:
            jurisdiction: "any", "us", "eu" or "cn".

        Returns:
            the lawful features, and the names of the others.
        """
        barred = _BARRED[jurisdiction]
        kept = tuple(feature for feature in self.features if feature.lawful not in barred)
        return Catalogue(kept), [feature.name for feature in self.features if feature.lawful in barred]

    def with_flat(self, columns: Iterable[FlatColumn]) -> Catalogue:
        """These features and those of a flat table, which takes their role from a feature where it says it better.

        Args:
            columns: as the mapping declares them.

        Returns:
            both, the flat table's last.

        Raises:
            DeclarationError: two features of one name.
        """
        given = flat_features(columns)
        roles = {feature.role for feature in given if feature.role}
        own = (replace(feature, role=None) if feature.role in roles else feature for feature in self.features)
        return Catalogue((*own, *given))

    def available(self, info: DatasetInfo) -> Provided:
        """The features a source can provide, on its customers' clock; for each other, the table or column it lacks.

        Args:
            info: which tables and columns a data set has, and its customers' time zone.

        Returns:
            the features that can be built, and what each other one lacks.
        """
        lacking = {f.name: lack for f in self.features if (lack := _lack(f, info.columns))}
        absent = lacking if info.columns else {}  # of a flat table alone nobody expects events
        zone = zone_named(info.timezone).name
        return Provided(Catalogue(tuple(on_clock(f, zone) for f in self.features if f.name not in lacking)), absent)


@dataclass(frozen=True)
class Provided:
    """Of a catalogue what a source provides; `absent`: feature -> the table or column that the source lacks."""

    catalogue: Catalogue
    absent: dict[str, str]


def _lack(feature: Feature, columns: dict[str, list[str]]) -> str | None:
    for table, needed in sorted(feature.needs.items()):
        if table not in columns:
            return f"table {table_named(table).name}"
        missing = needed - set(columns[table])
        if missing:
            return f"column {table}.{min(missing)}"
    return None


def axis_titles(features: Iterable[Feature]) -> dict[str, str]:
    """What each feature is, by name, as it is written on an axis."""
    return {f.name: f"days {f.title}" if f.title.startswith("since ") else f.title for f in features}


def merge(*parts: Iterable[Feature]) -> Catalogue:
    """One catalogue of several modules' features."""
    return Catalogue(tuple(feature for part in parts for feature in part))
