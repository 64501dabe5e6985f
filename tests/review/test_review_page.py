"""The review page: who waits is there once, nothing foreign is markup, and nobody gets in without the word."""

from __future__ import annotations

import csv
import hashlib
import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from credit_eval.core.errors import IntegrityError, OutputExistsError, SourceError
from credit_eval.core.runs import Run
from credit_eval.core.seals import read_sealed_lines
from credit_eval.policy.decide import is_adverse
from credit_eval.review import queue as module
from credit_eval.review.app import described
from credit_eval.review.desk import Desk
from credit_eval.review.forms import FORMS
from credit_eval.review.opinions import counted, export, opinions
from credit_eval.review.pages import PAGES
from credit_eval.review.queue import Queue, Wanted
from credit_eval.review.serve import desk_of, serve
from credit_eval.scoring.reading import read_scored
from credit_eval.scoring.sealed import open_scored
from credit_eval.settings import Paths, Settings
from tests.review_pages import HOSTILE, RUN, Visitor, fields_of
from tests.scored_run import scored_frame, write_run

# The queue ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Queue, pd.DataFrame]:
    """A queue of made-up decisions with many equal amounts, and the cases as pandas has them."""
    root = tmp_path_factory.mktemp("many")
    frame = scored_frame(1_000).assign(apr_previous=np.nan, balance=0.0)
    frame["limit_previous"] = frame["limit_previous"].round(-3)
    run = open_scored(write_run(root, frame, parts=3))
    stake = frame[["limit_previous", "limit_new", "balance"]].fillna(0).max(axis=1)
    cases = frame.assign(stake=stake)[is_adverse(frame) | (frame["decision"] == "refer")]
    assert 100 < len(cases) < len(frame)
    assert cases["stake"].duplicated().any()
    return Queue(run, root), cases


@pytest.mark.parametrize(
    ("order", "column", "rises"),
    [("stake", "stake", 0), ("risk", "p_default", 0), ("score", "score", 1), ("customer", "customer_id", 1)],
)
def test_page_after_page_shows_everybody_once_in_order(
    many: tuple[Queue, pd.DataFrame], order: module.Order, column: str, rises: int
) -> None:
    queue, cases = many
    expected = cases.sort_values([column, "customer_id"], ascending=[bool(rises), True])["customer_id"].tolist()
    found: list[str] = []
    after = None
    while True:
        page = queue.page(Wanted(order=order), after)
        assert page.total == len(cases)
        found += [case.customer_id for case in page.cases]
        if (after := page.after) is None:
            break
    assert found == expected


def test_filters_are_those_of_pandas(many: tuple[Queue, pd.DataFrame]) -> None:
    queue, cases = many
    decision, grade = cases["decision"].iloc[0], cases["grade"].iloc[0]
    expected = cases[(cases["decision"] == decision) & (cases["grade"] == grade)]
    assert queue.page(Wanted(decision=decision, grade=grade)).total == len(expected)
    begin = cases["customer_id"].iloc[0][:-1]
    assert queue.page(Wanted(customer=begin)).total == cases["customer_id"].str.startswith(begin).sum()
    assert queue.choices.decisions == cases["decision"].value_counts().to_dict()
    for text in [*HOSTILE, "%", "_", "\\"]:
        for name in ("decision", "grade", "reason", "customer"):
            assert queue.page(Wanted(**{name: text})).total == 0


@pytest.mark.parametrize(
    "after", ["x", "W10=", "bnVsbA==", "WzEsMiwzXQ==", "WyJhIiwiYiIsImMiXQ==", "W1tdLCJhIiwiYiJd", "é", "A" * 5_000]
)
def test_a_page_that_none_led_to_is_told(many: tuple[Queue, pd.DataFrame], after: str) -> None:
    with pytest.raises(SourceError, match="no page of the queue"):
        many[0].page(Wanted(), after)


# The pages ----------------------------------------------------------------------------------------------------


def test_without_the_word_nobody_sees_anything(stranger: Visitor, desk: Desk) -> None:
    for path in ("/", "/customer?id=L00001", "/?decision=reduce"):
        answer, text = stranger.ask("GET", path)
        assert (answer.status, answer.getheader("Location"), text) == (303, "/sign-in", "")
    for wrong in ("", "x", desk.visitors.token[:-1], "é" * 500):
        assert stranger.sign_in(wrong) == 403
    assert stranger.ask("GET", "/")[0].status == 303
    stranger.cookies = "review=made-up"
    assert stranger.ask("GET", "/")[0].status == 303
    assert stranger.sign_in(desk.visitors.token) == 303
    assert stranger.ask("GET", "/")[0].status == 200
    assert stranger.ask("POST", "/sign-out", "")[0].status == 303
    assert stranger.ask("GET", "/")[0].status == 303


def test_other_hosts_frames_and_scripts_are_refused(visitor: Visitor) -> None:
    assert visitor.ask("GET", "/", Host="evil.example")[0].status == 400
    answer, text = visitor.ask("GET", "/")
    policy = answer.getheader("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.getheader("Cache-Control") == "no-store"
    assert "<script" not in text
    assert "style=" not in text


def test_the_queue_and_a_customer_are_told_in_both_languages(visitor: Visitor, desk: Desk, root: Path) -> None:
    frame = read_scored(root / "data/scored/loans" / RUN.label)
    told = frame[is_adverse(frame) & frame["reason_text_1"].notna() & frame["customer_id"].str.startswith("L0")].iloc[0]
    page = visitor.get(f"/?customer={told['customer_id']}")
    assert "1 found" in page
    assert told["reason_text_1"].replace("'", "&#39;") in page
    page = visitor.get(f"/customer?id={told['customer_id']}")
    assert told["reason_code_1"] in page
    assert f"{told['p_default']:.1%}" in page
    assert "What raised the risk" in page
    page = visitor.get(f"/customer?id={told['customer_id']}&lang=zh")
    assert '<html lang="zh-CN">' in page
    assert "提高风险的因素" in page
    views = read_sealed_lines(desk.views)
    assert [view["customer"] for view in views[-2:]] == [told["customer_id"]] * 2
    assert desk.views.stat().st_mode & 0o777 == 0o600


def test_an_id_that_waits_for_nobody_can_be_opened_all_the_same(visitor: Visitor) -> None:
    page = visitor.get("/?customer=L9%3Cb%3E")  # everybody who is here has a decision that waits
    assert "0 found" in page
    assert 'href="/customer?id=L9%3Cb%3E"' in page
    assert "Open customer L9&lt;b&gt;" in page
    answer, text = visitor.ask("GET", "/customer?id=L9%3Cb%3E")
    assert (answer.status, "no such customer" in text) == (404, True)
    assert 'href="/customer?id=L00050"' not in visitor.get("/?customer=L00050").partition("</table>")[2]


def test_what_customers_wrote_is_never_markup(visitor: Visitor, root: Path) -> None:
    frame = read_scored(root / "data/scored/loans" / RUN.label)
    strange = [one for one in frame["customer_id"] if not one.startswith("L0")]
    assert len(strange) == len(HOSTILE)
    for customer in strange:
        page = visitor.get(f"/customer?id={quote(customer)}")
        assert "<script>alert" not in page
        assert "\x1b" not in re.sub(r'<input type="hidden"[^>]*>', "", page)  # what is sent back is as it is
        assert "<b>" not in page.replace("<bdi>", "")
        visitor.get(f"/?customer={quote(customer)}")
    assert "<script>alert" not in visitor.get("/?order=customer")


def test_nothing_that_is_asked_gives_a_fault_of_the_server(visitor: Visitor) -> None:
    rng, names = (
        np.random.default_rng(0),
        ["decision", "grade", "reason", "customer", "order", "after", "id", "lang", "x"],
    )
    values = [*HOSTILE, "", "nan", "-1", "9" * 400, "stake", "zh", "[]", "%00", "🙂", "../../etc/passwd"]
    for path in ("/", "/customer", "/sign-in", "/style.css", "/nowhere", "/%2e%2e/settings.yaml"):
        for _ in range(15):
            said = {str(rng.choice(names)): str(rng.choice(values)) for _ in range(3)}
            answer, _text = visitor.ask("GET", f"{path}?{urlencode(said)}")
            assert answer.status < 500, (path, said)
        for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
            assert visitor.ask(method, path, "\x00\xff" if method == "POST" else None)[0].status < 500


@pytest.fixture(scope="module")
def described_fields() -> list[tuple[str, str, tuple[str, ...]]]:
    """Each address of the page's own description: path, method, and the names of its fields."""
    found = []
    for path, methods in described()["paths"].items():
        for method, said in methods.items():
            body = said.get("requestBody", {"content": {"": {"schema": {"properties": {}}}}})["content"]
            names = [one["name"] for one in said.get("parameters", [])]
            names += [name for one in body.values() for name in one["schema"]["properties"]]
            found.append((path, method.upper(), tuple(names)))
    assert len(found) == len(PAGES) + len(FORMS) + 1
    return found


FIELD = st.one_of(
    st.sampled_from(
        [*HOSTILE, "L00050", "nan", "-1", "9" * 400, "approve", "withdraw", "allow", "stop", "csv", "\x00"]
    ),
    st.text(max_size=40),
    st.integers().map(str),
    st.dates().map(str),
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_requests_drawn_from_the_description_never_give_a_fault_of_the_server(
    visitor: Visitor, desk: Desk, described_fields: list[tuple[str, str, tuple[str, ...]]], data: st.DataObject
) -> None:
    path, method, names = data.draw(st.sampled_from(described_fields))
    said = {name: data.draw(FIELD, label=name) for name in names if data.draw(st.booleans())}
    known = desk.visitors.of(visitor.cookies.partition("=")[2])
    assume(path != "/sign-in" or said.get("token") != desk.visitors.token)
    if method == "POST" and known and data.draw(st.booleans()):
        said["form"] = known.form
    text = urlencode(said, errors="replace")
    answer, _ = visitor.ask(method, path if method == "POST" else f"{path}?{text}", text if method == "POST" else None)
    assert answer.status < 500, (method, path, said)


def test_nobody_known_and_files_that_were_edited_are_told(visitor: Visitor, root: Path) -> None:
    answer, text = visitor.ask("GET", "/customer?id=nobody")
    assert (answer.status, "no such customer" in text) == (404, True)
    part = next((root / "data/profiles/loans" / RUN.label).glob("part-*.parquet"))
    content = part.read_bytes()
    part.write_bytes(content + b"x")
    answer, text = visitor.ask("GET", "/customer?id=L00050")
    part.write_bytes(content)
    os.utime(part)
    assert (answer.status, "are not what was built" in text) == (409, True)
    visitor.get("/customer?id=L00050")


def test_a_run_that_was_edited_and_a_port_that_is_taken_are_told(root: Path, tmp_path: Path, desk: Desk) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    part = next((copy / "data/scored/loans" / RUN.label).glob("part-*.parquet"))
    part.write_bytes(part.read_bytes() + b"x")
    with pytest.raises(IntegrityError), desk_of(Paths(root=copy), Settings(), "loans", RUN):
        pass
    with (
        pytest.raises(SourceError, match="nothing is scored"),
        desk_of(Paths(root=copy), Settings(), "loans", Run(file="no")),
    ):
        pass
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OutputExistsError, match="cannot be used"):
        serve(desk, other.getsockname()[1], lambda *_: None)


def test_contributions_and_base_give_the_log_odds_that_are_shown(desk: Desk, root: Path) -> None:
    from credit_eval.review.customer import shown
    from credit_eval.scoring.reading import read_contributions

    moved = read_contributions(root / "data/scored/loans" / RUN.label).set_index("customer_id")
    for customer in ("L00050", "L00123"):
        (one,) = shown(desk.run.root, desk.profiles, desk.model, customer, "en")
        assert one.total == pytest.approx(moved.loc[customer, "log_odds"], abs=1e-5)
        assert one.base == pytest.approx(moved.loc[customer, "base_value"], abs=1e-5)
        assert sum(side.log_odds for side in one.sides) + one.base == pytest.approx(one.total, abs=1e-5)
    (one,) = shown(desk.run.root, desk.profiles, desk.model, "L00050", "en", desk.others)
    told = sum(side.others or 0 for side in one.sides)
    assert told + one.base == pytest.approx(moved["log_odds"].mean(), abs=1e-5)
    assert all(-1 <= side.share <= 1 and -1 <= side.others_share <= 1 for side in one.sides)


def test_what_stands_behind_a_decision_is_told_as_far_as_it_can(visitor: Visitor, desk: Desk) -> None:
    page = visitor.get("/background?id=L00050")
    assert "scored from a file, which is not kept" in page
    assert "Customers whom the model sees alike" in page
    names = set(re.findall(r'href="/customer\?id=([^"]+)"', page)) - {"L00050"}
    assert len(names) == 6
    declared = desk.run.profiles(desk.profiles).info.declared
    assert f"{len(declared) - len(desk.model.used)} columns" in page
    assert "模型认为相似的客户" in visitor.get("/background?id=L00050&lang=zh")
    assert visitor.ask("GET", "/background?id=nobody")[0].status == 404
    assert [view["customer"] for view in read_sealed_lines(desk.views)][-2:] == ["L00050"] * 2


def test_the_steps_lead_from_the_base_to_the_score(desk: Desk) -> None:
    from credit_eval.review.customer import shown

    (one,) = shown(desk.run.root, desk.profiles, desk.model, "L00050", "en")
    assert one.stairs[-1].score == one.row["score"]
    assert sum(step.log_odds for step in one.stairs) == pytest.approx(one.total, abs=1e-5)
    assert one.stairs[0].log_odds == one.base
    ends = [step.ends for step in one.stairs]
    assert [step.begins for step in one.stairs[1:]] == ends[:-1]
    assert (min(ends), max(ends)) == (0.0, 1.0)


# Files ----------------------------------------------------------------------------------------------------------


def test_the_queue_as_it_is_filtered_is_a_file_in_which_no_cell_is_a_formula(
    visitor: Visitor, many: tuple[Queue, pd.DataFrame], tmp_path: Path
) -> None:
    queue, cases = many
    expected = cases.sort_values(["p_default", "customer_id"], ascending=[False, True])
    decision = expected["decision"].iloc[0]
    wanted = expected[expected["decision"] == decision]["customer_id"].tolist()
    for kind in ("csv", "parquet"):
        target = tmp_path / f"it's.{kind}"
        queue.write(Wanted(decision=decision, order="risk"), target, kind)
        frame = pd.read_csv(target) if kind == "csv" else pd.read_parquet(target)
        assert frame["customer_id"].tolist() == wanted
    queue._engine.run("CREATE OR REPLACE TABLE spare AS FROM cases")
    for sign in ("=1+1", "+1", "-1", "@x", "\tx", "\rx\n=2"):
        queue._engine.run("DELETE FROM cases")
        queue._engine.run("INSERT INTO cases SELECT * REPLACE (? AS customer_id) FROM spare LIMIT 1", [sign])
        queue.write(Wanted(), tmp_path / "bad.csv", "csv")
        with (tmp_path / "bad.csv").open(newline="") as file:
            (row,) = list(csv.DictReader(file))
        assert row["customer_id"] == "'" + sign
    queue._engine.run("CREATE OR REPLACE TABLE cases AS FROM spare")
    answer, text = visitor.ask("GET", "/export?what=queue&decision=reduce&order=risk")
    assert answer.getheader("Content-Disposition", "").startswith("attachment")
    lines = list(csv.DictReader(text.splitlines()))
    assert {line["decision"] for line in lines} == {"reduce"}
    assert visitor.get("/export?what=opinions").startswith("customer_id,as_of")
    assert visitor.get("/export?what=overrides").startswith("customer_id,as_of")
    for wrong in ("what=everything", "what=opinions&format=parquet"):
        assert visitor.ask("GET", f"/export?{wrong}")[0].status == 400


def test_files_that_were_taken_away_are_gone_from_here(visitor: Visitor, desk: Desk) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", visitor.port)
    connection.request("GET", "/export?what=queue&format=parquet", headers={"Cookie": visitor.cookies})
    content = connection.getresponse().read()
    connection.close()
    assert content[:4] == content[-4:] == b"PAR1"
    for _ in range(100):
        if not list(desk.queue.spill.glob("exports/*")):
            break
        time.sleep(0.05)
    assert not list(desk.queue.spill.glob("exports/*"))
    assert read_sealed_lines(desk.views)[-1]["what"] == "export of queue"


def test_a_letter_is_for_the_adverse_and_nothing_but_its_own_style_runs_in_it(
    visitor: Visitor, root: Path, desk: Desk
) -> None:
    frame = read_scored(root / "data/scored/loans" / RUN.label)
    adverse = is_adverse(frame)
    due, not_due = (
        frame.loc[rows & frame["customer_id"].str.startswith("L0"), "customer_id"] for rows in (adverse, ~adverse)
    )
    for language, title in (("en", "About your credit"), ("zh", "授信决定通知书")):
        answer, text = visitor.ask("GET", f"/letter?id={due.iloc[0]}&lang={language}")
        assert (answer.status, title in text) == (200, True)
        assert "Toy Lending" in text
        rules = answer.getheader("Content-Security-Policy") or ""
        style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)[0]
        digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in rules
        assert "default-src 'none'" in rules
    assert "/letter?id=" in visitor.get(f"/customer?id={due.iloc[0]}")
    assert "/letter?id=" not in visitor.get(f"/customer?id={not_due.iloc[0]}")
    assert visitor.ask("GET", f"/letter?id={not_due.iloc[0]}")[0].status == 404
    assert visitor.ask("GET", f"/letter?id={due.iloc[0]}&n=7")[0].status == 404
    desk.lender = None
    answer, text = visitor.ask("GET", f"/letter?id={due.iloc[0]}")
    assert (answer.status, "who writes the letters" in text) == (400, True)


# Opinions -----------------------------------------------------------------------------------------------------


def disagree(**changes: str) -> dict[str, str]:
    return {"verdict": "disagree", "because": "one_off", "note": "a hospital stay, paid since"} | changes


def test_an_opinion_is_kept_in_the_log_shown_counted_and_exported(visitor: Visitor, desk: Desk, tmp_path: Path) -> None:
    page = visitor.get("/customer?id=L00060")
    answer, _ = visitor.ask(
        "POST", "/opinion", urlencode(fields_of(page) | disagree(note="=1+1 is no sum, 客户已还清"))
    )
    assert (answer.status, answer.getheader("Location")) == (303, "/customer?id=L00060")
    page = visitor.get("/customer?id=L00060")
    assert "an event that will not come again" in page
    assert "=1+1 is no sum, 客户已还清" in page
    log = desk.ledger.log("loans")
    (said,) = opinions(log, "L00060")
    assert (said.verdict, said.because, said.who) == ("disagree", "one_off", desk.visitors.sole)
    assert log.read()[-1]["kind"] == "review"
    desk.ledger.check_log("loans", [])
    assert counted([said])["because"] == {"one_off": 1}
    export([said], tmp_path / "said.csv")
    frame = pd.read_csv(tmp_path / "said.csv")
    assert frame["note"].tolist() == ["'=1+1 is no sum, 客户已还清"]
    done = subprocess.run(
        [sys.executable, "-m", "credit_eval", "--root", str(desk.views.parents[2]), "reviews", "loans"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "one_off" in done.stdout


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": ""},
        {"verdict": "maybe"},
        {"because": ""},
        {"because": "x"},
        {"note": ""},
        {"note": "short"},
        {"note": "x" * 501},
    ],
)
def test_what_is_no_opinion_is_told_and_its_text_kept(visitor: Visitor, desk: Desk, wrong: dict[str, str]) -> None:
    before = desk.ledger.log("loans")
    said = fields_of(visitor.get("/customer?id=L00070")) | disagree(note="a sentence that I typed") | wrong
    answer, page = visitor.ask("POST", "/opinion", urlencode(said))
    assert answer.status == 400
    assert 'role="alert"' in page
    assert said["note"] in page
    assert desk.ledger.log("loans") == before


def test_reasons_that_do_not_fit_are_ticked_and_counted(visitor: Visitor, desk: Desk, root: Path) -> None:
    frame = read_scored(root / "data/scored/loans" / RUN.label)
    row = frame[frame["reason_code_2"].notna() & frame["customer_id"].str.startswith("L0")].iloc[0]
    page = visitor.get(f"/customer?id={row['customer_id']}")
    said = fields_of(page) | disagree() | {"doubt_2": row["reason_code_2"], "doubt_1": "R_MADE_UP"}
    assert visitor.ask("POST", "/opinion", urlencode(said))[0].status == 303
    (opinion,) = opinions(desk.ledger.log("loans"), row["customer_id"])
    assert opinion.doubted == row["reason_code_2"]
    assert counted([opinion])["reason doubted"] == {row["reason_code_2"]: 1}
    assert "Reasons that do not fit: " in visitor.get(f"/customer?id={row['customer_id']}")
    assert "Reason did not fit" in visitor.get("/reviewers")


def test_the_static_report_is_shown_and_nothing_but_its_style_runs_in_it(
    visitor: Visitor, desk: Desk, tmp_path: Path
) -> None:
    answer, text = visitor.ask("GET", "/report")
    assert (answer.status, "credit-eval report" in text) == (404, True)
    desk.report = lambda language: tmp_path / f"{language}.html"
    (tmp_path / "zh.html").write_text("<p>授信报告</p>", encoding="utf-8")
    answer, text = visitor.ask("GET", "/report?lang=zh")
    assert (answer.status, text) == (200, "<p>授信报告</p>")
    assert "script" not in (answer.getheader("Content-Security-Policy") or "script")
    os.utime(tmp_path / "zh.html", (1_500_000_000, 1_500_000_000))
    answer, text = visitor.ask("GET", "/report?lang=zh")
    assert (answer.status, "is of a run before this one" in text) == (404, True)


def test_the_second_of_two_reviewers_is_told_and_nothing_is_lost(visitor: Visitor, desk: Desk) -> None:
    both = [fields_of(visitor.get("/customer?id=L00080")) | disagree(note=f"number {n} says so") for n in (1, 2)]
    answers = [visitor.ask("POST", "/opinion", urlencode(one)) for one in both]
    assert [answer.status for answer, _ in answers] == [303, 409]
    page = answers[1][1]
    assert "said something of this customer meanwhile" in page
    assert "number 1 says so" in page
    assert "number 2 says so" in page
    answer, _ = visitor.ask("POST", "/opinion", urlencode(fields_of(page) | disagree(note="number 2 says so")))
    assert answer.status == 303
    assert [one.note for one in opinions(desk.ledger.log("loans"), "L00080")] == [
        "number 1 says so",
        "number 2 says so",
    ]


def test_twenty_at_once_lose_nothing(visitor: Visitor, desk: Desk) -> None:
    page = fields_of(visitor.get("/customer?id=L00090"))
    with ThreadPoolExecutor(20) as pool:
        sent = [urlencode(page | disagree(note=f"reviewer {n:02} says so")) for n in range(20)]
        done = list(pool.map(lambda body: visitor.ask("POST", "/opinion", body)[0].status, sent))
    assert sorted(done) == [303, *[409] * 19]
    assert (
        sum(view["customer"] == "L00090" for view in read_sealed_lines(desk.views)) == 20
    )  # once asked, 19 times told
    assert len(opinions(desk.ledger.log("loans"), "L00090")) == 1


def test_a_run_that_was_scored_anew_meanwhile_is_told_and_nothing_is_written(visitor: Visitor, desk: Desk) -> None:
    said = urlencode(fields_of(visitor.get("/customer?id=L00130")) | disagree(note="of the run before"))
    manifest = desk.run.root / "manifest.json"
    content = manifest.read_bytes()
    for other in (content + b" ", None):
        manifest.unlink() if other is None else manifest.write_bytes(other)
        for path in ("/", "/customer?id=L00130", "/waiting", "/export"):
            answer, text = visitor.ask("GET", path)
            assert (answer.status, "since this page was opened" in text) == (409, True), path
        answer, text = visitor.ask("POST", "/opinion", said)
        assert (answer.status, "of the run before" in text) == (409, True)
    manifest.write_bytes(content)
    assert opinions(desk.ledger.log("loans"), "L00130") == []
    assert visitor.ask("POST", "/opinion", said)[0].status == 303


def test_where_the_ledger_is_lost_nothing_is_shown_as_saved(visitor: Visitor, desk: Desk) -> None:
    page = visitor.get("/customer?id=L00120")
    file = Path(desk.ledger.place)
    content = file.read_bytes()
    for damage in (b"", b"no database", content[:-4096]):
        file.write_bytes(damage)
        for path, told in (("/opinion", disagree(note="typed in vain")), ("/appeal", {"note": "typed in vain, too"})):
            answer, text = visitor.ask("POST", path, urlencode(fields_of(page, path) | told))
            assert answer.status in (409, 400), (path, text)
            assert "cannot be shown" in text or 'role="alert"' in text
            assert "typed in vain" in text
    file.write_bytes(content)
    assert opinions(desk.ledger.log("loans"), "L00120") == []
    answer, _ = visitor.ask("POST", "/opinion", urlencode(fields_of(page) | disagree(note="typed once more")))
    assert answer.status == 303
    assert [one.note for one in opinions(desk.ledger.log("loans"), "L00120")] == ["typed once more"]


def test_a_sign_in_that_has_ended_keeps_the_text(visitor: Visitor, desk: Desk) -> None:
    said = fields_of(visitor.get("/customer?id=L00100")) | disagree(note="a long text, nearly done")
    desk.visitors.end_all()
    answer, page = visitor.ask("POST", "/opinion", urlencode(said))
    assert (answer.status, "a long text, nearly done" in page) == (403, True)
    assert opinions(desk.ledger.log("loans"), "L00100") == []
    again = {name: said[name] for name in ("id", "as_of", "seen", "verdict", "because", "note")}
    answer, page = visitor.ask("POST", "/sign-in", urlencode(again | {"token": desk.visitors.token, "to": "/opinion"}))
    visitor.cookies = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    assert (answer.status, "a long text, nearly done" in page) == (200, True)
    answer, _ = visitor.ask("POST", "/opinion", urlencode(fields_of(page) | disagree(note="a long text, nearly done")))
    assert answer.status == 303
    assert len(opinions(desk.ledger.log("loans"), "L00100")) == 1


def test_another_sites_form_is_not_taken(visitor: Visitor, desk: Desk) -> None:
    said = fields_of(visitor.get("/customer?id=L00110")) | disagree()
    for site in ("cross-site", "same-site"):
        for path in ("/opinion", "/sign-in"):
            assert visitor.ask("POST", path, urlencode(said), **{"Sec-Fetch-Site": site})[0].status == 403
    for wrong in ("", "x", desk.visitors.token):
        assert visitor.ask("POST", "/opinion", urlencode(said | {"form": wrong}))[0].status == 400
    for change in ({"id": "nobody"}, {"as_of": "1999-01-01"}):
        assert visitor.ask("POST", "/opinion", urlencode(said | change))[0].status == 404
    assert opinions(desk.ledger.log("loans"), "L00110") == []
    assert visitor.ask("POST", "/opinion", "x" * 10**6)[0].status < 500
    for text in ["²", "9" * 5_000, "-1", "\x00", "%ED%A0%80", *HOSTILE]:
        for name in said:
            assert visitor.ask("POST", "/opinion", urlencode(said | {name: text, "note": ""}))[0].status < 500, (
                name,
                text,
            )
