"""Whatever an analyst types says what goes in, in which shape, and what comes out."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import credit_eval as ce
from credit_eval import screening
from credit_eval.study.results import Results


def public() -> Iterator[tuple[str, Any]]:
    """Names of the door, their methods, and the functions of `screening`; pictures (`plots`) say it in a line."""
    named = [(name, getattr(ce, name)) for name in ce.__all__] + [("Results", Results)]
    named += [(f"screening.{name}", getattr(screening, name)) for name in screening.__all__]
    for name, one in named:
        if isinstance(one, ModuleType) or name == "Dimension":  # an enumeration is made by nobody
            continue
        yield name, one
        if inspect.isclass(one):
            yield from (
                (f"{name}.{n}", f)
                for n, f in vars(one).items()
                if n[0] != "_" and inspect.isfunction(f) and f.__module__ == one.__module__
            )


PUBLIC = dict(public())


def lacks(said: Any) -> list[str]:
    """Parameters that a docstring does not name, and `Returns` where there is something to return."""
    doc, signature = inspect.getdoc(said) or "", inspect.signature(said)
    parameters = [name for name in signature.parameters if name != "self"]
    lacking = [name for name in parameters if f"{name}:" not in doc and f"{name} :" not in doc]
    gives = not inspect.isclass(said) and signature.return_annotation not in ("None", inspect.Signature.empty)
    return lacking + (["Returns"] if gives and not any(word in doc for word in ("Returns", "Yields")) else [])


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_its_docstring_names_parameters_and_what_it_returns(name: str) -> None:
    assert lacks(PUBLIC[name]) == []


def test_what_is_missing_is_found() -> None:
    def undocumented(rows: int) -> int:
        """Say nothing."""
        return rows

    assert lacks(undocumented) == ["rows", "Returns"]
