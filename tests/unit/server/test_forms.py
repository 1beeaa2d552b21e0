"""Forms that lack a field, or have a wrong one, come back as they were, with what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from tests.meshes import with_model_by_time
from tests.unit.server.company import NOW, PLANES, bearer, company
from weft.access.permissions import Caller
from weft.api.platform import Platform
from weft.registry.incidents import begin
from weft.server.app import create_app

SENT: dict[str, tuple[dict[str, str], str]] = {
    "/runs": ({}, ""),
    "/runs?again": ({"product": "flet.aircraft"}, "flet.aircraft"),
    "/backfills?again": ({"start": "2026-01-01", "end": "2026-01-03T00:00"}, "2026-01-03T00:00"),
    "/backfills": ({"product": "fleet.aircraft", "start": "soon", "end": "2026-01-03T00:00"}, "2026-01-03T00:00"),
    "/administration/tokens": ({"label": "my notebook", "days": "many"}, "my notebook"),
    "/administration/domains": ({"title": "Sales", "team": "Revenue"}, "Revenue"),
    "/administration/mutes/fleet": ({}, ""),
    "/administration/notices": ({"subject": "fleet.aircraf"}, "fleet.aircraf"),
    "/access/request": ({"purpose": "a map of all"}, ""),
    f"/access/request?again={PLANES}": ({"port": str(PLANES), "until": "soon", "purpose": "a map"}, "a map"),
}


@pytest.fixture
def platform(tmp_path) -> Iterator[Platform]:
    with company(tmp_path / "company") as made:
        yield made


@pytest.fixture
def finn(platform: Platform) -> TestClient:
    """The owner of `fleet`, with a browser."""
    headers = {**bearer(platform, "finn"), "Accept": "text/html", "Origin": "http://testserver"}
    return TestClient(create_app(platform), headers=headers, follow_redirects=False)


@pytest.fixture
def signed_in(platform: Platform) -> TestClient:
    """The same, signed in: with forms that only a browser has."""
    password = platform.identity.user_verbs.add("finn", None, [], actor="root")
    browser = TestClient(
        create_app(platform), headers={"Accept": "text/html", "Origin": "http://testserver"}, follow_redirects=False
    )
    csrf = re.search('name="csrf" value="([^"]+)"', browser.get("/login").text)[1]
    answer = browser.post("/login", data={"csrf": csrf, "user": "finn", "password": password})
    assert answer.status_code == 303
    found = re.search('name="csrf" content="([^"]+)"', browser.get("/").text)[1]
    browser.headers["X-CSRF-Token"] = found
    return browser


@pytest.mark.parametrize("path", SENT)
def test_a_form_that_lacks_a_field_comes_back_with_what_was_typed_and_what_is_wrong(finn, path):
    typed, kept = SENT[path]

    answer = finn.post(path, data={"csrf": "", **typed})

    assert 400 <= answer.status_code < 500
    assert 'role="alert"' in answer.text
    assert "WFT-SRV-003" not in answer.text, "that is for programs"
    assert f'action="{path.partition("?")[0]}"' in answer.text
    assert kept in answer.text


def test_the_form_says_that_a_product_is_built_whole_and_keeps_what_was_typed(platform, finn):
    root = platform.rooms.settings.root
    with_model_by_time(root, "fleet.aircraft")
    (root / "domains/fleet/aircraft/models/by_day.sql").write_text("select 1 as one")

    answer = finn.post(
        "/backfills", data={"product": "fleet.aircraft", "start": "2026-01-01", "end": "2026-01-03T00:00"}
    )

    assert answer.status_code == 400
    assert "is built whole" in answer.text
    assert "2026-01-03T00:00" in answer.text
    assert platform.jobs.listed() == []


@pytest.mark.parametrize("path", ["/runs", "/backfills", "/administration/tokens"])
def test_a_program_that_sends_such_a_form_gets_the_problem_and_no_page(finn, path):
    typed = {"days": "many", "start": "soon"}

    answer = finn.post(path, data=typed, headers={"Accept": "application/json"})

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["diagnostics"][0]["code"].startswith("WFT-")


@pytest.mark.parametrize("what", ["comments", "close"])
def test_an_incident_asks_for_the_words_that_are_missing(platform, finn, what):
    with platform.database.writing() as statements:
        found = begin(
            statements, key="late", cause="late", subject=str(PLANES), owner="finn", title="Late", what="it is late",
            affected=(), readers=(), at=NOW,
        )  # fmt: skip

    answer = finn.post(f"/incidents/{found}/{what}", data={"text": " "})

    assert answer.status_code == 400
    assert "WFT-SRV-110" in answer.text
    assert f'action="/incidents/{found}/comments"' in answer.text
    assert platform.incidents.one(found)["state"] != "closed"


def test_an_operator_gives_a_domain_other_bounds_and_is_told_what_is_wrong_with_the_form(platform):
    platform.identity.user_verbs.add("olga", None, ["operator"], actor="test")
    headers = {**bearer(platform, "olga"), "Accept": "text/html", "Origin": "http://testserver"}
    olga = TestClient(create_app(platform), headers=headers, follow_redirects=False)
    wrong = [{"domain": ""}, {"domain": "flet"}, {"domain": "fleet", "size": "much"}, {"domain": "x", "products": "-1"}]

    refused = [olga.post("/administration/quotas", data=typed) for typed in wrong]
    done = olga.post("/administration/quotas", data={"domain": "fleet", "size": "2TB", "products": "7"})

    assert [answer.status_code for answer in refused] == [400, 400, 400, 400]
    assert all('action="/administration/quotas"' in answer.text for answer in refused)
    assert all('role="alert"' in answer.text for answer in refused)
    assert (done.status_code, "may keep 2.0 TB in 7 products" in done.text) == (200, True), done.text
    given = platform.requisitions.store.of("fleet")
    assert given is not None
    assert (given.most_bytes, given.most_products) == (2 * 10**12, 7)


LONG = '<b>why</b> & "so" on ' * 300
TOO_LONG: dict[str, tuple[str, str, dict[str, str], str]] = {
    "a question": ("/products/fleet/aircraft/questions", "/products/fleet/aircraft?tab=questions", {}, "text"),
    "a question beyond all bounds": (
        "/products/fleet/aircraft/questions",
        "/products/fleet/aircraft?tab=questions",
        {"text": LONG * 10},
        "text",
    ),
    "a rating": ("/products/fleet/aircraft/rating", "/products/fleet/aircraft?tab=questions", {"stars": "4"}, "text"),
    "a domain": ("/administration/domains", "/administration/domains", {"name": "sales"}, "description"),
    "a subscription": ("/administration/notices", "/administration/notices?subject=fleet", {}, "target"),
    "a token": ("/administration/tokens", "/administration/tokens", {"days": "2"}, "label"),
    "a request for access": ("/access/request", f"/access/request?port={PLANES}", {"port": str(PLANES)}, "purpose"),
    "a run": ("/runs", "/runs", {}, "product"),
    "a backfill": ("/backfills", "/runs", {"start": "2026-01-01"}, "product"),
}


def field(page: str, name: str, tag: str = r"input|textarea|select") -> str:
    """The tag of a field that somebody has to look at again."""
    (found,) = re.findall(rf'<(?:{tag})[^>]*name="{name}"[^>]*aria-invalid="true"[^>]*>', page) or [""]
    return found


def said_of(page: str, tag: str) -> str:
    """What the last thing says that describes a field."""
    last = re.search(r'aria-describedby="([^"]*)"', tag)[1].split()[-1]
    return re.search(rf'id="{last}">([^<]*)<', page)[1]


@pytest.mark.parametrize("what", TOO_LONG)
def test_a_field_that_is_too_long_is_shown_again_on_its_page_with_every_word_and_what_is_wrong_beside_it(
    signed_in, what
):
    path, page, typed, name = TOO_LONG[what]
    sent = {name: LONG, **typed}

    answer = signed_in.post(
        path, data={"csrf": signed_in.headers["X-CSRF-Token"], **sent}, headers={"Referer": f"http://testserver{page}"}
    )

    assert answer.status_code in (400, 422), answer.text[:2000]
    assert 'role="alert"' in answer.text
    tag = field(answer.text, name)
    assert tag, "the field says that it is wrong"
    assert re.search("[0-9]", said_of(answer.text, tag)), "the message says how long it may be"
    for key, value in sent.items():
        assert key in ("stars", "port") or escape(value, quote=False) in answer.text.replace("&quot;", '"')
    assert "<b>why</b>" not in answer.text
    assert f'name="_page" value="{escape(page)}"' in answer.text
    assert "Content-Security-Policy" in answer.headers


def test_a_form_that_is_wrong_twice_still_comes_back_from_the_address_that_has_no_page(signed_in):
    path, page = "/products/fleet/aircraft/rating", "/products/fleet/aircraft?tab=questions"
    first = signed_in.post(
        path,
        data={"csrf": signed_in.headers["X-CSRF-Token"], "stars": "9", "text": "good"},
        headers={"Referer": f"http://testserver{page}"},
    )

    again = signed_in.post(
        path,
        data={"csrf": signed_in.headers["X-CSRF-Token"], "stars": "many", "text": "good", "_page": page},
        headers={"Referer": f"http://testserver{path}"},
    )

    assert (first.status_code, again.status_code) == (400, 422)
    for answer in (first, again):
        assert ">good</textarea>" in answer.text
        assert field(answer.text, "stars")


def test_of_several_forms_that_go_to_one_address_the_one_that_was_sent_is_filled_in(signed_in):
    csrf = signed_in.headers["X-CSRF-Token"]
    asked = signed_in.post("/products/fleet/aircraft/questions", data={"csrf": csrf, "text": "How many?"})
    id_ = asked.headers["location"].partition("#")[2]
    referer = {"Referer": "http://testserver/products/fleet/aircraft?tab=questions"}

    answer = signed_in.post(f"/questions/{id_}", data={"csrf": csrf, "do": "edit", "text": LONG}, headers=referer)

    (tag,) = re.findall(r'<textarea[^>]*aria-invalid="true"[^>]*>', answer.text)
    assert 'aria-label="Your question"' in tag
    assert "autofocus" in tag
    before = answer.text[: answer.text.index(tag)]
    assert before.rindex("<details open") > before.rindex("</details>"), "what hid the form is open"


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example/products/fleet/aircraft",
        "http://testserver/api/v1/session",
        "http://testserver//evil/x",
        "",
    ],
)
def test_a_page_of_somebody_else_is_never_asked_for(signed_in, page):
    answer = signed_in.post(
        "/products/fleet/aircraft/rating",
        data={"csrf": signed_in.headers["X-CSRF-Token"], "stars": "many"},
        headers={"Referer": page},
    )

    assert answer.status_code == 422
    assert "aria-invalid" not in answer.text
    assert "Something is missing or wrong" in answer.text


def test_a_program_that_sends_too_long_a_field_gets_the_problem(finn):
    headers = {"Accept": "application/json", "Referer": "http://testserver/administration/tokens"}

    answer = finn.post("/administration/tokens", data={"label": LONG}, headers=headers)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_stranger_gets_no_page_with_their_words_in_it(platform):
    stranger = TestClient(create_app(platform), headers={"Accept": "text/html", "Origin": "http://testserver"})

    answer = stranger.post("/administration/tokens", data={"label": LONG, "csrf": "x" * 300}, follow_redirects=False)

    assert answer.status_code in (401, 422)
    assert "why" not in answer.text


def test_what_was_typed_outlives_the_session_in_which_it_was(platform, signed_in):
    """The page that says so goes on to the form, which comes back filled in for whoever has signed in again."""
    page, other = f"/access/request?port={PLANES}", 'for "those" who <b>map</b>'
    typed = {"port": str(PLANES), "purpose": other, "csrf": signed_in.headers.pop("X-CSRF-Token")}
    session = dict(signed_in.cookies)
    signed_in.cookies.clear()

    over = signed_in.post("/access/request", data=typed, headers={"Referer": f"http://testserver{page}"})
    kept = {
        name: unescape(value)
        for name, value in re.findall(r'<textarea name="(\w+)" hidden>\n(.*?)</textarea>', over.text, re.DOTALL)
    }
    signed_in.cookies.update(session)
    again = signed_in.post("/access/request", data={**kept, "_page": page})

    assert (over.status_code, again.status_code) == (401, 403)
    assert "Your session is over" in over.text
    assert f'href="/login?then={quote(page, safe="")}"' in over.text
    assert kept == {"port": str(PLANES), "purpose": other}
    assert f"{other}</textarea>" in unescape(again.text)
    assert "you have signed in again since this page was opened" in again.text
    assert platform.access.listed(Caller("finn", "user"), mine=True) == []


def test_words_that_come_from_no_page_of_ours_are_not_kept(signed_in):
    signed_in.cookies.clear()

    answer = signed_in.post("/access/request", data={"purpose": "their words"})

    assert answer.status_code == 401
    assert "their words" not in answer.text


UNUSABLE: dict[str, tuple[str, dict[str, str], str]] = {
    "a request without purpose": (f"/access/request?port={PLANES}", {"port": str(PLANES), "purpose": " "}, "purpose"),
    "a request until no day": (
        f"/access/request?port={PLANES}",
        {"port": str(PLANES), "purpose": "a map", "until": "2001-01-01"},
        "until",
    ),
    "a subscription of nothing": ("/administration/notices", {"subject": "fleet.`purpose`"}, "subject"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_cannot_be_done_is_said_beside_the_field_that_it_is_about(signed_in, what):
    page, typed, name = UNUSABLE[what]

    answer = signed_in.post(
        page.partition("?")[0],
        data={"csrf": signed_in.headers["X-CSRF-Token"], **typed},
        headers={"Referer": f"http://testserver{page}"},
    )

    assert answer.status_code == 400, answer.text[:2000]
    assert field(answer.text, name), "the field says that it is wrong"
    assert answer.text.count('role="alert"') == 1
    assert "`" not in re.sub(r'(?s)<textarea.*?</textarea>|value="[^"]*"', "", answer.text), "what is quoted is code"


def test_an_address_that_leads_nowhere_helps_a_person_and_a_program_each_in_their_way(finn):
    page, problem = finn.get("/nowhere"), finn.get("/nowhere", headers={"Accept": "application/json"})

    assert (page.status_code, problem.status_code) == (404, 404)
    assert "search for what you wanted" in page.text
    assert "openapi" not in page.text.partition("<main")[2].partition("</main")[0]
    assert "openapi" in problem.text


def test_what_an_incident_quotes_is_set_as_code(platform, finn):
    with platform.database.writing() as statements:
        found = begin(
            statements, key="late", cause="late", subject=str(PLANES), owner="finn", title="planes are late",
            what="`planes` are <b>late</b>", affected=(), readers=(), at=NOW,
        )  # fmt: skip

    page = finn.get(f"/incidents/{found}").text

    assert page.count("<code>planes</code> are") == 2, "above, and in what happened"
    assert "<b>late</b>" not in page


def test_a_notice_sets_the_command_that_it_quotes_as_code(platform, finn, signed_in):
    asked = {"csrf": signed_in.headers["X-CSRF-Token"], "port": str(PLANES), "purpose": "a map"}
    other = TestClient(
        create_app(platform),
        headers={**bearer(platform, "zoe"), "Accept": "text/html", "Origin": "http://testserver"},
        follow_redirects=False,
    )
    assert other.post("/access/request", data=asked).status_code == 303
    platform.notices.tell()

    page = finn.get("/notices").text.partition("<main")[2].partition("</main")[0]

    assert "<code>weft access list a-" in page
    assert "`" not in page
