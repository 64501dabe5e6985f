"""The benchmark's features by this project.

python -m benchmarks.feature_peers.ours profiles ROOT COHORT TARGET [--tiles DIRECTORY]
python -m benchmarks.feature_peers.ours tiles ROOT DIRECTORY
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.feature_peers.catalogue import CATALOGUE
from credit_eval.events.engines.duckdb import DuckDB
from credit_eval.events.store import open_dataset
from credit_eval.profiles.build import build_profiles
from credit_eval.profiles.tiling import write_tiles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(dest="what", required=True)
    profiles, tiles = what.add_parser("profiles"), what.add_parser("tiles")
    for each in (profiles, tiles):
        each.add_argument("root", type=Path)
    profiles.add_argument("cohort", type=Path)
    profiles.add_argument("target", type=Path)
    profiles.add_argument("--tiles", type=Path)
    tiles.add_argument("tiles", type=Path)
    asked = parser.parse_args()
    dataset = open_dataset(asked.root)
    if asked.what == "profiles":
        build_profiles(dataset, asked.cohort, CATALOGUE, asked.target, tiles=asked.tiles, replace=True)
        return
    with DuckDB() as engine:
        write_tiles(engine, dataset, CATALOGUE, asked.tiles)


if __name__ == "__main__":
    main()
