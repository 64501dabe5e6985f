"""The house rule: a module imports only from the rooms before its own; each heavy library has a home."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import credit_eval

PACKAGE = Path(credit_eval.__file__).parent
ROOMS = (
    "core schema ingest language engine catalogue profiles samples screening models explain policy scoring "
    "validation monitoring report estimator settings study challenger champions validate verify replay night review "
    "stages failures console commands cli __main__"
).split()
HOMES = {
    "duckdb": ("schema/duckdb",),
    "pyspark": ("engine/spark",),
    "py4j": ("engine/spark",),
    "loky": ("engine/workers",),
    "adbc_driver_sqlite": ("scoring/ledger",),
    "adbc_driver_postgresql": ("scoring/ledger",),
    "numba": ("core/compiled", "engine", "explain/kernel"),
    "optuna": ("models/tuning",),
    "lightgbm": ("models",),
    "sklearn": ("models", "core/statistics", "estimator"),
    "mlflow": ("models/registry",),
    "shap": ("explain", "report"),
    "matplotlib": ("report",),
    "starlette": ("review",),
    "uvicorn": ("review",),
    "argon2": ("review",),
    "rich": ("console",),
    "typer": ("commands",),
}


def imported(source: str) -> list[str]:
    """Full names of all modules that a source imports, wherever in the file."""
    nodes = list(ast.walk(ast.parse(source)))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return plain + [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]


def offences(module: str, source: str) -> list[str]:
    """What a module (its path within the package, without .py) imports against the rule."""
    room = ROOMS.index(module.split("/")[0])
    found = []
    for name in imported(source):
        top, *rest = name.split(".")
        if top == "credit_eval" and rest and ROOMS.index(rest[0]) > room:
            found.append(f"{module} imports {name}")
        if not any(module.startswith(home) for home in HOMES.get(top, (module,))):
            found.append(f"{module} imports {top}, whose home is {' or '.join(HOMES[top])}")
    return found


def modules() -> dict[str, str]:
    paths = [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem != "__init__"]
    return {path.relative_to(PACKAGE).with_suffix("").as_posix(): path.read_text() for path in paths}


def test_imports_go_downward_and_heavy_libraries_stay_home() -> None:
    assert len(modules()) > 50
    assert [offence for module, source in modules().items() for offence in offences(module, source)] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("catalogue/spending", "from credit_eval.models.model import CreditModel"),
        ("core/odds", "def f():\n    import credit_eval.schema.store"),
        ("samples/split", "import duckdb"),
        ("policy/decide", "from mlflow import MlflowClient"),
        ("report/build", "from credit_eval.stages import train"),
    ],
)
def test_a_broken_rule_is_found(module: str, source: str) -> None:
    assert len(offences(module, source)) == 1


def test_the_truth_of_the_simulator_is_read_by_nobody_who_learns_or_decides() -> None:
    readers = [module for module, source in modules().items() if "true_pd" in source or "true_p_default" in source]
    assert {module.split("/")[0] for module in readers} <= {"ingest"}


def test_import_credit_eval_is_light() -> None:
    heavy = "pandas numpy duckdb lightgbm mlflow matplotlib numba".split()
    code = f"import sys, credit_eval; print([m for m in {heavy} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
