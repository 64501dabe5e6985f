"""A model card, and an entry of the inventory: who answers for a model, what it is for, and what it is worth.

The headings are those of Mitchell et al., Model Cards for Model Reporting (2019), as far as a credit model has
something to say under them; the facts are the registry's, owner and purpose those of settings.yaml.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from credit_eval.models.history import Move
from credit_eval.models.record import Record
from credit_eval.report import words

NOT_SAID = "not said: settings.yaml, under datasets"


@dataclass(frozen=True)
class Entry:
    """A line of the inventory of models."""

    dataset: str
    version: int
    owner: str
    purpose: str
    champion_since: str
    judged_on: str
    auc: float
    auc_low: float
    auc_high: float
    objections: list[str]


def entry(record: Record, moves: Sequence[Move], *, owner: str | None, purpose: str | None) -> Entry:
    """Of a champion and its history."""
    metrics, since = record.metrics, [move.at for move in moves if move.version == record.model_version]
    return Entry(
        dataset=record.dataset,
        version=record.model_version,
        owner=owner or NOT_SAID,
        purpose=purpose or NOT_SAID,
        champion_since=since[-1] if since else "unknown",
        judged_on=record.judged_on,
        auc=metrics["auc"],
        auc_low=metrics["auc_low"],
        auc_high=metrics["auc_high"],
        objections=record.objections,
    )


def card(
    record: Record,
    moves: Sequence[Move],
    *,
    owner: str | None,
    purpose: str | None,
    not_for: str | None,
    jurisdiction: str,
    fingerprint: str,
) -> str:
    """The card of a champion, as Markdown."""
    of, m = entry(record, moves, owner=owner, purpose=purpose), record.metrics
    sections = {
        "Who and what for": [
            f"Owner: {of.owner}.",
            f"Purpose: {of.purpose}.",
            f"Not for: {not_for or NOT_SAID}.",
            f"Customers live in jurisdiction `{jurisdiction}`. It decides nothing alone: a policy does, with reasons.",
        ],
        "What it predicts": [f"The probability of default, {words.default(record)}."],
        "What it learnt from": _taught(record),
        "How it is made": [
            f"LightGBM, {record.rounds:,} trees on {record.n_features} features.",
            f"Calibrated {record.calibration.calibrated_on}.",
            f"Fingerprint {fingerprint[:16]}, identity {record.identity[:16]}.",
        ],
        "What it is worth": [
            f"Judged on {record.judged_on}: {m['n']:,.0f} rows, {m['bads']:,.0f} defaults.",
            f"AUC {words.interval(m, 'auc')}, KS {words.interval(m, 'ks')}.",
            f"Brier score {words.interval(m, 'brier', 4)}.",
            f"Calibration error {m['ece']:.4f} (by chance alone {m['ece_by_chance']:.4f}).",
            *(
                f"AUC over {name}: {gain['value']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]."
                for name, gain in record.gains.items()
            ),
        ],
        "What speaks against it": record.objections or ["Nothing that promotion asks for."],
        "Who was left out": [
            f"{n:,} rows: {words.LEFT_OUT.get(why, why)}." for why, n in sorted(record.left_out.items())
        ]
        or ["Nobody."],
        "How it became champion": [f"{m.at} {m.what} version {m.version}, by {m.by}: {m.why}" for m in moves][-3:],
    }
    told = [f"# {record.dataset}, version {record.model_version}"]
    told += [f"## {head}\n\n" + "\n".join(f"- {line}" for line in lines) for head, lines in sections.items()]
    return "\n\n".join(told) + "\n"


def _taught(record: Record) -> list[str]:
    rows = [f"{n:,} rows {words.PARTS.get(part, part)}." for part, n in record.rows_by_part.items()]
    if record.refitted:
        rows.append(f"Grown again on all {record.refitted.rows:,} rows once it was judged.")
    if record.features_absent:
        rows.append(f"{len(record.features_absent)} features are absent for want of data.")
    return [record.why, *rows]
