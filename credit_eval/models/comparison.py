"""A challenger beside the champion, on rows that taught neither.

Every version keeps what it said of the rows that judged it (`record.judged_rows`). Two versions are compared on the
rows that both have. A champion that knows none of them, since it was judged months ago, is asked of those that lie
after all that it learnt from.

    champion      fit ───────────► gap ──► oot                       it knows of its own oot, and of what came after
    challenger            fit ───────────► gap ──► oot               ◄ compared here

Where neither is possible, as on one date of a source that was imported anew, they are not compared, and it says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_eval.core.errors import SampleError
from credit_eval.core.statistics import auc, auc_difference, log_loss, log_loss_gain
from credit_eval.models.model import CreditModel
from credit_eval.samples.split import MIN_BADS

#: Labels of the same customers and dates that may differ before these are taken to be other data.
_OTHER_LABELS = 0.01
_KEYS = ["customer_id", "as_of"]


@dataclass(frozen=True)
class Swapped:
    """Rows that a rule stops by both versions, by one of them alone, or by neither, and how many of them defaulted."""

    rule: str
    who: str
    n: int
    bads: int

    @property
    def default_rate(self) -> float | None:
        """Share of them that defaulted; None where there are none."""
        return self.bads / self.n if self.n else None


@dataclass(frozen=True)
class Comparison:
    """A version beside another on the same rows; gains are of the first over the second, above 0 better.

    Attributes:
        against: the other version.
        n, bads: of the rows.
        auc, log_loss, mean_p: of the version.
        auc_against, log_loss_against, mean_p_against: of the other.
        gain_auc, gain_log_loss: value, low, high (95 %, paired, by customer).
        swaps: who is stopped by which.
    """

    against: int
    n: int
    bads: int
    auc: float
    auc_against: float
    log_loss: float
    log_loss_against: float
    mean_p: float
    mean_p_against: float
    gain_auc: dict[str, float]
    gain_log_loss: dict[str, float]
    swaps: list[Swapped]


def said_by_both(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Rows that judged both versions: `rows` and `p_against`; none where these are other data under the same names."""
    theirs = others[[*_KEYS, "defaulted", "p_default"]]
    both = rows.merge(
        theirs.rename(columns={"p_default": "p_against", "defaulted": "labelled"}), on=_KEYS, validate="1:1"
    )
    if np.mean(both["labelled"] != both["defaulted"]) > _OTHER_LABELS:
        return both.iloc[:0].drop(columns="labelled")
    return both.drop(columns="labelled")


def said_since(
    rows: pd.DataFrame, model: CreditModel, profiles: Callable[[pd.Series[bool]], pd.DataFrame]
) -> pd.DataFrame:
    """Rows observed after all that a model learnt from was known, and `p_against`, what it says of them.

    `profiles` gives the features of the rows of a mask.
    """
    until = model.metadata.get("taught_until")
    after = rows["as_of"] >= pd.Timestamp(until) if until else pd.Series(False, index=rows.index)
    return rows[after].assign(p_against=model.p_default(profiles(after)) if after.any() else np.empty(0))


def can_tell(rows: pd.DataFrame) -> bool:
    """Whether there are bads and goods enough to compare on."""
    bads = int(rows["defaulted"].sum())
    return min(bads, len(rows) - bads) >= MIN_BADS


def compare(rows: pd.DataFrame, *, against: int, threshold: float) -> Comparison:
    """Of rows with customer_id, defaulted, p_default and p_against; `threshold` of the restriction.

    Raises:
        SampleError: too few bads or goods.
    """
    if not can_tell(rows):
        raise SampleError(
            "too few rows that taught neither version to compare them on",
            expected=f"{MIN_BADS} bads and {MIN_BADS} goods",
            received=f"{int(rows['defaulted'].sum())} bads of {len(rows)}",
            todo="train both on data that have the same rows, or later ones",
        )
    y, customers = rows["defaulted"].to_numpy(dtype=np.float64), rows["customer_id"]
    p, other = rows["p_default"].to_numpy(), rows["p_against"].to_numpy()
    return Comparison(
        against=against,
        n=len(rows),
        bads=int(y.sum()),
        auc=auc(y, p),
        auc_against=auc(y, other),
        log_loss=log_loss(y, p),
        log_loss_against=log_loss(y, other),
        mean_p=float(p.mean()),
        mean_p_against=float(other.mean()),
        gain_auc=asdict(auc_difference(y, p, other, groups=customers)),
        gain_log_loss=asdict(log_loss_gain(y, p, other, groups=customers)),
        swaps=_swaps(f"p_default above {threshold:.2f}", y, p > threshold, other > threshold)
        + _swaps("riskiest tenth", y, _riskiest(p), _riskiest(other)),
    )


def _riskiest(p: NDArray[np.float64]) -> NDArray[np.bool_]:
    """As near a tenth as can be without parting rows of one probability."""
    return np.asarray(p > np.quantile(p, 0.9))


def _swaps(rule: str, y: NDArray[np.float64], here: NDArray[np.bool_], there: NDArray[np.bool_]) -> list[Swapped]:
    whom = {"both": here & there, "this one alone": here & ~there, "the other alone": there & ~here}
    whom["neither"] = ~here & ~there
    return [Swapped(rule, who, int(mask.sum()), int(y[mask].sum())) for who, mask in whom.items()]
