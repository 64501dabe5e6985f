"""Names and texts that are somebody else's: no path to another place, no markup, no locale."""

from __future__ import annotations

from pathlib import Path

import pytest
from world import World, bytes_of

from credit_eval.core.errors import SourceError
from credit_eval.ingest.simulator.run import simulate
from credit_eval.settings import Paths

NO_NAMES = ["", ".", "..", "../raw", "raw/shop", "/tmp/x", "Shop", "a b", "-a", "x" * 101, "shop\n"]
#: Python as it runs where nobody set a locale: text is ASCII unless a file says otherwise.
ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ODD = "[/]"


@pytest.fixture
def shop(tmp_path: Path) -> World:
    """A data set whose currency and whose only customer read as markup, with a setting told in Chinese."""
    (tmp_path / "people.csv").write_text(f"id,since\n{ODD},2025-01-01\n")
    (tmp_path / "settings.yaml").write_text("# 违约\nsample: {seed: 1}\n", encoding="utf-8")
    (tmp_path / "m.yaml").write_text(
        'dataset: shop\ncurrency: "<b>€</b>[/]"\nnotes: ["[bold", "\\e[31mred"]\n'
        "tables:\n  customers: {file: people.csv, columns: {customer_id: id, occurred_at: since}}\n",
        encoding="utf-8",
    )
    return World(tmp_path)


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_is_a_path_to_something_else_is_refused_and_nothing_is_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "precious").write_text("data")
    with pytest.raises(SourceError, match="cannot be the name"):
        simulate(tmp_path / "raw", tmp_path / "truth", customers=100, months=6, name=name, replace=True)
    assert bytes_of(tmp_path) == {"raw/precious": b"data"}
    paths = Paths(root=tmp_path)
    for place in (paths.dataset, paths.reports, paths.all_scored):
        with pytest.raises(SourceError, match="cannot be the name"):
            place(name)


@pytest.mark.parametrize("label", ["", "cohort=", "cohort=../x", "as_of=2026", "latest", "as_of=2026-07-01/.."])
def test_a_label_that_is_a_path_to_something_else_is_refused(label: str) -> None:
    with pytest.raises(SourceError, match="scored run"):
        Paths().scored("shop", label)


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "--customers", "100", "--name", "", "--replace"],
        ["train", "."],
        ["score", "..", "--replace"],
        ["score", "shop", "--cohort", ""],
        ["report", "shop", "--label", ""],
        ["run", ""],
        ["profile", "c", "--dataset", ""],
        ["append", "", "--from", ".", "--mapping", "m.yaml"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_no_command_takes_an_empty_name_for_everything(shop: World, arguments: list[str]) -> None:
    assert shop.run("import", "m.yaml").returncode == 0
    before = bytes_of(shop.root)
    done = shop.run(*arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (10, False), done.stderr
    assert bytes_of(shop.root) == before


def test_an_empty_date_is_not_the_end_of_the_data(shop: World) -> None:
    assert shop.run("import", "m.yaml").returncode == 0
    done = shop.run("score", "shop", "--as-of", "")
    assert done.returncode == 12, done.stderr
    assert "YYYY-MM-DD" in done.stderr


@pytest.mark.parametrize("environment", [{}, ASCII_LOCALE], ids=["UTF-8", "ASCII"])
def test_foreign_text_is_printed_as_it_is_whatever_it_looks_like(shop: World, environment: dict[str, str]) -> None:
    euro = "\\u20ac" if environment else "€"
    for arguments in (["import", "m.yaml"], ["datasets"]):
        done = shop.run(*arguments, **environment)
        assert done.returncode == 0, done.stderr
        assert f"shop (<b>{euro}</b>[/], known until" in done.stdout
        assert "note: [bold" in done.stdout
        assert "\\x1b[31mred" in done.stdout
        assert "\x1b" not in done.stdout
    done = shop.run("profile", ODD, "--dataset", "shop", **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{ODD} of shop as of ")
    done = shop.run("profile", "[/nobody]", "--dataset", "shop", **environment)
    assert done.returncode == 12, done.stderr
    assert "[/nobody]" in done.stderr
