"""`weft user`, `login`, `logout` and `token`, against a real server on loopback."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import stat
import threading
import webbrowser
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from weft.api.platform import Platform, open_platform
from weft.cli.first_start import PASSWORD_FILE, make_administrator
from weft.cli.main import run
from weft.model.records import DomainRecord
from weft.registry.credentials import Credentials
from weft.registry.publishing import append
from weft.registry.sql_tables import SqlTables
from weft.server.app import create_app

PASSWORD = "correct horse battery"
AT = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)

Weft = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    made = tmp_path / "mesh"
    made.mkdir()
    (made / "weft.toml").write_text('[mesh]\nname = "company"\n')
    monkeypatch.chdir(made)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return made


@pytest.fixture
def credentials(folder):
    return folder.parent / "config" / "weft" / "credentials.json"


@pytest.fixture
def platform(folder) -> Iterator[Platform]:
    made = open_platform(folder)
    made.identity.user_verbs.add("ada", PASSWORD, [], actor="root")
    made.identity.user_verbs.add("bob", PASSWORD, [], actor="root")
    members = [{"user": "ada", "roles": ["owner"]}, {"user": "bob", "roles": ["developer"]}]
    with made.database.writing() as statements:
        document = {"name": "sales", "members": members}
        SqlTables(statements).put_domain(DomainRecord("sales", "", "aggregate", None, "team", None, document))
        append(SqlTables(statements), AT, "domain.requisitioned", "ada", "sales", {})
    yield made
    made.close()


@pytest.fixture
def url(platform) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(platform), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server does not start"
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def weft(folder, capsys, monkeypatch) -> Weft:
    def called(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = run(list(words))
        told = capsys.readouterr()
        return code, told.out, told.err

    return called


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return found[1].replace("&amp;", "&")


def agree(address: str, user: str = "ada") -> httpx.Response:
    """What a person does in their browser: signs in, reads what is asked, and agrees."""
    here = str(httpx.URL(address).copy_with(raw_path=b"/")).rstrip("/")
    with httpx.Client(base_url=here, headers={"Origin": here}, follow_redirects=True, timeout=60) as browser:
        page = browser.get(address).text
        form = {"csrf": field(page, "csrf"), "then": field(page, "then"), "user": user, "password": PASSWORD}
        asked = browser.post("/login", data=form).text
        assert f"<strong>{user}</strong>" in asked
        fields = {name: field(asked, name) for name in ("csrf", "label", "challenge", "redirect", "state")}
        return browser.post("/login/cli", data=fields)


def signed_in(weft: Weft, platform: Platform, url: str, owner: str, actions: list[str] | None = None) -> None:
    now = platform.rooms.now()
    secret = platform.identity.tokens.create(
        kind="personal",
        owner=owner,
        label="CI",
        domain=None,
        actions=actions,
        at=now,
        expires_at=now + dt.timedelta(days=9),
    )[1]
    assert weft("login", url, "--token", stdin=f"{secret}\n")[0] == 0


def test_a_browser_lets_the_command_line_in_and_the_token_is_kept_for_its_owner_alone(
    weft, url, credentials, monkeypatch
):
    seen: list[Any] = []

    def opened(address: str) -> bool:
        threading.Thread(target=lambda: seen.append(agree(address))).start()
        return True

    monkeypatch.setattr(webbrowser, "open", opened)

    code, out, err = weft("login", url)

    assert (code, out) == (0, f"signed in to {url} as ada\n")
    kept = json.loads(credentials.read_text())[url]
    assert kept["token"].startswith("weft_")
    assert kept["token"] not in out + err
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert stat.S_IMODE(credentials.parent.stat().st_mode) == 0o700
    listed = json.loads(weft("token", "list", "--format", "json")[1])["tokens"]
    assert [token["owner"] for token in listed] == ["ada"]
    assert listed[0]["label"].startswith("weft on ")


def test_without_a_browser_the_address_is_printed_and_the_code_is_typed(weft, url, monkeypatch):
    codes: list[str] = []

    def typed(*words: object, **options: object) -> str:
        return codes[0]

    monkeypatch.setattr("click.prompt", typed)
    monkeypatch.setattr(
        "weft.cli.commands.login._told",
        lambda address: codes.append(re.findall(r"<code>([\w-]{40,})</code>", agree(address).text)[0]),
    )

    assert weft("login", url, "--no-browser")[:2] == (0, f"signed in to {url} as ada\n")
    assert weft("login", url, "--no-browser")[0] == 2, "a code is good for one token"


def test_a_code_is_of_no_use_to_a_program_that_does_not_know_what_the_challenge_is_made_of(url):
    page = agree(f"{url}/login/cli?challenge={'a' * 43}")
    code = re.findall(r"<code>([\w-]{40,})</code>", page.text)[0]

    answer = httpx.post(f"{url}/api/v1/tokens/exchange", json={"code": code, "verifier": "b" * 43}, timeout=60)

    assert answer.status_code == 400
    assert answer.json()["diagnostics"][0]["code"] == "WFT-ACC-020"


@pytest.mark.parametrize(
    "redirect",
    [
        "https://evil.example.com/",
        "http://127.0.0.1.evil.example.com:80/",
        "http://127.0.0.1:80@evil.example.com/",
        "http://127.0.0.1:8000/x?y",
        "http://127.0.0.1:x/",
        "javascript:alert(1)",
    ],
)
def test_a_code_goes_to_the_persons_own_machine_alone(url, redirect):
    with httpx.Client(base_url=url, headers={"Origin": url}, timeout=60) as browser:
        csrf = browser.post("/api/v1/session", json={"user": "ada", "password": PASSWORD}).json()["csrf"]
        asked = {"challenge": "a" * 43, "redirect": redirect, "state": "s"}

        pages = [browser.get("/login/cli", params=asked), browser.post("/login/cli", data={**asked, "csrf": csrf})]

    assert all("WFT-ACC-020" in page.text for page in pages)
    assert all(page.status_code == 400 and "location" not in page.headers for page in pages)


def test_a_limited_token_cannot_agree_in_the_name_of_its_owner(url, platform):
    secret = platform.identity.tokens.create(
        kind="personal",
        owner="ada",
        label="x",
        domain=None,
        actions=["tokens.own"],
        at=platform.rooms.now(),
        expires_at=platform.rooms.now() + dt.timedelta(days=1),
    )[1]
    headers = {"Authorization": f"Bearer {secret}", "Origin": url}

    answer = httpx.post(f"{url}/login/cli", data={"challenge": "a" * 43}, headers=headers, timeout=60)

    assert answer.status_code == 403
    assert "WFT-ACC-018" in answer.text


def test_in_ci_the_token_comes_from_standard_input_and_is_tried_before_it_is_kept(weft, url, platform, credentials):
    assert weft("login", url, "--token", stdin="weft_made_up\n")[0] == 3
    assert weft("login", url, "--token", stdin="\n")[0] == 2
    assert not credentials.exists()

    signed_in(weft, platform, url, "ada")

    assert json.loads(credentials.read_text())[url]["user"] == "ada"


def test_a_token_is_made_shown_once_listed_and_revoked(weft, url, platform):
    signed_in(weft, platform, url, "ada")

    code, secret, told = weft("token", "create", "--label", "laptop", "--days", "7", "--action", "metadata.read")
    token_id = secret.split("_")[1]
    listed = weft("token", "list")[1]

    assert code == 0
    assert "not shown again" in told
    assert "laptop" in listed and "metadata.read" in listed
    assert secret.strip() not in listed
    assert weft("token", "revoke", token_id)[:2] == (0, f"revoked {token_id}\n")
    assert re.search(r"laptop +metadata.read +revoked", weft("token", "list")[1])
    assert weft("token", "revoke", token_id)[0] == 2
    assert (
        httpx.get(
            f"{url}/api/v1/session", headers={"Authorization": f"Bearer {secret.strip()}"}, timeout=60
        ).status_code
        == 401
    )


def test_verbs_about_tokens_speak_with_the_server_of_the_mesh_here_and_with_the_token_of_the_environment(
    weft, url, platform, credentials, tmp_path, monkeypatch
):
    signed_in(weft, platform, url, "ada")
    kept = json.loads(credentials.read_text())
    secret = kept[url]["token"]
    credentials.write_text(json.dumps({**kept, "http://127.0.0.1:9": kept[url]}))
    assert weft("token", "list")[0] == 2, "it is not clear which is meant"
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "weft.toml").write_text(f'[mesh]\nregistry = "{url}"\n')
    monkeypatch.chdir(repository)

    by_file = weft("token", "list")
    credentials.unlink()
    by_nobody = weft("token", "list")
    monkeypatch.setenv("WEFT_TOKEN", secret)
    by_environment = weft("token", "list")

    assert (by_file[0], by_environment[0]) == (0, 0)
    assert "CI" in by_file[1] and "CI" in by_environment[1]
    assert (by_nobody[0], f"you are not signed in to {url}" in by_nobody[2]) == (2, True)


def test_whose_file_has_tokens_of_domains_alone_is_not_signed_in(weft, url, credentials):
    Credentials(credentials.parent).keep_domain(url, "sales", "weft_a_b")

    for words in (("token", "list"), ("logout",)):
        code, _, err = weft(*words)
        assert (code, "you are not signed in to any server" in err) == (2, True), err


def test_signing_out_ends_the_token_on_the_server_too(weft, url, platform, credentials):
    signed_in(weft, platform, url, "ada")
    token = json.loads(credentials.read_text())[url]["token"]

    assert weft("logout")[:2] == (0, f"signed out of {url}\n")

    assert json.loads(credentials.read_text()) == {}
    assert (
        httpx.get(f"{url}/api/v1/session", headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code == 401
    )
    assert weft("token", "list")[0] == 2


@pytest.mark.parametrize(
    ("owner", "exit_code"), [("ada", 0), ("bob", 3), ("nobody", 3)], ids=["owner", "developer", "nobody"]
)
def test_verbs_about_tokens_of_a_domain_are_for_who_manages_it(weft, url, platform, owner, exit_code):
    signed_in(weft, platform, url, owner)

    assert weft("token", "create", "--label", "CI", "--domain", "sales")[0] == exit_code
    assert weft("token", "list", "--domain", "sales")[0] == exit_code


def test_a_token_that_may_not_make_tokens_makes_none_by_the_command_line_either(weft, url, platform):
    signed_in(weft, platform, url, "ada", ["metadata.read"])

    code, out, err = weft("token", "create", "--label", "x")

    assert (code, out) == (3, "")
    assert "WFT-ACC-010" in err


def test_a_token_goes_to_no_other_machine_without_tls(weft):
    code, _, err = weft("login", "http://mesh.example.com", "--token", stdin="weft_x_y\n")

    assert code == 2
    assert "without TLS" in err


def test_a_server_that_is_not_there_or_is_no_weft_is_told_as_such(weft, folder):
    code, _, err = weft("login", "http://127.0.0.1:9", "--token", stdin="weft_x_y\n")

    assert code == 5
    assert "WFT-ACC-024" in err
    assert "weft_x_y" not in err


def test_users_are_made_changed_and_shut_out_on_the_servers_machine(weft, platform):
    code, password, told = weft("user", "add", "eve", "--role", "governance_lead")
    assert (code, len(password.strip())) == (0, 20)
    assert "not shown again" in told
    identity = platform.identity
    assert identity.signing_in.with_password(identity.signing_in.tried("eve", "::1"), password.strip())

    assert weft("user", "role", "eve", "operator")[:2] == (0, "eve is operator\n")
    assert weft("user", "passwd", "eve", "--password-stdin", stdin=f"{PASSWORD}\n")[:2] == (0, "")
    assert identity.signing_in.with_password(identity.signing_in.tried("eve", "::1"), PASSWORD)
    assert re.search(r"eve +local +operator", weft("user", "list")[1])
    assert weft("user", "disable", "eve")[:2] == (0, "eve is shut out\n")
    found = identity.users.user("eve")
    assert found is not None and found.disabled_at is not None
    assert [u["name"] for u in json.loads(weft("user", "list", "--format", "json")[1])["users"]] == [
        "ada",
        "bob",
        "eve",
    ]


def test_another_password_says_which_tokens_still_hold_and_ends_them_where_it_is_told_to(weft, platform):
    weft("user", "add", "eve")
    until = platform.identity.now() + dt.timedelta(days=1)
    for label in ("one", "two"):
        platform.identity.tokens.create(
            kind="personal", owner="eve", label=label, domain=None, actions=None, at=platform.identity.now(),
            expires_at=until,
        )  # fmt: skip

    code, _, kept = weft("user", "passwd", "eve")
    assert (code, "2 personal tokens of eve still in force: `--end-tokens` ends them too" in kept) == (0, True)
    code, _, ended = weft("user", "passwd", "eve", "--end-tokens")
    assert (code, "2 personal tokens of eve ended" in ended) == (0, True)
    assert "token" not in weft("user", "passwd", "eve")[2]


@pytest.mark.parametrize(
    ("words", "stdin", "code", "fix"),
    [
        (("add", "ada"), "", "WFT-ACC-021", "another name"),
        (("add", "x:y"), "", "WFT-ACC-021", "letters"),
        (("add", "eve", "--role", "opertor"), "", "WFT-ACC-025", "did you mean `operator`?"),
        (("add", "eve", "--role", "steward"), "", "WFT-ACC-025", "`domain.yaml`"),
        (("add", "eve", "--password-stdin"), "short\n", "WFT-ACC-022", "words"),
        (("passwd", "adda"), "", "WFT-ACC-021", "did you mean `ada`?"),
        (("role", "nobody", "operator"), "", "WFT-ACC-021", "weft user list"),
        (("disable", "nobody"), "", "WFT-ACC-021", "weft user list"),
    ],
)
def test_what_is_wrong_with_a_user_is_told_with_what_mends_it(weft, platform, words, stdin, code, fix):
    exit_code, _, err = weft("user", *words, stdin=stdin)

    assert exit_code == 2
    assert code in err and fix in err


def test_the_first_start_makes_one_administrator_whose_password_no_log_shows(folder, capsys):
    platform = open_platform(folder)
    make_administrator(platform)
    told = capsys.readouterr()
    file = folder / ".weft" / PASSWORD_FILE
    password = file.read_text().strip()
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (folder / ".weft").glob("registry.db*")]

    make_administrator(platform)

    assert password not in told.out + told.err
    assert str(file) in told.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(modes) == {0o600}, "nobody else reads the registry, from the first moment on"
    assert capsys.readouterr().err == "", "the second start makes nobody"
    caller = platform.identity.of_session(
        platform.identity.signing_in.with_password(platform.identity.signing_in.tried("admin", "::1"), password)
    )
    assert caller is not None
    assert {role.value for role in caller[0].mesh} == {"operator", "governance_lead"}
    platform.close()


def test_on_a_terminal_the_password_is_shown_there_and_stands_in_no_file(folder, capsys, monkeypatch):
    platform = open_platform(folder)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    make_administrator(platform)

    password = re.findall(r"^  (\S{20})$", capsys.readouterr().err, re.MULTILINE)[0]
    assert platform.identity.signing_in.with_password(platform.identity.signing_in.tried("admin", "::1"), password)
    assert not (folder / ".weft" / PASSWORD_FILE).exists()
    platform.close()
