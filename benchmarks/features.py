"""The feature stage beside hand-written Polars, DuckDB and featuretools. `make bench-features`.

    python -m benchmarks.features [--events 20000000] [--rounds 3] [--subset 1000] [--scale] [--work DIRECTORY]

The same 155 features (`feature_peers/catalogue.py`) by everybody, of the same events, at the same midnight; for all,
known_at < as_of and as_of - days <= occurred_at < as_of. Every value is compared with ours: a difference is printed
with the feature's name and fails the benchmark. About time nothing is asserted.

How to read the tables
- Rounds are interleaved (A B C A B C …). Each measurement is a process of its own from its start to its end, imports
  and writing the result included. Seconds are minimum, median and maximum of the rounds; CPU seconds (of all cores,
  median) tell a busy machine from a slow program; MB is the highest peak of resident memory, of all its processes
  together. The files are in the page cache for everybody.
- "× Polars": median seconds, or peak memory, over those of hand-written Polars; "× one": seconds over our own snapshot
  from events. Less than 1 is faster, or smaller. Beside a panel, Polars is its 12 snapshots.
- The floor is reading the columns that are needed, once, and reading all bytes, once.
- featuretools computes the first `--subset` customers only; its note says what a customer takes.
- A panel is 12 monthly snapshots: ours has all in one cohort; the others compute one snapshot after the other in one
  process, or, *joined*, what a snapshot means: events joined to cohort rows where occurred_at and known_at < as_of,
  grouped. That is the oracle, and the peer that the kernel has to beat.

Data (20 MB per million events) and the peers' environments stay in the work directory; the first run makes them,
which takes minutes, and a network. `--scale` measures ours and Polars over 1, 10 and 100 million events instead, and
says with which power of the number of events the time grows.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from benchmarks.feature_peers.catalogue import CATALOGUE
from benchmarks.feature_peers.check import differences
from benchmarks.feature_peers.measure import CONSOLE, PROJECT, Line, run, show
from benchmarks.feature_peers.places import AS_OF, PANEL, Places, module

SIZES = (1_000_000, 10_000_000, 100_000_000)


def ours(places: Places, name: str, cohort: str, rounds: int) -> Line:
    """Profiles of a cohort by this project."""
    return Line(f"ours, {name}", module("ours", places.data, places.cohort(cohort), places.out(f"ours {name}")), rounds)


def peer(
    places: Places, name: str, program: str, cohort: str, rounds: int, *more: str, last: str | None = None
) -> Line:
    """A program of feature_peers; `last` is the last customer it computes."""
    out, script = places.out(name), PROJECT / "benchmarks" / "feature_peers" / f"by_{program}.py"
    dates = [f"{as_of:%Y-%m-%d}" for as_of in dates_of(cohort)]
    asked = [str(places.data), str(out), *dates, *more, *(("--last", last) if last else ())]
    line = Line(name, [places.python(program), str(script), *asked], rounds)
    line.check = lambda: compare(places, name, out, cohort, last=last)
    return line


def dates_of(cohort: str) -> Sequence[datetime]:
    return PANEL if cohort == "panel" else [AS_OF]


def compare(places: Places, name: str, out: Path, cohort: str, *, last: str | None = None) -> list[str]:
    """What differs from ours from events."""
    from_events, found = places.out(f"ours {'panel ' if cohort == 'panel' else ''}from events"), []
    for as_of in dates_of(cohort):
        file = out / f"{as_of:%Y-%m-%d}.parquet"
        told = differences(from_events, file if file.exists() else out, as_of, last=last)
        found += [f"{name}, {as_of:%Y-%m-%d}: {line}" for line in told]
    return found


def one_snapshot(places: Places, rounds: int, subset: int) -> tuple[list[str], Line]:
    polars, one = peer(places, "Polars", "polars", "one", rounds), ours(places, "from events", "one", rounds)
    featuretools = peer(places, "featuretools", "featuretools", "one", rounds, last=f"C{subset - 1:07}")
    lines = [
        polars,
        peer(places, "Polars, told of sorting", "polars", "one", rounds, "--shape", "sorted"),
        peer(places, "DuckDB", "duckdb", "one", rounds),
        featuretools,
        one,
        Line("floor: the columns", module("floor", places.data), rounds),
        Line("floor: the bytes", ["cat", *map(str, places.data.glob("*.parquet"))], rounds),
    ]
    wrong = run(lines)
    each, of_ours = featuretools.median / subset * 1000, one.median / places.customers * 1000
    featuretools.note = f"{subset:,} customers: {each:.1f} ms each, ours {of_ours:.2f}"
    show("One snapshot", lines, polars, one)
    return wrong, one


def panel(places: Places, rounds: int, one: Line) -> list[str]:
    polars = peer(places, "Polars, 12 snapshots", "polars", "panel", 1)
    lines = [
        ours(places, "panel from events", "panel", rounds),
        polars,
        peer(places, "Polars, joined", "polars", "panel", 1, "--shape", "joined"),
        peer(places, "DuckDB, 12 snapshots", "duckdb", "panel", 1),
        peer(places, "DuckDB, joined", "duckdb", "panel", 1, "--shape", "joined"),
    ]
    for line in lines[1:]:
        line.note = "measured once"
    wrong = run(lines)
    show("A panel of 12 monthly snapshots", lines, polars, one)
    return wrong


def compared(places: Places, rounds: int, subset: int) -> list[str]:
    """The tables."""
    places.generate()
    CONSOLE.print(f"{len(CATALOGUE.names)} features, {places.rows:,} events of {places.customers:,} customers")
    wrong, one = one_snapshot(places, rounds, subset)
    return wrong + panel(places, rounds, one)


def scaled(work: Path, rounds: int) -> list[str]:
    """Ours and Polars over growing data, and the exponents."""
    wrong: list[str] = []
    found: list[tuple[int, list[Line]]] = []
    for events in SIZES:
        places = Places(work, events)
        places.generate()
        lines = [ours(places, "from events", "one", rounds), peer(places, "Polars", "polars", "one", rounds)]
        wrong += run(lines)
        show(f"{places.rows:,} events of {places.customers:,} customers", lines, lines[1], lines[0])
        found.append((places.rows, lines))
    for (fewer, before), (more, after) in itertools.pairwise(found):
        for low, high in zip(before, after, strict=True):
            power = math.log(high.median / low.median) / math.log(more / fewer)
            CONSOLE.print(f"{low.name}: from {fewer:,} to {more:,} events, seconds grow by the power {power:.2f}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/credit-eval-bench-features"))
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--subset", type=int, default=1_000)
    parser.add_argument("--scale", action="store_true")
    asked = parser.parse_args()
    work = asked.work.resolve()
    if asked.scale:
        wrong = scaled(work, asked.rounds)
    else:
        wrong = compared(Places(work, asked.events), asked.rounds, asked.subset)
    CONSOLE.print("\n".join(wrong) or "All values are equal.", markup=False)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
