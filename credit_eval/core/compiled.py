"""How inner loops are compiled: for given types, once, and kept for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Loop = TypeVar("_Loop", bound=Callable[..., Any])


def compiled(*arguments: Any, without_lock: bool = False) -> Callable[[_Loop], _Loop]:
    """Compile for these types of arguments (numba's), once and for all.

    What is compiled is kept beside its file, or in the user's cache; where neither can be written, each process
    compiles anew. `without_lock`: the loop lets go of Python's lock, so that threads can run it at once.
    """

    def compile_(loop: _Loop) -> _Loop:
        try:
            return cast(_Loop, numba.njit(arguments, cache=True, nogil=without_lock)(loop))
        except RuntimeError:
            return cast(_Loop, numba.njit(arguments, nogil=without_lock)(loop))

    return compile_


def inlined(part: _Loop) -> _Loop:
    """A part of loops of the same file: what is kept of a loop would not notice a change in another file."""
    return cast(_Loop, numba.njit(part))
