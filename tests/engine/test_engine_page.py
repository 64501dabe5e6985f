"""The worked example of docs/engine.md is true, and its page on adding an aggregate names what there is."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import get_args

from credit_eval.engine.fold import KINDS
from credit_eval.language.aggregates import Kind

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"


def test_the_worked_example_runs() -> None:
    tried = doctest.testfile(str(PAGE), module_relative=False)
    assert tried.attempted > 20
    assert tried.failed == 0


def test_every_kind_of_aggregate_belongs_to_a_family() -> None:
    assert set(KINDS) == set(get_args(Kind))
