"""A scored run opened for reading: nothing is read of it that is not what the run wrote.

Its manifest carries its own seal, and the hashes of the scored file, of the contributions and of what describes the
profiles, which in turn holds those of their parts. So a number of any of them leads back to the manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from credit_eval.core.errors import SourceError
from credit_eval.core.seals import check_files, hashes_of, read_sealed, sha256_file, write_sealed
from credit_eval.profiles.store import DESCRIBED, Profiles, open_profiles
from credit_eval.scoring.records import TREE

MANIFEST, CONTRIBUTIONS = "manifest.json", "contributions"
#: What every manifest says; a run writes more.
SAID = frozenset(
    """calibrated_on catalogue_fingerprint code_version cohort currency data_fingerprint dataset decisions explained_by
    files finished jurisdiction language losses model_fingerprint model_of model_version never_seen never_seen_unknown
    policy policy_name policy_version profiles replaced revolving rows started tree typical""".split()
)
_TODO = "score it anew with `credit-eval score --replace`, and find out who changed it"


@dataclass(frozen=True)
class Scored:
    """A directory that a run wrote, and its manifest."""

    root: Path
    manifest: Mapping[str, Any]

    @property
    def called(self) -> str:
        """Data set and label."""
        return f"{self.root.parent.name}/{self.root.name}"

    @property
    def parts(self) -> list[Path]:
        """The scored file's parts in order, as they were written.

        Raises:
            IntegrityError: they were changed since, or are gone.
        """
        return self.read(self._scored)

    @property
    def unread_parts(self) -> list[Path]:
        """The scored file's parts, not held against their hashes: for who holds what it reads against the tree."""
        return [self.root / name for name in self._scored]

    @property
    def _scored(self) -> list[str]:
        return [name for name in self._files if "/" not in name and name != TREE]

    @property
    def heard(self) -> int:
        """How many entries of what people decided it heard; runs of before overrides heard nothing."""
        return int(self.manifest.get("heard", 0))

    @property
    def contributions(self) -> list[Path]:
        """The parts of the contributions in order, as they were written.

        Raises:
            IntegrityError: they were changed since, or are gone.
        """
        return self.read(name for name in self._files if name.startswith(f"{CONTRIBUTIONS}/"))

    def read(self, names: Iterable[str]) -> list[Path]:
        """Some of its files, held against their hashes.

        Raises:
            IntegrityError: they were changed since, or are gone.
        """
        sealed = {name: self._files[name] for name in names}
        check_files(self.root, sealed, f"{self.called} is not what its manifest says", _TODO)
        return [self.root / name for name in sealed]

    def check(self) -> None:
        """Hold all of its files against their hashes, and see that there is no part more.

        Raises:
            IntegrityError: a file is missing, was changed since, or was added.
        """
        there = {path.relative_to(self.root).as_posix() for path in self.root.rglob("part-*.parquet")}
        check_files(
            self.root, self._files, f"{self.called} is not what its manifest says", _TODO, there - {*self._files}
        )

    def profiles(self, at: Path) -> Profiles:
        """The profiles that were scored.

        Args:
            at: where they are kept.

        Raises:
            SourceError: they are gone, or were built anew since, of something else.
            IntegrityError: they were changed.
        """
        found = open_profiles(at)
        if sha256_file(at / DESCRIBED) != self.manifest["profiles"]:
            raise SourceError(
                f"the profiles at {at.name} are not those of the run {self.root.name}",
                expected="the profiles that were scored",
                todo="score it anew, with --replace",
            )
        return found

    @property
    def counted(self) -> dict[str, Any]:
        """Rows, decisions, model and policy: what a scheduler or a log wants of it."""
        said = self.manifest
        return {
            "rows": said["rows"],
            "decisions": said["decisions"],
            "model": f"{said['model_of']}/{said['model_version']}",
            "policy": f"{said['policy_name']}/{said['policy_version']}",
        }

    @property
    def _files(self) -> dict[str, str]:
        files: dict[str, str] = self.manifest["files"]
        return dict(sorted(files.items()))


def is_scored(root: Path) -> bool:
    """Whether a run lies here."""
    return (root / MANIFEST).exists()


def manifest_hash(root: Path) -> str | None:
    """SHA-256 of a run's manifest; None where no run lies."""
    return sha256_file(root / MANIFEST) if is_scored(root) else None


def open_scored(root: Path) -> Scored:
    """Open what a run wrote; its files are looked at when they are asked for.

    Raises:
        SourceError: nothing is scored here, or by another version.
        IntegrityError: the manifest is damaged, or was edited.
    """
    if not is_scored(root):
        raise SourceError(
            f"nothing is scored at {root.parent.name}/{root.name}",
            expected="part-*.parquet and manifest.json, such as data/scored/simulated/as_of=2026-07-01",
            todo="score first: `credit-eval score`",
        )
    manifest = read_sealed(root / MANIFEST)
    if lacking := sorted(SAID - set(manifest)):
        raise SourceError(
            f"{root.parent.name}/{root.name} was scored by another version of this program",
            expected="a manifest that says " + ", ".join(lacking),
            todo="score it anew with `credit-eval score --replace`",
        )
    return Scored(root, manifest)


def seal_scored(root: Path, manifest: Mapping[str, object]) -> None:
    """Close a directory: write its manifest, with the hash of every part."""
    write_sealed(
        root / MANIFEST, {**manifest, "files": hashes_of(root, "part-*.parquet") | {TREE: sha256_file(root / TREE)}}
    )
