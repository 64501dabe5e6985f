"""A small world, built once by the command line as a user would: simulated, trained, scored, reported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from world import SETTINGS, World, bytes_of

CUSTOMERS = 2_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs of the command line are slow, all of them: `make test-slow`."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("world"))
    (world.root / "settings.yaml").write_text(SETTINGS)
    for arguments in (["simulate", "--customers", str(CUSTOMERS)], ["run", "simulated"]):
        done = world.run(*arguments)
        assert done.returncode == 0, done.stderr
    return world


@pytest.fixture
def refused(world: World) -> Callable[..., str]:
    """Run a command that must be refused with this exit code, change nothing that is scored, and say why."""

    def run(exit_code: int, *arguments: str) -> str:
        before = bytes_of(world.scored)
        done = world.run(*arguments)
        assert done.returncode == exit_code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert bytes_of(world.scored) == before
        return done.stderr

    return run
