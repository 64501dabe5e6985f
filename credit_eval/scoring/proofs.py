"""Proofs for somebody who trusts nobody here: that a decision stands in its batch and the batch in the log.

A proof is a JSON file that `docs/check_proof.py` checks in forty lines that use nothing of this program. It asks of
the third party is the root of the log, which it got from elsewhere or wrote down earlier.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from credit_eval.core.errors import CreditEvalError, IntegrityError, ProofError, SourceError
from credit_eval.core.files import atomic_file
from credit_eval.core.locks import private_directory
from credit_eval.core.merkle import consistency, leaf, path, root_of_path
from credit_eval.core.seals import sha256_file
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.log import Head, Log, check_grown
from credit_eval.scoring.lookup import places
from credit_eval.scoring.records import prove_record
from credit_eval.scoring.sealed import MANIFEST, open_scored


@dataclass(frozen=True)
class Inclusion:
    """A decision in its batch, and the batch in the log. Hashes are hexadecimal.

    Attributes:
        record: the decision, canonical JSON.
        index: its place in the batch.
        path: from its hash to the root of the batch, lowest first.
        entry: what the log says of the batch, canonical JSON; `root` and `rows` of it are the batch's tree.
        place: of the entry in the log.
        log_path: from its hash to the root of the log.
        log_size: entries of the log.
        log_root: the root.
    """

    record: str
    index: int
    path: list[str]
    entry: str
    place: int
    log_path: list[str]
    log_size: int
    log_root: str


@dataclass(frozen=True)
class Grown:
    """That a log has only grown since it had `old_size` entries and `old_root`."""

    old_size: int
    old_root: str
    path: list[str]
    log_size: int
    log_root: str


def prove_decision(scored: Path, ledger: Ledger, customer: str) -> list[Inclusion]:
    """Proofs of every decision of a run on a customer.

    Args:
        scored: directory of the run, which may be one that was replaced.
        ledger: where it was recorded.
        customer: its id.

    Returns:
        one per decision, in the order of as_of; mostly one.

    Raises:
        SourceError: nothing is scored there, or the ledger never recorded it.
        IntegrityError: rows, tree or log are not what was sealed.
        CohortError: the customer is not in the run.
    """
    run = open_scored(scored)
    log = ledger.log(str(run.manifest["dataset"]))
    place = _entry_of(log, sha256_file(scored / MANIFEST), run.called)
    parts, found = run.unread_parts, []
    for index in places(parts, customer, run.called):
        proved = prove_record(scored, parts, run.manifest["tree"], index, run.called)
        found.append(
            Inclusion(
                proved.record,
                proved.index,
                [one.hex() for one in proved.path],
                log.entries[place],
                place,
                [one.hex() for one in path(log.leaves, place)],
                len(log.entries),
                log.head.root,
            )
        )
    return found


def prove_grown(log: Log, size: int) -> Grown:
    """That the first entries of a log stand as they stood.

    Args:
        log: as it is now.
        size: how many entries there were, fewer than now.

    Raises:
        SourceError: there were not so many, or no more since.
    """
    if not 0 < size < len(log.entries):
        raise SourceError(
            f"the log of {log.dataset} has not grown beyond {size:,} entries",
            expected=f"a size from 1 to {len(log.entries) - 1:,}",
            received=f"{size:,}",
            todo="nothing was added since, so the root is the one that was written down",
        )
    way = [one.hex() for one in consistency(log.leaves, size)]
    return Grown(size, log.head_at(size).root, way, log.head.size, log.head.root)


def check_proof(file: Path, ledger: Ledger) -> str:
    """Check a proof against the ledger as it is now; returns what it proves, in a sentence.

    Args:
        file: that `prove` wrote.
        ledger: of the data set that it names.

    Raises:
        SourceError: the file is no proof.
        ProofError: it does not hold, or is of another batch, or of a log that is not this one's.
        IntegrityError: the log itself was changed.
    """
    proof = _read(file)
    if isinstance(proof, Grown):
        raise SourceError(f"{file.name} is of a whole log, not of a decision", todo="docs/check_proof.py checks it")
    batch = _object(proof.entry, file)
    log = ledger.log(str(batch.get("dataset")))
    log.read()
    try:
        check_grown(log, [Head(proof.log_size, proof.log_root)])
    except IntegrityError as error:
        raise _no(file, "its log is not this ledger's", error.received) from None
    entry = root_of_path(leaf(proof.entry.encode()), proof.place, proof.log_size, map(bytes.fromhex, proof.log_path))
    if entry is None or entry.hex() != proof.log_root or log.entries[proof.place] != proof.entry:
        raise _no(file, "the entry of its batch is not the one in the ledger", f"entry {proof.place}")
    way = [bytes.fromhex(one) for one in proof.path]
    found = root_of_path(leaf(proof.record.encode()), proof.index, int(batch["rows"]), way)
    if found is None or found.hex() != batch["root"]:
        raise _no(file, "the decision is not in this batch: it is another one, or was edited", str(batch["label"]))
    said = _object(proof.record, file)
    return (
        f"{said['customer_id']} as of {said['as_of']}: {said['decision']}, by entry {proof.place} of the log of "
        f"{batch['dataset']} ({batch['label']}, version {batch['version']}, recorded {batch['at']})"
    )


def write_proofs(made: Sequence[Inclusion | Grown], folder: Path, stem: str) -> list[Path]:
    """Write proofs as files of a folder that is this user's alone: they hold what was decided of a customer.

    Args:
        made: the proofs.
        folder: made if it is not there.
        stem: what their names begin with; letters and digits of it are kept.

    Returns:
        the files.

    Raises:
        StorageError: the disk refused.
    """
    private_directory(folder)
    plain, files = "".join(sign if sign.isalnum() or sign in "-_=" else "_" for sign in stem), []
    for number, proof in enumerate(made):
        target = folder / f"{plain}{f'-{number}' if number else ''}.json"
        with atomic_file(target) as building:
            building.write_text(as_json(proof), encoding="utf-8")
        files.append(target)
    return files


def as_json(proof: Inclusion | Grown) -> str:
    """The file that a third party gets."""
    return json.dumps(asdict(proof), ensure_ascii=False, indent=1) + "\n"


def _entry_of(log: Log, manifest: str, called: str) -> int:
    entries = log.read()
    if (place := log.batches().get(manifest)) is not None:
        return place
    if any(said.get("label") == called.partition("/")[2] for said in entries):
        raise IntegrityError(
            f"{called} is not a run that the log of the ledger holds",
            expected="the hash of its manifest, in the entry of its batch",
            todo="put it back as it was, or score it anew with --replace, and find out who changed it",
        )
    raise SourceError(
        f"the log of the ledger holds no entry of {called}",
        expected="the hash of its manifest",
        todo="score it again, which records it; or name the ledger that it was recorded in",
    )


def _read(file: Path) -> Inclusion | Grown:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        proof: Inclusion | Grown = Inclusion(**content) if "record" in content else Grown(**content)
        return proof
    except (OSError, ValueError, TypeError) as error:
        raise SourceError(
            f"{file.name} is no proof",
            expected="a file that `credit-eval prove` wrote",
            received=type(error).__name__,
            todo="check the name, or ask for the proof again",
        ) from None


def _object(text: str, file: Path) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _no(file, "what it proves is no record", text[:40])
    return found


def _no(file: Path, why: str, received: str | None) -> CreditEvalError:
    return ProofError(
        f"{file.name} does not hold: {why}",
        received=received,
        todo="ask for the proof anew with `credit-eval prove`; if that holds, this one was changed",
    )
