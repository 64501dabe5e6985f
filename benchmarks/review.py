"""The review page over a million scored customers: the first page, and any filter and page after it.

    make bench-review                   [ROWS=1000000]

The latest scored run of the demo is repeated to so many customers, with ids of their own, and opened as the page opens
a run. Pages are asked for over the network of this machine, as a browser does. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import http.client
import random
import re
import resource
import socket
import statistics
import tempfile
import threading
import time
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import uvicorn

from credit_eval.models.registry import load_champion
from credit_eval.review.app import Desk, application
from credit_eval.review.queue import Queue
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.records import write_tree
from credit_eval.scoring.sealed import open_scored, seal_scored

ROOT = Path(__file__).parents[1]
ASKED, ROWS_PER_PART = 200, 50_000


def repeated(folder: Path, rows: int) -> Path:
    """A run of so many customers: the demo's decisions again and again, under ids of their own."""
    demo = open_scored(sorted((ROOT / "data/scored/simulated").glob("as_of=*"))[-1])
    frame = pd.concat([pd.read_parquet(part) for part in demo.parts], ignore_index=True)
    target = folder / "simulated" / demo.root.name
    (target / "contributions").mkdir(parents=True)
    for number, start in enumerate(range(0, rows, ROWS_PER_PART)):
        places = [(start + i) % len(frame) for i in range(min(ROWS_PER_PART, rows - start))]
        part = frame.iloc[places].reset_index(drop=True)
        part["customer_id"] = [f"M{start + i:07}" for i in range(len(part))]
        part["limit_previous"] = part["limit_previous"] + start / rows
        pq.write_table(
            pa.Table.from_pandas(part, preserve_index=False),
            target / f"part-{number:05}.parquet",
            row_group_size=16_384,
        )
    tree = write_tree(target, [])
    seal_scored(target, {**demo.manifest, "rows": rows, "tree": tree})
    return target


def ask(port: int, path: str, cookie: str) -> tuple[float, str]:
    """Seconds until all of a page is there, and the page."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers={"Cookie": cookie})
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status == 200, answer.status
    return time.perf_counter() - began, text


def main() -> None:
    """Open the run, then ask for pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows, chance = parser.parse_args().rows, random.Random(0)
    with tempfile.TemporaryDirectory() as place:
        run = open_scored(repeated(Path(place), rows))
        began = time.perf_counter()
        run.check()
        queue = Queue(run, Path(place))
        opened = time.perf_counter() - began
        model, _ = load_champion(ROOT / "models", "simulated")
        desk = Desk(
            run, Path(place), queue, model, Ledger(str(Path(place) / "l.sqlite")), Path(place) / "v.jsonl", "bench"
        )
        desk.signed_in["bench"] = "form"
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(application(desk), log_level="error"))
        threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
        first, text = ask(port, "/", "review=bench")
        found: list[float] = []
        for _ in range(ASKED):
            said = {"order": chance.choice(["stake", "risk", "score", "customer"])}
            for name, choices in (
                ("decision", queue.choices.decisions),
                ("grade", queue.choices.grades),
                ("reason", queue.choices.reasons),
            ):
                if chance.random() < 0.4:
                    said[name] = chance.choice(list(choices))
            if chance.random() < 0.2:
                said["customer"] = f"M{chance.randrange(rows):07}"[: chance.randrange(2, 8)]
            for _page in range(3):
                seconds, text = ask(port, f"/?{urlencode(said)}", "review=bench")
                found.append(seconds)
                following = re.search(r'<a href="/\?([^"]*)" rel="next">', text)
                if following is None:
                    break
                said = dict(parse_qsl(unescape(following[1])))
        server.should_exit = True
        queue.close()
    found.sort()
    cases, late = sum(queue.choices.decisions.values()), found[int(0.95 * len(found))]
    print(f"{rows:,} customers scored, {cases:,} cases; opened in {opened:.1f} s")
    print(f"first page {first * 1000:.0f} ms; {len(found)} pages by filter, order, search and next:")
    middle, worst = statistics.median(found), found[-1]
    print(f"median {middle * 1000:.0f} ms, 95th percentile {late * 1000:.0f} ms, worst {worst * 1000:.0f} ms")
    print(f"peak memory of server and client {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB")


if __name__ == "__main__":
    main()
