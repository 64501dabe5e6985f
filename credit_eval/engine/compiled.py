"""How inner loops are compiled, and how they run over Python's own whole numbers where 64 bits are not enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

from credit_eval.core import compiled as core
from credit_eval.engine.columns import Array

_Loop = TypeVar("_Loop", bound=Callable[..., Any])

_ARGUMENTS = {
    "kept": numba.types.Array(numba.types.boolean, 1, "C", readonly=True),
    "whole": numba.types.Array(numba.types.int64, 1, "C", readonly=True),
    "windows": numba.types.Array(numba.types.int64, 2, "C", readonly=True),
    "number": numba.types.int64,
    "truth": numba.types.boolean,
}


def compiled(*arguments: str) -> Callable[[_Loop], _Loop]:
    """Compile for these types, once and for all: (n,) of truths or whole numbers, (w, m) of whole numbers."""
    return core.compiled(*(_ARGUMENTS[argument] for argument in arguments))


def of_any_size(loop: _Loop, kept: Array, whole: Array, *more: Any) -> Any:
    """What a loop over `kept` and `whole` finds: as it is compiled, or as it is written for Python's own numbers."""
    if whole.dtype == object:
        return loop.py_func(kept, whole, *more)  # type: ignore[attr-defined]
    return loop(kept, in_memory_order(whole), *more)


def in_memory_order(whole: Array) -> Array:
    """As the loops want it: one after the other in memory; Python's own numbers stay."""
    return whole if whole.dtype == object else np.ascontiguousarray(whole, np.int64)
