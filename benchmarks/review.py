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
from credit_eval.review.app import application
from credit_eval.review.desk import Desk
from credit_eval.review.queue import Queue
from credit_eval.review.serve import desk_of
from credit_eval.review.visitors import Visitors
from credit_eval.scoring.decision import latest_run
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.records import write_tree
from credit_eval.scoring.sealed import open_scored, seal_scored
from credit_eval.settings import Paths, load_settings

ROOT = Path(__file__).parents[1]
ASKED, SEEN, ROWS_PER_PART = 200, 40, 50_000


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


def served(desk: Desk) -> tuple[uvicorn.Server, int, str]:
    """The pages of a desk, at a port of this machine, and the cookie of somebody who is signed in."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application(desk), log_level="error"))
    threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
    return server, listening.getsockname()[1], f"review={desk.visitors.let_in(desk.visitors.sole)}"


def customers(chance: random.Random) -> dict[str, list[float]]:
    """Seconds of a customer's page, of what stands behind it, and of the reviewers, over the demo's own run."""
    paths, settings = Paths(root=ROOT), load_settings(ROOT / "settings.yaml")
    run = latest_run(paths.all_scored("simulated"))
    found: dict[str, list[float]] = {"customer": [], "background": [], "reviewers": []}
    with desk_of(paths, settings, "simulated", run) as desk:
        server, port, cookie = served(desk)
        who = pd.concat(pd.read_parquet(part, columns=["customer_id"]) for part in desk.run.parts)["customer_id"]
        ask(port, f"/background?id={who.iloc[0]}", cookie)  # opens the data set
        for name, times in found.items():
            for _ in range(SEEN):
                times.append(ask(port, f"/{name}?id={chance.choice(who.tolist())}", cookie)[0])
        server.should_exit = True
    return found


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
        ledger, visitors = Ledger(str(Path(place) / "l.sqlite")), Visitors(dict, "bench")
        desk = Desk(run, Path(place), queue, model, ledger, Path(place) / "v.jsonl", visitors)
        for number in range(0, rows, 997):  # of a thousandth somebody has said something
            queue.looked_at(f"M{number:07}", str(run.manifest["cohort"]).partition("=")[2])
        server, port, cookie = served(desk)
        first, text = ask(port, "/", cookie)
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
            if chance.random() < 0.2:
                said["state"] = chance.choice(["open", "looked_at"])
            for _page in range(3):
                seconds, text = ask(port, f"/?{urlencode(said)}", cookie)
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
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"peak memory of server and client {memory:,.0f} MB")
    for name, times in customers(chance).items():
        middle, late = statistics.median(times), sorted(times)[int(0.95 * len(times))]
        print(f"{name} of the demo: median {middle * 1000:.0f} ms, 95th percentile {late * 1000:.0f} ms")


if __name__ == "__main__":
    main()
