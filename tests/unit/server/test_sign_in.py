"""Signing in with a password: forms, cookies, what other sites try, and what stops who guesses."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.unit.server.company import running
from weft.api.platform import Platform, open_platform
from weft.server.app import create_app

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
PASSWORD = "correct horse battery"
HERE = "http://testserver"


class Clock:
    now = START

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "weft.toml").write_text('[mesh]\nname = "company <b>"\n')
    return tmp_path


@pytest.fixture
def platform(folder, clock) -> Iterator[Platform]:
    made = open_platform(folder, clock)
    made.identity.user_verbs.add("ada", PASSWORD, ["operator"], actor="root")
    yield made
    made.close()


@pytest.fixture
def browser(platform) -> TestClient:
    return TestClient(create_app(platform), headers={"Origin": HERE}, follow_redirects=False)


def csrf_in(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found, page
    return found[1]


def sign_in(browser: TestClient, password: str = PASSWORD, user: str = "ada", **fields: str):
    form = {"csrf": csrf_in(browser.get("/login").text), "user": user, "password": password, **fields}
    return browser.post("/login", data=form)


def post_session(browser: TestClient, password: str, user: str = "ada", **more):
    return browser.post("/api/v1/session", json={"user": user, "password": password}, **more)


def test_a_person_signs_in_sees_who_they_are_and_signs_out_without_any_script(browser):
    assert sign_in(browser, then="/api/v1/session").headers["location"] == "/api/v1/session"
    who = browser.get("/api/v1/session").json()
    page = browser.get("/login")

    assert (who["name"], who["kind"], who["mesh_roles"]) == ("ada", "user", ["operator"])
    assert "signed in as <strong>ada</strong>" in page.text
    assert "company &lt;b&gt;" in page.text
    assert "<script" not in page.text

    browser.post("/logout", data={"csrf": csrf_in(page.text)})
    assert browser.get("/api/v1/session").json()["kind"] == "stranger"


def test_the_cookie_is_out_of_reach_of_scripts_and_of_forms_of_other_sites(browser):
    cookie = sign_in(browser).headers["set-cookie"]

    assert re.match(r"weft=[\w-]{40,}; HttpOnly; Path=/; SameSite=lax$", cookie)


def test_over_tls_the_cookie_is_sent_over_tls_alone_and_no_other_host_can_set_it(folder, clock):
    (folder / "weft.toml").write_text('[server]\nurl = "https://mesh.example.com"\n')
    platform = open_platform(folder, clock)
    platform.identity.user_verbs.add("ada", PASSWORD, [], actor="root")
    browser = TestClient(
        create_app(platform), base_url="https://mesh.example.com", headers={"Origin": "https://mesh.example.com"}
    )

    cookie = post_session(browser, PASSWORD).headers["set-cookie"]

    assert cookie.startswith("__Host-weft=")
    assert cookie.endswith("; HttpOnly; Path=/; SameSite=lax; Secure")
    browser.cookies.clear()
    browser.cookies.set("weft", cookie.partition("=")[2].partition(";")[0])
    assert browser.get("/api/v1/session").json()["kind"] == "stranger", "a cookie without the prefix is none"
    platform.close()


def test_each_sign_in_is_a_session_of_its_own_and_ends_the_one_before(browser):
    post_session(browser, PASSWORD)
    first = browser.cookies["weft"]
    csrf = browser.get("/api/v1/session").json()["csrf"]
    post_session(browser, PASSWORD, headers={"X-CSRF-Token": csrf})

    assert browser.cookies["weft"] != first
    other = TestClient(browser.app, cookies={"weft": first})
    assert other.get("/api/v1/session").json()["kind"] == "stranger"


def test_a_session_that_somebody_made_up_beforehand_is_not_taken_over(browser):
    browser.cookies.set("weft", "chosen-by-somebody-else")

    answer = sign_in(browser)

    assert "chosen-by-somebody-else" not in answer.headers["set-cookie"]
    other = TestClient(browser.app, cookies={"weft": "chosen-by-somebody-else"})
    assert other.get("/api/v1/session").json()["kind"] == "stranger"


def test_what_changes_something_by_cookie_needs_the_sessions_token_and_a_page_of_ours(browser):
    csrf = post_session(browser, PASSWORD).json()["csrf"]
    asked = {"json": {"label": "x"}}
    good = {"X-CSRF-Token": csrf}

    refused = [
        browser.post("/api/v1/tokens", **asked),
        browser.post("/api/v1/tokens", **asked, headers={"X-CSRF-Token": "0" * 64}),
        browser.post("/api/v1/tokens", **asked, headers={**good, "Origin": "https://evil.example.com"}),
        browser.post("/api/v1/tokens", **asked, headers={**good, "Origin": "null"}),
        browser.delete("/api/v1/session", headers={**good, "Origin": "http://testserver:8080"}),
        browser.post("/logout", data={"csrf": "0" * 64}),
        browser.post("/login", data={"csrf": "0" * 64, "user": "ada", "password": PASSWORD}),
    ]
    no_origin = TestClient(browser.app, cookies=dict(browser.cookies)).post("/api/v1/tokens", **asked, headers=good)

    for answer in (*refused, no_origin):
        assert answer.status_code == 403
        assert answer.json()["diagnostics"][0]["code"] == "WFT-ACC-013"
    assert browser.get("/api/v1/tokens").json() == {"tokens": []}
    assert browser.post("/api/v1/tokens", **asked, headers=good).status_code == 201


def test_a_cookie_beside_a_token_is_not_looked_at(browser, platform):
    post_session(browser, PASSWORD)
    secret = platform.identity.tokens.create(
        kind="personal",
        owner="bob",
        label="x",
        domain=None,
        actions=None,
        at=START,
        expires_at=START + dt.timedelta(days=1),
    )[1]

    who = browser.get("/api/v1/session", headers={"Authorization": f"Bearer {secret}"}).json()

    assert (who["name"], who["kind"]) == ("bob", "token")


def test_the_form_of_another_browser_signs_nobody_in(browser):
    theirs = TestClient(browser.app, headers={"Origin": HERE})
    csrf = csrf_in(theirs.get("/login").text)

    answer = browser.post("/login", data={"csrf": csrf, "user": "ada", "password": PASSWORD})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_an_unknown_user_and_a_wrong_password_look_the_same_and_take_as_long(browser):
    def told(user: str) -> tuple[set[tuple[int, str]], float]:
        """What three are told, and the quickest of their times: a busy machine makes any of them slow."""
        answers, times = set(), []
        for number in range(3):
            began = time.perf_counter()
            answer = post_session(at(browser, f"203.0.113.{number}"), "wrong password", user)
            times.append(time.perf_counter() - began)
            answers.add((answer.status_code, answer.text))
        return answers, min(times)

    post_session(browser, "wrong", "warm-up")
    (wrong, one_s), (unknown, other_s) = told("ada"), told("nobody")

    assert wrong == unknown
    ((status, text),) = wrong
    assert status == 401 and "WFT-ACC-011" in text
    assert min(one_s, other_s) > max(one_s, other_s) / 5, "a sign-in without a hash to check is a hundred times as fast"


def test_after_five_wrong_passwords_not_even_the_right_one_is_tried_from_there_for_a_quarter_of_an_hour(browser, clock):
    for _ in range(5):
        assert post_session(browser, "wrong").status_code == 401

    locked = post_session(browser, PASSWORD)
    page = sign_in(browser)

    assert locked.status_code == page.status_code == 429
    assert locked.json()["diagnostics"][0]["code"] == "WFT-ACC-012"
    assert 890 <= int(locked.headers["retry-after"]) <= 901
    assert "Too many sign-ins have failed; try again in" in page.text
    assert post_session(browser, "wrong", "bob").status_code == 401, "others are not locked out"
    clock.now += dt.timedelta(minutes=15)
    assert post_session(browser, PASSWORD).status_code == 201


def at(browser: TestClient, address: str) -> TestClient:
    """The same server, asked from elsewhere."""
    return TestClient(browser.app, headers={"Origin": HERE}, follow_redirects=False, client=(address, 50_000))


def test_who_guesses_a_password_locks_out_nobody_elsewhere(browser):
    for address in ("203.0.113.7", "203.0.113.8"):
        guessing = at(browser, address)
        assert [post_session(guessing, f"guess {n}").status_code for n in range(6)] == [401] * 5 + [429]

    assert post_session(at(browser, "198.51.100.1"), PASSWORD).status_code == 201


def test_whose_password_is_guessed_from_everywhere_signs_in_slowly_and_others_as_fast_as_ever(browser):
    def seconds(address: str, password: str, user: str, status: int) -> float:
        began = time.perf_counter()
        assert post_session(at(browser, address), password, user).status_code == status
        return time.perf_counter() - began

    # a busy machine makes any of them slow, a pause makes each of them slow: the quickest tells
    first = min(seconds(f"203.0.113.{number}", "wrong", "ada", 401) for number in range(10))
    assert first < 0.5, "the first ten are as fast as any"

    assert seconds("203.0.113.77", "wrong", "ada", 401) >= 0.5
    assert seconds("198.51.100.1", PASSWORD, "ada", 201) >= 1.0
    assert min(seconds(f"198.51.100.{number}", "wrong", "bob", 401) for number in range(2, 6)) < 0.5


def test_who_waits_for_a_slow_sign_in_takes_no_thread_from_others(folder, platform):
    (folder / "weft.toml").write_text('[server]\ntrusted_proxies = ["127.0.0.1"]\n')
    now = dt.datetime.now(dt.UTC)
    for number in range(40):  # up to the longest pause
        platform.identity.sign_ins.attempt({f"x{number}": 1}, now, dt.timedelta(minutes=15), counted="user:ada")
    body = {"user": "ada", "password": "wrong"}

    def guess(url: str, number: int) -> int:
        there = {"X-Forwarded-For": f"203.0.113.{number}"}
        return httpx.post(f"{url}/api/v1/session", json=body, headers=there, timeout=60).status_code

    with (
        running(folder, "--no-worker") as url,
        ThreadPoolExecutor(24) as pool,
        httpx.Client(base_url=url, timeout=60) as other,
    ):
        assert other.get("/healthz").status_code == 200
        began = time.perf_counter()
        guesses = [pool.submit(guess, url, number) for number in range(24)]
        time.sleep(1.5)
        asked = time.perf_counter()
        assert other.get("/healthz").status_code == 200
        assert time.perf_counter() - asked < 2
        assert {one.result() for one in guesses} == {401}
        assert time.perf_counter() - began >= 5


def test_a_proxy_that_nobody_has_named_is_told_of_once_and_not_believed(browser, caplog):
    for number in range(6):
        answer = post_session(browser, "wrong", headers={"X-Forwarded-For": f"203.0.113.{number}"})

    assert answer.status_code == 429, "whoever sends the header is not taken at its word"
    assert [r.message for r in caplog.records if "trusted_proxies" in r.message] == [
        "a sign-in came through a proxy that `server.trusted_proxies` does not name: failed ones of everybody "
        "count as those of one address"
    ]


def test_a_network_of_ipv6_is_one_address_and_a_site_has_no_more_tries_than_a_few_of_them(browser):
    answers = [post_session(at(browser, f"2001:db8:1:2::{n}"), "wrong").status_code for n in range(6)]
    assert answers == [401] * 5 + [429]

    limits = [post_session(at(browser, f"2001:db8:9:{n:x}::1"), "x", f"user-{n}").status_code for n in range(121)]
    assert limits == [401] * 120 + [429]
    assert post_session(at(browser, "2001:db8:a::1"), PASSWORD).status_code == 201


def test_addresses_of_ipv4_are_told_apart_where_the_server_listens_on_ipv6(browser):
    for number in range(31):
        post_session(at(browser, "::ffff:203.0.113.7"), "wrong", f"user-{number}")

    assert post_session(at(browser, "::ffff:203.0.113.7"), PASSWORD).status_code == 429
    assert post_session(at(browser, "::ffff:198.51.100.1"), PASSWORD).status_code == 201


def test_a_name_that_is_not_there_is_locked_as_well(browser):
    answers = [post_session(browser, "wrong", "nobody").status_code for _ in range(6)]

    assert answers == [401] * 5 + [429]


def test_thirty_wrong_passwords_from_one_address_are_enough_whatever_the_names(browser):
    answers = [post_session(browser, "wrong", f"user-{number}").status_code for number in range(31)]

    assert answers == [401] * 30 + [429]
    assert post_session(browser, PASSWORD).status_code == 429


def test_two_web_processes_count_together(browser, folder, clock):
    other = open_platform(folder, clock)
    second = TestClient(create_app(other))
    for one in (browser, second, browser, second, browser):
        assert post_session(one, "wrong").status_code == 401

    assert post_session(second, PASSWORD).status_code == 429
    other.close()


def test_afterwards_only_a_page_of_this_server_is_shown(browser):
    for then in ("//evil.example.com", "https://evil.example.com", "/\\evil.example.com", "javascript:alert(1)", ""):
        answer = sign_in(browser, then=then)
        assert answer.headers["location"] == "/", then
        browser.cookies.clear()


def test_a_page_for_signing_in_runs_no_script_and_stands_in_no_frame(browser):
    policy = browser.get("/login").headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy


def test_what_is_typed_is_shown_as_text(browser):
    page = browser.get("/login", params={"then": '/x"><script>alert(1)</script>'}).text

    assert "<script" not in page


def test_a_session_that_is_over_is_a_stranger(browser, clock):
    post_session(browser, PASSWORD)

    clock.now += dt.timedelta(hours=1)

    assert browser.get("/api/v1/session").json()["kind"] == "stranger"
    assert browser.get("/api/v1/tokens").status_code == 401
    assert sign_in(browser).status_code == 303, "and signs in again with the same browser"


@pytest.mark.parametrize(
    "body",
    [
        {"user": "ada"},
        {"user": "ada", "password": "x" * 2000},
        {"user": "", "password": "x"},
        {"user": ["ada"], "password": "x"},
        {"user": "ada", "password": "x", "roles": ["operator"]},
        [1],
        "x",
    ],
)
def test_a_sign_in_of_another_shape_is_a_problem_and_no_fault(browser, body):
    assert browser.post("/api/v1/session", json=body).status_code == 422


def test_surrogates_and_zero_bytes_in_a_name_or_password_are_no_fault(browser):
    for user, password in (("a\x00da", "x"), ("ada", "x\x00y"), ("\ud800", "x"), ("ada", "\ud800")):
        text = f'{{"user": {_json(user)}, "password": {_json(password)}}}'
        answer = browser.post("/api/v1/session", content=text, headers={"Content-Type": "application/json"})
        assert answer.status_code in (401, 422), (user, password)


def _json(text: str) -> str:
    return '"' + "".join(f"\\u{ord(c):04x}" for c in text) + '"'
