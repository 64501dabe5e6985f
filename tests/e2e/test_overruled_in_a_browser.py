"""Two people overrule a restriction in a real browser, and the next run honours it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from world import World

from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.reading import read_scored

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("world"),
    pytest.mark.skipif(BROWSER is None, reason="no browser on this machine: apt-get install chromium"),
]
BEFORE, NEXT, WORD = "2026-06-01", "2026-07-01", "four plain words here"


@pytest.fixture(scope="module")
def shop(world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A copy of the shop, scored at two dates a month apart, with two reviewers."""
    copy = World(Path(shutil.copytree(world.root, tmp_path_factory.mktemp("shop") / "root")))
    shutil.rmtree(copy.root / "data/ledger", ignore_errors=True)
    shutil.rmtree(copy.root / "data/scored", ignore_errors=True)
    done = copy.run("score", "simulated", "--as-of", BEFORE)
    assert done.returncode == 0, done.stderr
    for name, role in (("ana", "reviewer"), ("ben", "approver")):
        command = [sys.executable, "-m", "credit_eval", "account", name, "--role", role]
        subprocess.run(command, input=WORD + "\n", text=True, cwd=copy.root, check=True)
    return copy


@contextmanager
def served(shop: World, label: str) -> Iterator[str]:
    command = [sys.executable, "-m", "credit_eval", "review", "simulated", "--run", label, "--port", "0"]
    environment = {**os.environ, "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=shop.root) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split()[1]
        server.terminate()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


def sign_in(browser: Browser, address: str, name: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(address)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(WORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("table")
    return page


def test_two_people_overrule_a_restriction_and_the_next_run_honours_it(shop: World, browser: Browser) -> None:
    first = read_scored(shop.root / f"data/scored/simulated/as_of={BEFORE}")
    restricted = first[(first["limit_bound_by"] == "restriction") & first["limit_previous"].between(100, 3000)]
    customer = str(restricted.sort_values("limit_previous")["customer_id"].iloc[-1])
    line = float(restricted["limit_previous"].max())
    with served(shop, f"as_of={BEFORE}") as address:
        ana = sign_in(browser, address, "ana")
        ana.select_option("#decision", "restrict")
        ana.get_by_label("id begins with").fill(customer)
        ana.get_by_role("button", name="Show").press("Enter")
        ana.locator("tbody th a").first.click()
        ana.wait_for_selector("h1")
        ana.get_by_text("Overrule the policy, or write down an appeal").click()
        ana.get_by_label("allow a limit").check()
        ana.get_by_label("Limit to allow").fill(f"{line:,.2f}")
        ana.get_by_label("Until and including").fill("2026-08-15")
        ana.get_by_label("For which reason").select_option("income_shown")
        ana.get_by_label("Grounds").fill("a contract and three payslips were shown")
        ana.get_by_role("button", name="Overrule", exact=True).click()
        ana.wait_for_selector("text=waits for a second person")
        assert ana.get_by_role("button", name="Approve").count() == 0
        ben = sign_in(browser, address, "ben")
        ben.get_by_role("link", name="Overrides and appeals").click()
        ben.wait_for_selector(f"text={customer}")
        ben.get_by_role("button", name="Approve").click()
        ben.wait_for_url("**/waiting")
        assert ben.get_by_role("button", name="Approve").count() == 0
        ana.reload()
        assert "in force (ben)" in ana.content()
    log = Ledger(str(shop.root / "data/ledger/decisions.sqlite")).log("simulated").read()
    assert [entry["kind"] for entry in log][-2:] == ["override", "second"]
    assert shop.run("score", "simulated", "--as-of", NEXT).returncode == 0
    row = read_scored(shop.root / f"data/scored/simulated/as_of={NEXT}").set_index("customer_id").loc[customer]
    assert row["p_default"] > 0.40
    if row["limit_bound_by"] != "in_default":
        assert (row["limit_bound_by"], row["decided_by"]) == ("override", "override")
        assert row["limit_new"] == line
    assert f"override {log[-2]['place']}" in row["policy_reason"]
    assert shop.run("verify", "simulated").returncode == 0
    assert shop.run("replay", customer, "--dataset", "simulated", "--as-of", NEXT).returncode == 0
    said = json.loads(shop.run("--json", "overrides", "simulated").stdout)
    assert [(one["customer_id"], one["state"], one["seconded_by"]) for one in said["overrides"]] == [
        (customer, "holds", "ben")
    ]
    with served(shop, f"as_of={NEXT}") as address:
        page = sign_in(browser, address, "ana")
        page.goto(f"{address}customer?id={customer}&lang=zh")
        assert f"第{log[-2]['place']}号" in page.content()
