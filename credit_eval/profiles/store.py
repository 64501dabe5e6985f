"""Profiles on disk: `part-*.parquet` sorted by (customer_id, as_of), and `profiles.json` that says what they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from credit_eval.core.errors import SourceError
from credit_eval.core.seals import check_files, hashes_of, read_sealed, sha256_file, write_sealed
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.stored import restored

if TYPE_CHECKING:  # a third of a second that only frames are worth
    import pandas as pd


DESCRIBED = "profiles.json"
_REBUILD = "build them anew (score or train does), and find out who changed them"


@dataclass(frozen=True)
class ProfilesInfo:
    """What the profiles were made from.

    `absent`: feature -> the table or column that the source lacks. `declared`: the features as `features.stored` holds
    them, on the customers' clock. `standings`: of each rank where values stood at the latest as_of
    (`engine.ranks.Standing`). `files`: SHA-256 of the parts, by name.
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
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Profiles:
    """Profiles opened for reading."""

    root: Path
    info: ProfilesInfo

    @property
    def parts(self) -> list[Path]:
        """The Parquet files in order, as they were built.

        Raises:
            IntegrityError: they were changed since, or are gone.
        """
        self.check(*self.info.files)
        return [self.root / name for name in sorted(self.info.files)]

    def check(self, *names: str) -> None:
        """Hold some parts against the hashes that they were built with.

        Raises:
            IntegrityError: they were changed since, or are gone.
        """
        sealed = {name: self.info.files[name] for name in names}
        check_files(self.root, sealed, f"the profiles at {self.root.name} are not what was built", _REBUILD)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The features that are there, as they were declared when the profiles were built."""
        described = self.root / DESCRIBED
        if not described.exists():  # they are being built
            return Catalogue(restored(self.info.declared))
        return _declared_in(described, sha256_file(described))

    def frame(self) -> pd.DataFrame:
        """All profiles in memory: keys, then a column per feature (float64, or str for categories)."""
        import pandas as pd

        return pd.concat(self.frames(), ignore_index=True)

    def frames(self) -> Iterator[pd.DataFrame]:
        """The profiles part by part: memory is bounded by a part."""
        for part in self.parts:
            yield pq.read_table(part).to_pandas()


@lru_cache(maxsize=8)
def _declared_in(described: Path, _sha256: str) -> Catalogue:
    """The features of a file that describes profiles: three hundred take a tenth of a second, and many ask."""
    return Catalogue(restored(read_sealed(described)["declared"]))


def open_profiles(root: Path) -> Profiles:
    """Open a directory of profiles.

    Raises:
        SourceError: there are none, or they are of another format.
        IntegrityError: what describes them is damaged, or was edited.
    """
    described = root / DESCRIBED
    if not described.exists():
        raise SourceError(f"no profiles at {root.name}", todo="build them with `credit-eval profiles`")
    told = read_sealed(described)
    if set(told) != {each.name for each in fields(ProfilesInfo)}:
        raise SourceError(f"the profiles at {root.name} are of another version", todo="build them anew: score or train")
    return Profiles(root, ProfilesInfo(**told))


def describe_profiles(root: Path, info: ProfilesInfo) -> None:
    """Write `profiles.json`, with the hashes of the parts; the last step of building."""
    write_sealed(root / DESCRIBED, asdict(replace(info, files=hashes_of(root, "part-*.parquet"))))
