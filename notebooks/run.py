"""Run every notebook of this folder in order, from the project's root, and keep what each of them showed.

    .venv/bin/python notebooks/run.py

The executed copies, and pages to read (HTML), go to data/reports/notebooks; the notebooks themselves stay without
outputs. A cell that fails ends its notebook, not the run: the others are still tried, and the exit code is 1.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbconvert import HTMLExporter
from traitlets.config import Config

from credit_eval.core.files import atomic_file

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 300
_NEEDED = ("data/raw/simulated", "data/profiles/simulated/sample", "data/scored/simulated", "models/mlflow.db")


def run_all(folder: Path, target: Path, *, cwd: Path, seconds: float = SECONDS) -> int:
    """Run the notebooks of `folder` in the order of their names; returns how many failed."""
    return sum(
        not run_one(path, target / path.name, cwd=cwd, seconds=seconds) for path in sorted(folder.glob("*.ipynb"))
    )


def run_one(path: Path, target: Path, *, cwd: Path, seconds: float) -> bool:
    """Run one notebook within so many seconds in all, and write its executed copy; whether it went well."""
    notebook = nbformat.read(path, as_version=4)
    started = time.monotonic()
    with TemporaryDirectory(prefix="credit_eval_") as sockets:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            # The kernel is spoken to through files that only this user can open, and not over the network.
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}),
            resources={"metadata": {"path": str(cwd)}},
            timeout_func=lambda _: max(1, int(started + seconds - time.monotonic())),
        )
        problem = _problem(client)
    page, _ = HTMLExporter(mathjax_url="", require_js_url="").from_notebook_node(notebook)  # nothing from the network
    for made, text in ((target, nbformat.writes(notebook) + "\n"), (target.with_suffix(".html"), page)):
        with atomic_file(made) as building:
            building.write_text(text, encoding="utf-8")
    print(f"{path.name:<36} {time.monotonic() - started:5.1f} s  {'FAILED' if problem else 'ok'}", flush=True)
    if problem:
        print(problem, file=sys.stderr, flush=True)
    return problem is None


def _problem(client: NotebookClient) -> str | None:
    """Why the notebook did not run to its end, or what it could not show: the failing cell and its error."""
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, RuntimeError) as error:  # the last: a kernel that died or never came
        return str(error)
    # A cell whose picture cannot be drawn has ended well for Jupyter; its error is only among the outputs.
    outputs = (output for cell in client.nb.cells for output in cell.get("outputs", []))
    errors = [output for output in outputs if output.output_type == "error"]
    return "\n".join(errors[0].traceback) if errors else None


def main() -> int:
    """Run this folder's notebooks; the exit code."""
    missing = [name for name in _NEEDED if not (ROOT / name).exists()]
    if missing:
        print(f"the notebooks need {', '.join(missing)}: run `make` first", file=sys.stderr)
        return 1
    return 1 if run_all(ROOT / "notebooks", ROOT / "data" / "reports" / "notebooks", cwd=ROOT) else 0


if __name__ == "__main__":
    sys.exit(main())
