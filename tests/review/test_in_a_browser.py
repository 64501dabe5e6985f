"""The review page in a real browser: by keyboard from the sign-in to an opinion, in both languages, at 1280 pixels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from credit_eval.review.opinions import opinions
from credit_eval.review.pages import PAGES
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.reading import read_scored
from tests.review.conftest import SETTINGS
from tests.trained import trained_loans

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no browser on this machine: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_loans(tmp_path_factory.mktemp("made"), SETTINGS).folder


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[tuple[str, str]]:
    """The command as a reviewer runs it: its address and its word."""
    command = [sys.executable, "-m", "credit_eval", "--root", str(root), "review", "loans", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"}) as server:
        assert server.stdout is not None
        said = server.stdout.readline().split()
        yield said[1], said[-1]
        server.terminate()


@pytest.fixture
def page(served: tuple[str, str]) -> Iterator[Page]:
    """A page of a browser without cookies; whatever it complains of on the way fails the test."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
        assert [one for one in complaints if not any(part in one for part in ("favicon", "403", "404"))] == []


def sign_in(page: Page, served: tuple[str, str]) -> None:
    page.goto(served[0])
    assert page.evaluate("document.activeElement.id") == "token"
    page.keyboard.type(served[1])
    page.keyboard.press("Enter")
    page.wait_for_selector("table")


def test_from_the_sign_in_to_an_opinion_by_keyboard(page: Page, served: tuple[str, str], root: Path) -> None:
    page.goto(served[0])
    page.keyboard.type("not the word")
    page.keyboard.press("Enter")
    page.wait_for_selector('[role="alert"]')
    sign_in(page, served)
    page.select_option("#decision", index=1)
    page.select_option("#order", "risk")
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url("**order=risk*")
    risks = [float(text.rstrip("%")) for text in page.locator("tbody tr td:nth-of-type(3)").all_inner_texts()]
    assert risks == sorted(risks, reverse=True)
    customer = page.locator("tbody th a").first.inner_text()
    page.locator("tbody th a").first.press("Enter")
    page.wait_for_selector("h1")
    scored = read_scored(root / "data/scored/loans/cohort=unlabelled").set_index("customer_id")
    assert customer in page.locator("h1").inner_text()
    assert f"{scored.loc[customer, 'p_default']:.1%}" in page.content()
    page.get_by_label("disagree", exact=True).press("Space")
    page.get_by_label("Why, if you do not agree").select_option("one_off")
    page.get_by_label("In a sentence", exact=True).fill("a hospital stay in spring, all is paid since")
    page.get_by_role("button", name="Write it down").press("Enter")
    page.wait_for_selector("text=a hospital stay in spring")
    (said,) = opinions(Ledger(str(root / "data/ledger/decisions.sqlite")).log("loans"))
    assert (said.customer_id, said.verdict, said.because) == (customer, "disagree", "one_off")


def test_every_page_in_both_languages_fits_and_every_field_has_a_name(
    page: Page, served: tuple[str, str], tmp_path: Path
) -> None:
    sign_in(page, served)
    for language in ("en", "zh"):
        page.goto(f"{served[0]}?lang={language}")
        customer = page.locator("tbody th a").first.get_attribute("href")
        for name, path in (("queue", ""), ("customer", str(customer).lstrip("/"))):
            page.goto(served[0] + path)
            page.screenshot(path=tmp_path / f"{name}.{language}.png", full_page=True)
            assert page.evaluate("document.documentElement.lang").startswith(language)
            assert page.evaluate("document.documentElement.scrollWidth") <= 1280
            unnamed = page.evaluate(
                """[...document.querySelectorAll('input:not([type=hidden]), select, textarea, button')]
                   .filter(one => !(one.labels?.length || one.textContent.trim())).map(one => one.outerHTML)"""
            )
            assert unnamed == []
            assert page.locator("h1").count() == 1
            assert len(page.title()) > 1


def test_axe_finds_nothing_on_any_page_in_both_languages(page: Page, served: tuple[str, str], tmp_path: Path) -> None:
    page.goto(served[0])
    _check_with_axe(page)
    sign_in(page, served)
    customer = str(page.locator("tbody th a").first.get_attribute("href"))
    who = customer.partition("id=")[2]
    paths = [one.path for one in PAGES if one.path != "/export"]
    assert len(paths) >= 7
    for language in ("en", "zh"):
        for path in (*paths, "/customer?id=nobody"):
            page.goto(f"{served[0].rstrip('/')}{path}{'&' if '?' in path else '?'}lang={language}&id={who}")
            for details in page.locator("details").all():
                details.evaluate("one => { one.open = true }")
            page.screenshot(
                path=tmp_path / f"{path.strip('/').partition('?')[0] or 'queue'}.{language}.png", full_page=True
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= 1280, path
            _check_with_axe(page)


def test_axe_finds_faults_where_there_are_some(page: Page) -> None:
    page.set_content("<html><body><input><p style='color: #ccc; background: #fff'>pale</p></body></html>")
    with pytest.raises(AssertionError, match="color-contrast"):
        _check_with_axe(page)


def _check_with_axe(page: Page) -> None:
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}}).response
    assert [(page.url, one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found["violations"]] == []
    assert len(found["passes"]) > 10


def test_text_has_the_contrast_of_wcag_aa(page: Page, served: tuple[str, str]) -> None:
    sign_in(page, served)
    page.goto(served[0] + str(page.locator("tbody th a").first.get_attribute("href")).lstrip("/"))
    worst = page.evaluate(
        """() => {
          const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            return 0.2126 * r + 0.7152 * g + 0.0722 * b }
          const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor
            if (!c.endsWith(', 0)')) return c } return 'rgb(255, 255, 255)' }
          const ratios = [...document.querySelectorAll('body *')].filter(e => [...e.childNodes]
            .some(n => n.nodeType === 3 && n.textContent.trim())).map(e => {
              const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x)
              return (a + 0.05) / (b + 0.05) })
          return Math.min(...ratios) }"""
    )
    assert worst >= 4.5


def test_signing_out_ends_it(page: Page, served: tuple[str, str]) -> None:
    sign_in(page, served)
    page.get_by_role("button", name="Sign out").press("Enter")
    page.wait_for_url("**/sign-in")
    page.goto(served[0])
    assert page.url.endswith("/sign-in")
