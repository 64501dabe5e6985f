"""Decisions that were replaced are kept: letters went out by them, and somebody may ask.

    data/replaced/<dataset>/<label>/<first 12 of the manifest's SHA-256>/    the directory as it was

The files are linked, not copied. The new manifest names the hashes of all that it replaced, by which the ledger's
last record of the label leads on to it.
"""

from __future__ import annotations

from pathlib import Path

from credit_eval.core.errors import CreditEvalError, IntegrityError
from credit_eval.core.files import atomic_directory, link_files
from credit_eval.core.seals import sha256_file
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.sealed import MANIFEST, Scored, is_scored, open_scored


def keep_replaced(scored: Path, folder: Path, recorded: str | None) -> list[str]:
    """Keep a run that is about to be replaced below a folder.

    Args:
        scored: its directory; nothing is kept where no run lies there.
        folder: of what was replaced under this label.
        recorded: hash of the manifest that the ledger holds of the label.

    Returns:
        SHA-256 of the manifests replaced so far, this one's last; the recorded one is among them.
    """
    if not is_scored(scored):
        return [recorded] if recorded else []
    seal = sha256_file(scored / MANIFEST)
    if not (kept := folder / seal[:12]).exists():
        with atomic_directory(kept) as building:
            link_files(scored, building)
    return list(dict.fromkeys([*_replaced_by(scored), *([recorded] if recorded else []), seal]))


def check_recorded(ledger: Ledger, run: Scored) -> None:
    """Hold a run's manifest against what the ledger recorded of it, where it recorded anything.

    Raises:
        IntegrityError: the ledger holds another manifest, which this one did not replace.
    """
    recorded, here = ledger.manifest(run.root.parent.name, run.root.name), sha256_file(run.root / MANIFEST)
    if recorded not in (None, here, *run.manifest["replaced"]):
        raise IntegrityError(
            f"{run.called} is not the run that the ledger recorded",
            expected=f"a manifest.json with SHA-256 {str(recorded)[:12]}…",
            received=f"{here[:12]}…",
            todo="find out who changed it; put it back as it was, or score it anew with --replace",
        )


def _replaced_by(scored: Path) -> list[str]:
    try:
        return list(open_scored(scored).manifest["replaced"])
    except CreditEvalError:  # a damaged run may be replaced, too
        return []
