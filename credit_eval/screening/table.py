"""What each feature is worth before any model sees it, and which had better not be used.

    table = screen(split.frame, profiles.catalogue.features)   # a row per feature
    chosen = select(table)                                     # names to keep; why each other was dropped

Whatever selects is measured on the rows that fit the trees (`part` is `fit`) and on no other: a feature chosen by the
labels of the rows that judge a model would flatter it there. Only PSI looks at all months, and it
reads no label. In a cross-validation the choice belongs inside each fold: screen a frame whose `part` is `fit` on the
rows that teach that fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_eval.core.errors import SampleError
from credit_eval.core.statistics import Interval
from credit_eval.samples.split import check_labels
from credit_eval.screening.coded import Coded, Declared, Ints, Truths, coded
from credit_eval.screening.correlation import clusters, correlations
from credit_eval.screening.stability import months_of, worst_month
from credit_eval.screening.strength import Labels, auc_of, folded, is_too_good, iv_of, labels_of, strength_of

#: Lower end of an AUC, |rank correlation| and share of unknown rows above which a feature is not kept.
TOO_GOOD, SAME_RANKS, MOST_MISSING = 0.95, 0.95, 0.95

_LEARNS = "fit"
_NEEDED = ("customer_id", "as_of", "part", "defaulted")


class Screened(Declared, Protocol):
    """What screening needs to know of a feature (`features.language.Feature` has it)."""

    @property
    def direction(self) -> int:
        """+1 where a higher value may only raise the risk, -1 only lower it, 0 either."""

    @property
    def dimension(self) -> str:
        """One of the five sides of a customer."""

    @property
    def tables(self) -> frozenset[str]:
        """Tables it reads: its family."""


@dataclass(frozen=True)
class Selection:
    """The names to keep, in order, and for each other why it was dropped."""

    kept: list[str]
    dropped: dict[str, str]


def screen(
    frame: pd.DataFrame,
    features: Sequence[Screened],
    *,
    moved: pd.Series[int] | None = None,
    too_good: float = TOO_GOOD,
    same_ranks: float = SAME_RANKS,
) -> pd.DataFrame:
    """Measure every feature of a split sample alone, and find which say the same; a row per feature, in order.

    `frame`: customer_id, as_of, part, defaulted (0 or 1) and a column per feature, as `samples.split` returns it.
    `moved`: rows that changed by feature, as `screening.leakage.moves_after_as_of` counts them.

    Returns, indexed by feature:

    - `family` (tables read), `dimension`, `type`, `missing` (share of rows), `distinct` (known values), `constant`,
      `duplicate_of` (the first feature with the same value in every row, or None);
    - `iv` in bins of which unknown is one, `iv_by_chance` (what labels without any connection would give, were rows
      independent) and `iv_strength` (see `strength.STRENGTHS`);
    - `auc`, `auc_low`, `auc_high` over the rows where it is known, with a 95 % interval by customer. A number's is
      folded: 0.5 is none, and `riskier` says whether `higher` or `lower` values are. A category's values are
      ordered by their bads in one half of the customers and judged on the other, so chance may leave it below 0.5;
    - `declared` (direction) and `direction_held`: `yes` or `no` where the whole interval lies on one side, else
      `unclear`; `not claimed` if none is declared;
    - `cluster` (of numbers with |rank correlation| >= `same_ranks`, 0 alone) and `represented_by` (its highest IV);
    - `psi` at its highest over months, `psi_month` when that was, `psi_by_chance` as for IV;
    - `moved_rows` (NA where `moved` does not say) and `alarm`: why it looks as if it knew the future, or None. Too good
      alone is an AUC whose lower end is above `too_good`: of its values, or of its bins, of which unknown is one,
      ordered like a category's.

    Args:
        frame: of a sample: customer_id, as_of, part, defaulted and the features.
        features: name, value_type, direction, dimension and tables of each; a `Feature` has them.
        moved: what `moves_after_as_of` found; None if nobody looked.
        too_good: AUC from which on a feature rings the alarm.
        same_ranks: rank correlation from which on two features say the same.

    Raises:
        SampleError: no feature, a column lacks, an infinite number, fewer than 10 bads or goods to learn from, or fewer
            than two customers with or without.
    """
    _check_columns(frame, features)
    sample = _sample_of(frame)
    names = [feature.name for feature in features]
    with ThreadPoolExecutor() as pool:  # numpy sorts without holding the other threads up
        seen = list(pool.map(lambda feature: sample.look_at(feature, frame[feature.name], too_good), features))
    table = pd.DataFrame([one.alone for one in seen], index=pd.Index(names, name="feature"))
    table["duplicate_of"] = _duplicates(names, [one.fingerprint for one in seen])
    table["cluster"] = _clusters([one.ranks for one in seen], same_ranks)
    table["represented_by"] = _best(table)
    table["moved_rows"] = pd.array([None if moved is None else moved.get(name) for name in names], dtype="Int64")
    table["alarm"] = _alarms(table.pop("too_good"), table["moved_rows"])
    return table


def select(table: pd.DataFrame, *, most_missing: float = MOST_MISSING) -> Selection:
    """Of the features that `screen` measured, those worth keeping; the reason each other was dropped.

    Dropped is, in this order: what raised an alarm, is constant, is unknown for more than `most_missing` of the rows,
    repeats another feature value by value, or is outdone by a feature of its cluster with a higher IV. What is
    dropped stands for no other. Neither a low IV nor a high PSI drops a feature: what says nothing alone may say
    something in company.

    Args:
        table: what `screen` gave.
        most_missing: share of unknown rows above which a feature is dropped.

    Returns:
        names of those kept, and by name why each other one was dropped.
    """
    reason = _unfit(table, most_missing)
    for chosen, words in ((_first, "the same values as"), (_best, "outdone in its cluster by")):
        rest = table[reason.isna()]
        stands_for = chosen(rest)
        outdone = stands_for[stands_for != rest.index]
        reason = reason.fillna(words + " " + outdone)
    dropped = reason.dropna()
    return Selection(list(table.index[reason.isna()]), dict(zip(dropped.index, dropped, strict=True)))


def _unfit(table: pd.DataFrame, most_missing: float) -> pd.Series[str]:
    """Why a feature is not even a candidate; NaN if it is."""
    unknown = "unknown for " + table["missing"].map("{:.1%}".format) + " of the rows"
    reason = "alarm: " + table["alarm"].astype(object)
    reason = reason.fillna(pd.Series("constant", table.index, dtype=object).where(table["constant"]))
    return reason.fillna(unknown.where(table["missing"] > most_missing))


def _first(table: pd.DataFrame) -> pd.Series[str]:
    """For each feature the first with the same values."""
    names = table.index.to_series().astype(object)
    return names.groupby(table["duplicate_of"].fillna(names), sort=False).transform("first")


def _best(table: pd.DataFrame) -> pd.Series[str]:
    """For each feature the one of its cluster with the highest IV, the first of equals; alone, itself."""
    names = table.index.to_series().astype(object)
    ranked = table.sort_values("iv", ascending=False, kind="stable")
    groups = ranked["cluster"].astype(object).where(ranked["cluster"] > 0, names)
    return names[ranked.index].groupby(groups, sort=False).transform("first").reindex(names.index)


@dataclass(frozen=True)
class _Seen:
    """What the table says of a feature alone, and what is needed to compare it with the others."""

    alone: dict[str, object]
    fingerprint: str
    ranks: NDArray[np.float32] | None  # None: a category


@dataclass(frozen=True)
class _Sample:
    """The rows: which of them teach, whose labels those are, and in which month each was observed."""

    learns: Truths
    labels: Labels
    month: Ints
    months: pd.PeriodIndex

    def look_at(self, feature: Screened, values: pd.Series[Any], too_good: float) -> _Seen:
        """Measure a feature; its column is coded once and then let go."""
        everywhere = coded(feature.name, feature.value_type, values)
        column = everywhere.at(self.learns)
        number = feature.value_type == "number"
        psi, when, psi_by_chance = worst_month(everywhere, self.month)
        found = _worth(feature, column, self.labels, too_good) | {
            "psi": psi,
            "psi_month": pd.NaT if when is None else self.months[when],
            "psi_by_chance": psi_by_chance,
        }
        return _Seen(found, column.fingerprint, column.standard_ranks() if number else None)


def _sample_of(frame: pd.DataFrame) -> _Sample:
    learns = (frame["part"] == _LEARNS).to_numpy()
    return _Sample(learns, labels_of(frame.loc[learns, ["customer_id", "defaulted"]]), *months_of(frame))


def _worth(feature: Screened, column: Coded, labels: Labels, too_good: float) -> dict[str, object]:
    """What the rows that teach say of a feature."""
    bins = column.bins()
    iv, iv_by_chance = iv_of(bins, labels)
    plain = auc_of(column, labels)
    area = folded(plain) if feature.value_type == "number" else plain
    return {
        "family": " + ".join(sorted(feature.tables)),
        "dimension": str(feature.dimension),
        "type": feature.value_type,
        "missing": float(np.mean(~column.known)),
        "distinct": len(column.values),
        "constant": column.is_constant,
        "iv": iv,
        "iv_by_chance": iv_by_chance,
        "iv_strength": strength_of(iv),
        "auc": area.value,
        "auc_low": area.low,
        "auc_high": area.high,
        "riskier": _riskier(feature, plain),
        "declared": feature.direction,
        "direction_held": _held(feature.direction, plain),
        "too_good": is_too_good(area, bins, labels, too_good),
    }


def _alarms(too_good: pd.Series[bool], moved_rows: pd.Series[Any]) -> pd.Series[Any]:
    """All that speaks against each feature, as a text or None."""
    moves = np.where(moved_rows.fillna(0) > 0, "moves after as_of", "")
    good = np.where(too_good, "too good alone", "")
    words = ["; ".join(filter(None, pair)) or None for pair in zip(moves, good, strict=True)]
    return pd.Series(words, too_good.index, dtype=object)


def _riskier(feature: Screened, area: Interval) -> str | None:
    if feature.value_type == "category" or np.isnan(area.value) or area.value == 0.5:
        return None
    return "higher" if area.value > 0.5 else "lower"


def _held(direction: int, area: Interval) -> str:
    if direction == 0:
        return "not claimed"
    towards, against = (area.low > 0.5, area.high < 0.5)[::direction]
    return "yes" if towards else "no" if against else "unclear"


def _duplicates(names: Sequence[str], fingerprints: Sequence[str]) -> list[str | None]:
    """For each feature the first one that is the same, if that is another."""
    first: dict[str, str] = {}
    originals = [first.setdefault(each, name) for each, name in zip(fingerprints, names, strict=True)]
    return [original if original != name else None for name, original in zip(names, originals, strict=True)]


def _clusters(ranks: Sequence[NDArray[np.float32] | None], same_ranks: float) -> Ints:
    """The cluster of each feature; 0 for those alone, and for categories."""
    found = np.zeros(len(ranks), dtype=np.int64)
    numbers = [place for place, each in enumerate(ranks) if each is not None]
    found[numbers] = clusters(correlations([each for each in ranks if each is not None]), same_ranks)
    return found


def _check_columns(frame: pd.DataFrame, features: Sequence[Screened]) -> None:
    if not features:
        raise SampleError("nothing to screen", expected="at least one feature", received="none")
    needed = [*_NEEDED, *(feature.name for feature in features)]
    lacking = [name for name in needed if name not in frame.columns]
    if lacking:
        raise SampleError(
            "the sample lacks columns that are to be screened",
            expected="a split sample: customer_id, as_of, part, defaulted and every feature",
            received=f"no {', '.join(lacking[:3])}" + (", …" if len(lacking) > 3 else ""),
            todo="screen the frame of a split, with the features of its own profiles",
        )
    check_labels(frame.loc[frame["part"] == _LEARNS, "defaulted"])
