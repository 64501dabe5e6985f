"""Profiles on disk: `part-*.parquet` sorted by (customer_id, as_of), and `profiles.json` that says what they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from credit_eval.core.errors import SourceError
from credit_eval.core.files import read_json, write_json
from credit_eval.features.catalogue import CATALOGUE
from credit_eval.features.language import Catalogue

if TYPE_CHECKING:  # a third of a second that only frames are worth
    import pandas as pd


@dataclass(frozen=True)
class ProfilesInfo:
    """What the profiles were made from. `absent`: feature -> the table or column that the source lacks."""

    dataset: str
    data_fingerprint: str
    catalogue_fingerprint: str
    cohort: str
    rows: int
    features: list[str]
    absent: dict[str, str]


@dataclass(frozen=True)
class Profiles:
    """Profiles opened for reading."""

    root: Path
    info: ProfilesInfo

    @property
    def parts(self) -> list[Path]:
        """The Parquet files in order."""
        return sorted(self.root.glob("part-*.parquet"))

    @property
    def pattern(self) -> Path:
        """All parts, as a glob an engine reads."""
        return self.root / "part-*.parquet"

    @property
    def catalogue(self) -> Catalogue:
        """The features that are there, as declared."""
        return Catalogue(tuple(CATALOGUE[name] for name in self.info.features))

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
    return Profiles(root, ProfilesInfo(**read_json(described)))


def describe_profiles(root: Path, info: ProfilesInfo) -> None:
    """Write `profiles.json`; the last step of building."""
    write_json(root / "profiles.json", asdict(info))
