"""Kill an append before and after every step that touches the disk, and look what is left each time.

Run as a script in an empty directory. Each kill happens in a forked child, which dies by SIGKILL and so runs no
cleaning-up of its own. Prints the number of kills.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from killing import Step, arm, in_child
from night_shop import NIGHT, Shop, bytes_of

from credit_eval.core import files
from credit_eval.ingest import appending
from credit_eval.ingest.mapping import append_mapping
from credit_eval.schema.store import open_dataset

STEPS: list[Step] = [
    (appending, "describe_dataset"),
    (appending, "link_files"),
    (files, "_flush"),
    (files, "_move_in"),
    (shutil, "rmtree"),
]


def make(place: Path, *, appended: bool) -> dict[str, bytes]:
    """The data set of a shop made in `place`, before or after its night."""

    def work() -> None:
        place.mkdir()
        shop = Shop(place)
        shop.write(NIGHT, place / "night")
        if appended:
            append(place)

    in_child(work)
    return bytes_of(place / "raw")


def append(place: Path) -> None:
    append_mapping(place / "shop.yaml", place / "night", place / "raw", "shop")


def main() -> None:
    place = Path("shop")
    outputs = {"new": make(Path("reference"), appended=True), "old": make(place, appended=False)}
    step, found = 0, []

    def armed() -> None:
        arm(STEPS, step)
        append(place)

    while in_child(armed):
        left = bytes_of(place / "raw" / "shop")
        found += [name for name, content in outputs.items() if left == {k[5:]: v for k, v in content.items()}]
        assert len(found) == step + 1, f"killed at step {step}: neither the old data set nor the new"
        open_dataset(place / "raw" / "shop")
        step += 1
        if found[-1] == "new":  # so that the next kill finds the old one again, and what this one left behind
            shutil.rmtree(place / "raw" / "shop")
            restore(place / "raw", outputs["old"])
    assert {"old", "new"} == set(found)
    assert [path.name for path in (place / "raw").iterdir()] == ["shop"], "something was left behind"
    print(f"{step} kills, {found.count('old')} of which left the old data set")


def restore(raw: Path, content: dict[str, bytes]) -> None:
    for name, data in content.items():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(data)


if __name__ == "__main__":
    main()
