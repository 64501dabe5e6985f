"""The notebooks are committed bare, and their runner says which failed and why."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    found = importlib.util.spec_from_file_location("notebooks_run", FOLDER / "run.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_there_are_nine() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == ["0_", "1_", "2_", "3_", "4_", "5_", "6_", "7_", "8_"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_bare(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert [cell.id for cell in notebook.cells] == [f"cell-{i:02}" for i in range(1, len(notebook.cells) + 1)]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None and not cell.metadata for cell in code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_notebook_reads_the_truth(path: Path) -> None:
    text = path.read_text()
    assert "truth" not in text
    assert "true_pd" not in text


@pytest.mark.filterwarnings("default")  # a kernel's own sockets and loops are not ours to mend
def test_a_failing_cell_is_named_and_the_others_still_run(
    runner: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unshown = "class Broken:\n    def _repr_png_(self):\n        return 1 / 0\nBroken()"
    for name, source in (("1_bad", "1 + 1\n1 / 0"), ("2_unshown", unshown), ("3_good", "import os; os.getcwd()")):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    failed = runner.run_all(tmp_path, tmp_path / "out", cwd=tmp_path, seconds=60)
    said = capsys.readouterr()
    assert failed == 2
    assert "ZeroDivisionError" in said.err
    assert [line.split()[0] for line in said.out.splitlines()] == ["1_bad.ipynb", "2_unshown.ipynb", "3_good.ipynb"]
    executed = nbformat.read(tmp_path / "out" / "3_good.ipynb", as_version=4)
    assert str(tmp_path) in executed.cells[0].outputs[0].data["text/plain"]


@pytest.mark.filterwarnings("default")  # a kernel's own sockets and loops are not ours to mend
def test_a_notebook_that_takes_too_long_is_stopped(runner: ModuleType, tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import time; time.sleep(60)")])
    nbformat.write(notebook, tmp_path / "slow.ipynb")
    assert runner.run_all(tmp_path, tmp_path / "out", cwd=tmp_path, seconds=1) == 1
