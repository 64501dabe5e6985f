"""The zone of the machine changes no bit, on any engine: a run in Shanghai or New York is the run in London."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_tables import NEEDS_SPARK, SMALL_JVM
from world import AS_OF, World, bytes_of

(_GROUPED, WITHOUT_SPARK) = NEEDS_SPARK
pytestmark = pytest.mark.xdist_group("world")


def profiles(world: World) -> pa.Table:
    parts = sorted((world.root / "data/profiles/simulated" / f"as_of={AS_OF}").glob("part-*.parquet"))
    return pa.concat_tables(pq.read_table(part) for part in parts).combine_chunks()


@pytest.mark.parametrize(
    ("zone", "engine"),
    [
        ("America/New_York", "embedded"),
        ("Asia/Shanghai", "embedded"),
        pytest.param("Asia/Shanghai", "spark", marks=WITHOUT_SPARK),
    ],
)
def test_a_run_in_another_zone_gives_the_same_bits(world: World, zone: str, engine: str) -> None:
    scored = {name: content for name, content in bytes_of(world.scored).items() if name.endswith(".parquet")}
    expected = profiles(world)
    done = world.run("score", "simulated", "--replace", "--engine", engine, TZ=zone, JAVA_TOOL_OPTIONS=SMALL_JVM)
    assert done.returncode == 0, done.stderr
    assert profiles(world).equals(expected)
    again = bytes_of(world.scored)
    assert {name: again[name] for name in scored} == scored
