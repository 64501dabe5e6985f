"""Profiles on disk: `part-*.parquet` sorted by (customer_id, as_of), and `profiles.json` that says what they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from credit_eval.core.errors import SourceError
from credit_eval.core.files import read_json, write_json
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.stored import restored

if TYPE_CHECKING:  # a third of a second that only frames are worth
    import pandas as pd


@dataclass(frozen=True)
class ProfilesInfo:
    """What the profiles were made from.

    `absent`: feature -> the table or column that the source lacks. `declared`: the features as `features.stored` holds
    them, on the customers' clock. `standings`: of each rank where values stood at the latest as_of
    (`engine.ranks.Standing`).
    """

    dataset: str
    data_fingerprint: str
    catalogue_fingerprint: str
    cohort: str
    rows: int
    features: list[str]
    absent: dict[str, str]
    declared: list[Any]
    standings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Profiles:
    """Profiles opened for reading."""

    root: Path
    info: ProfilesInfo

    @property
    def parts(self) -> list[Path]:
        """The Parquet files in order."""
        return sorted(self.root.glob("part-*.parquet"))

    @cached_property
    def catalogue(self) -> Catalogue:
        """The features that are there, as they were declared when the profiles were built."""
        return Catalogue(restored(self.info.declared))

    def frame(self) -> pd.DataFrame:
        """All profiles in memory: keys, then a column per feature (float64, or str for categories)."""
        import pandas as pd

        return pd.concat(self.frames(), ignore_index=True)

    def frames(self) -> Iterator[pd.DataFrame]:
        """The profiles part by part: memory is bounded by a part."""
        for part in self.parts:
            yield pq.read_table(part).to_pandas()


def open_profiles(root: Path) -> Profiles:
    """Open a directory of profiles.

    Raises:
        SourceError: there are none, or they are of another format.
    """
    described = root / "profiles.json"
    if not described.exists():
        raise SourceError(f"no profiles at {root.name}", todo="build them with `credit-eval profiles`")
    told = read_json(described)
    if set(told) != {each.name for each in fields(ProfilesInfo)}:
        raise SourceError(f"the profiles at {root.name} are of another version", todo="build them anew: score or train")
    return Profiles(root, ProfilesInfo(**told))


def describe_profiles(root: Path, info: ProfilesInfo) -> None:
    """Write `profiles.json`; the last step of building."""
    write_json(root / "profiles.json", asdict(info))
