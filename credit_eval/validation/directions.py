"""Whether declared directions hold for every customer there could be: proved on the trees, not on a sample.

A sum of trees rises with a feature if each of them does, and a tree does if at every split by that feature no leaf of
the side of higher values lies below a leaf of the other. Unknown values are apart from this order: they are neither
high nor low.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from credit_eval.models.model import CreditModel

_Node = Mapping[str, Any]


@dataclass(frozen=True)
class Proof:
    """Splits by features with a direction that were looked at, and those against it: feature and tree."""

    features: int
    splits: int
    against: list[tuple[str, int]]

    @property
    def holds(self) -> bool:
        """Whether no customer's risk can move against a declared direction."""
        return not self.against


def prove(model: CreditModel, directions: Mapping[str, int]) -> Proof:
    """Look at every split by a feature with a direction (+1: a higher value may only raise the risk; -1: lower it).

    The condition is sufficient, and what LightGBM's method `basic` sees to; trees that were held by another method
    could fail it and still be monotone.
    """
    told = {name: sign for name, sign in directions.items() if sign and name in model.features}
    seen, against = 0, []
    for number, tree in enumerate(model.booster.dump_model()["tree_info"]):
        for node in _splits(tree["tree_structure"]):
            name = model.features[node["split_feature"]]
            if name in told:
                seen += 1
                below, above = list(_leaves(node["left_child"])), list(_leaves(node["right_child"]))
                falls = min(above) < max(below) if told[name] > 0 else max(above) > min(below)
                against += [(name, number)] if falls else []
    return Proof(len(told), seen, against)


def _splits(node: _Node) -> Iterator[_Node]:
    if "split_feature" in node:
        yield node
        yield from _splits(node["left_child"])
        yield from _splits(node["right_child"])


def _leaves(node: _Node) -> Iterator[float]:
    if "split_feature" not in node:
        yield float(node["leaf_value"])
        return
    yield from _leaves(node["left_child"])
    yield from _leaves(node["right_child"])
