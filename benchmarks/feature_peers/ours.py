"""The benchmark's features by this project.

python -m benchmarks.feature_peers.ours ROOT COHORT TARGET
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.feature_peers.catalogue import CATALOGUE
from credit_eval.profiles.build import build_profiles
from credit_eval.schema.store import open_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("root", "cohort", "target"):
        parser.add_argument(name, type=Path)
    asked = parser.parse_args()
    build_profiles(open_dataset(asked.root), asked.cohort, CATALOGUE, asked.target, replace=True)


if __name__ == "__main__":
    main()
