"""All that was found of a version, and what each finding means in a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from credit_eval.models.comparison import Comparison
from credit_eval.models.model import CreditModel
from credit_eval.models.record import Record
from credit_eval.validation import directions, fairness, ranking, robustness, stability, told, truth
from credit_eval.validation.subject import Subject

#: PSI from which on a population is usually looked at (Siddiqi 2006), and the four-fifths rule.
LOOK_AT, FOUR_FIFTHS = 0.1, 0.8
#: What is added to the seed of the settings.
_SEEDS = (1, 2)


@dataclass(frozen=True)
class Findings:
    """Of a version; frames as the modules of `validation` describe them. `reproduced`: largest distance of p_default
    between what judged it and the same trees grown anew; None where cross-validation judged."""

    dataset: str
    version: int
    identity: str
    threshold: float
    reproduced: float | None
    parts: pd.DataFrame
    months: pd.DataFrame
    arrears: pd.DataFrame
    rules: pd.DataFrame
    segments: pd.DataFrame
    overall: dict[str, float]
    grades: pd.DataFrame
    brier: truth.Brier
    calibrations: pd.DataFrame
    score_psi: pd.DataFrame
    feature_psi: pd.DataFrame
    migration: pd.DataFrame
    stays: dict[str, float]
    seeds: pd.DataFrame
    feeds: pd.DataFrame
    harder: pd.DataFrame
    proof: directions.Proof
    told: told.Told
    groups: pd.DataFrame
    rejected: pd.DataFrame
    compared: Comparison | None

    def plain(self) -> dict[str, Any]:
        """For JSON: frames as lists of rows, what is unknown as None."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True)
class Check:
    """What a finding means: `holds`, or is to be looked at (`look`), or does not hold (`fails`)."""

    what: str
    level: Literal["holds", "look", "fails"]
    text: str


def find(subject: Subject, regrow: Callable[[int], CreditModel], typical: Mapping[str, float | str | None]) -> Findings:
    """Ask everything of a version; `regrow` grows the judged recipe by another seed, `typical` is of each feature."""
    rows, record = subject.judging, subject.record
    moved = stability.migration(subject.rows, subject.judged.grades)
    grown_again = subject.judged.p_default(rows) if record.split == "time" else None
    return Findings(
        dataset=record.dataset,
        version=record.model_version,
        identity=record.identity,
        threshold=subject.threshold,
        reproduced=None if grown_again is None else float(np.abs(grown_again - rows["p_default"]).max()),
        parts=ranking.by_part(subject),
        months=ranking.by_month(subject),
        arrears=ranking.by_arrears(subject),
        rules=ranking.beside_plain_rules(subject),
        segments=ranking.by_segment(subject),
        overall=truth.overall(rows),
        grades=truth.by_grade(rows, subject.judged.grades),
        brier=truth.decomposed(rows, subject.judged.grades),
        calibrations=truth.beside_other_calibrations(subject),
        score_psi=stability.score_psi(subject.rows),
        feature_psi=stability.feature_psi(subject),
        migration=moved,
        stays=stability.stays(moved),
        seeds=robustness.other_seeds(subject, regrow, _SEEDS),
        feeds=robustness.without_a_feed(subject),
        harder=robustness.harder_times(rows, subject.threshold),
        proof=directions.prove(subject.champion, {one.name: one.direction for one in subject.features}),
        told=told.reasons(subject, typical),
        groups=fairness.by_group(subject),
        rejected=rejected(record),
        compared=record.compared,
    )


def rejected(record: Record, factors: tuple[float, ...] = (1.0, 2.0, 4.0)) -> pd.DataFrame:
    """The default rate of all who asked, were those without an outcome so many times as risky as the others.

    A band, no estimate: nobody knows what became of who was refused. Empty where all have an outcome.
    """
    n = record.left_out.get("no_outcome", 0)
    if not n:
        return pd.DataFrame(columns=["factor", "rate"])
    known, rate = sum(record.rows_by_part.values()), record.metrics["default_rate"]
    shares = [(factor, min(factor * rate, 1.0)) for factor in factors]
    return pd.DataFrame(
        [{"factor": factor, "rate": (known * rate + n * theirs) / (known + n)} for factor, theirs in shares]
    )


def checks(found: Findings, record: Record) -> list[Check]:
    """What the findings mean, in the order of the report."""
    rules = (_ranks, _forgets, _early, _reproduced, _compared, _true, _by_grade, _calibrations)
    more = (_population, _seeds, _feeds, _directions, _reasons, _groups)
    return [check for rule in (*rules, *more) for check in rule(found, record)]


def _ranks(found: Findings, record: Record) -> Iterator[Check]:
    m = record.metrics
    area = f"AUC {m['auc']:.3f} [{m['auc_low']:.3f}, {m['auc_high']:.3f}], Gini {m['gini']:.3f}, {record.judged_on}"
    yield Check("It ranks", "holds" if m["auc_low"] > 0.5 else "fails", area)
    worse = [name for name, gain in record.gains.items() if gain["high"] < 0]
    simpler = [name for name, gain in record.gains.items() if gain["low"] <= 0 <= gain["high"]]
    if worse or simpler:
        text = f"not shown to rank better than {', '.join(worse + simpler)}"
        yield Check("It earns its complexity", "fails" if worse else "look", text)
    else:
        yield Check("It earns its complexity", "holds", f"shown to rank better than {', '.join(record.gains)}")


def _forgets(found: Findings, record: Record) -> Iterator[Check]:
    auc = found.parts.set_index("what")["auc"]
    fold, later = auc.get("development, out of fold"), auc.get("out of time")
    if later is None or fold is None:
        return
    low = found.parts.set_index("what")["auc_low"]["development, out of fold"]
    text = f"AUC {fold:.3f} on other customers of the months it learnt from, {later:.3f} on later months"
    yield Check("It lasts", "holds" if later >= low else "look", text)


def _early(found: Findings, record: Record) -> Iterator[Check]:
    if found.arrears.empty:
        return
    quiet = found.arrears.set_index("what").loc["nothing late"]
    text = f"AUC {quiet['auc']:.3f} [{quiet['auc_low']:.3f}, {quiet['auc_high']:.3f}] among those with nothing late"
    yield Check("It ranks before anything is late", "holds" if quiet["auc_low"] > 0.5 else "look", text)


def _reproduced(found: Findings, record: Record) -> Iterator[Check]:
    if found.reproduced is not None:
        text = f"grown anew from the data, its probabilities differ by {found.reproduced:.1g} at most"
        yield Check("It can be made again", "holds" if found.reproduced < 1e-9 else "fails", text)


def _compared(found: Findings, record: Record) -> Iterator[Check]:
    if (beside := found.compared) is not None:
        gain = beside.gain_auc
        text = f"AUC gain {gain['value']:+.4f} [{gain['low']:+.4f}, {gain['high']:+.4f}] over version {beside.against}"
        yield Check("It is no worse than who came before", "fails" if gain["high"] < 0 else "holds", text)


def _true(found: Findings, record: Record) -> Iterator[Check]:
    told = found.overall
    text = f"{told['came']:.2f} [{told['came_low']:.2f}, {told['came_high']:.2f}] defaults came for each predicted"
    yield Check(
        "Its probabilities are true over all", "holds" if told["came_low"] <= 1 <= told["came_high"] else "look", text
    )


def _by_grade(found: Findings, record: Record) -> Iterator[Check]:
    wrong = found.grades.loc[found.grades["holds"].eq(False), "grade"].tolist()
    text = f"not in {', '.join(wrong)}: what came is not what was predicted" if wrong else "in every grade, by customer"
    yield Check("They are true grade by grade", "look" if wrong else "holds", text)


def _calibrations(found: Findings, record: Record) -> Iterator[Check]:
    better = found.calibrations.loc[found.calibrations["gain_low"] > 0, "what"].tolist()
    if len(found.calibrations):
        text = f"{', '.join(better)} would have lost less" if better else "no other calibration would have lost less"
        yield Check("No other calibration is better", "look" if better else "holds", text)


def _population(found: Findings, record: Record) -> Iterator[Check]:
    moved = found.score_psi[found.score_psi["psi"] > np.maximum(LOOK_AT, found.score_psi["by_chance"])]
    if found.score_psi.empty:
        return
    worst = found.score_psi.iloc[int(found.score_psi["psi"].argmax())]
    text = f"PSI at most {worst['psi']:.3f} ({worst['month']}); chance alone stays below {worst['by_chance']:.3f}"
    yield Check("It scores the people it was made for", "look" if len(moved) else "holds", text)
    shifted = found.feature_psi[found.feature_psi["psi"] > np.maximum(LOOK_AT, found.feature_psi["by_chance"])]
    if len(found.feature_psi):
        names = "; ".join(f"{row.feature} ({row.psi:.2f})" for row in shifted.head(5).itertuples())
        said = (
            f"{len(shifted)} of {len(found.feature_psi)} moved: {names}"
            if len(shifted)
            else "none of the strongest moved"
        )
        yield Check("Its features mean what they meant", "look" if len(shifted) else "holds", said)


def _seeds(found: Findings, record: Record) -> Iterator[Check]:
    span = float(found.seeds["auc"].max() - found.seeds["auc"].min())
    width = record.metrics["auc_high"] - record.metrics["auc_low"]
    sides = float(found.seeds["other_side"].max())
    low, high = found.seeds["auc"].min(), found.seeds["auc"].max()
    text = f"AUC {low:.4f} to {high:.4f} by seed; {sides:.2%} of the rows change the side of the threshold"
    yield Check("It does not hang on chance", "holds" if span < width / 4 else "look", text)


def _feeds(found: Findings, record: Record) -> Iterator[Check]:
    if found.feeds.empty:
        return
    worst = found.feeds.iloc[int(found.feeds["change"].argmin())]
    fall, predicted = -worst["change"], worst["predicted"]
    text = f"without {worst['table']} AUC falls by {fall:.3f}, mean prediction goes to {predicted:.1%}"
    yield Check("It bears the loss of a feed", "look" if worst["change_high"] < -0.02 else "holds", text)


def _directions(found: Findings, record: Record) -> Iterator[Check]:
    proof = found.proof
    text = f"{proof.splits:,} splits by {proof.features} features with a direction, {len(proof.against)} against it"
    yield Check("Declared directions hold", "holds" if proof.holds else "fails", text)


def _reasons(found: Findings, record: Record) -> Iterator[Check]:
    if np.isnan(found.told.true):
        return
    text = (
        f"with the leading feature at its typical value, the risk falls for {found.told.true:.0%} of {found.told.n:,} "
        f"of the riskiest, by {found.told.falls_by:.3f} on average"
    )
    yield Check("Its reasons are true", "holds" if found.told.true >= 0.9 else "look", text)


def _groups(found: Findings, record: Record) -> Iterator[Check]:
    if found.groups.empty:
        return
    low = found.groups[found.groups["ratio"] < FOUR_FIFTHS]
    wronged = found.groups[found.groups["came_high"] < 1]
    said = [
        f"{row.attribute} {row.group}: passes {row.ratio:.2f} times as often as the best" for row in low.itertuples()
    ]
    said += [
        f"{row.attribute} {row.group}: {row.came:.2f} defaults came for each predicted" for row in wronged.itertuples()
    ]
    yield Check("Groups are treated alike", "look" if said else "holds", "; ".join(said) or "no group stands out")


def _plain(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return (
            value.reset_index(drop=value.index.name is None)
            .astype(object)
            .where(lambda x: x.notna(), None)
            .to_dict("records")
        )
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value
