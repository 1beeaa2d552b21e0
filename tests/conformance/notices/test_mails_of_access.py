"""Mails over the life of a request, through a server of mail: who gets which, what they say, and where they lead."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.conformance.notices.stories import ORDERS, Clock, publish
from tests.receivers import mailing
from weft.access.permissions import Caller, Role
from weft.api.platform import Platform, open_platform
from weft.server.app import create_app

URL = "https://mesh.example.com"
EVE, OLGA, DORA, LENA = (f"{name}@example.com" for name in ("eve", "olga", "dora", "lena"))
CONTACT = "sales@example.com"
PEOPLE = {"name": "sales", "deputies": [DORA], "members": [{"user": OLGA, "roles": ["owner"]}]}
WRITTEN = ("why eve wants it", "why olga said so")
"""What people wrote, which can be erased: a mail cannot."""
Mails = list[tuple[str, str, str]]


class Post:
    """A mesh with a server of mail, and a clock that is moved."""

    def __init__(self, platform: Platform, clock: Clock, box: object) -> None:
        self.platform, self.clock, self.box = platform, clock, box

    def sent(self) -> Mails:
        """Who got a mail since the last look, with its subject and its words."""
        self.platform.notices.tell()
        self.clock.move(minutes=2)  # what concerns a contact is gathered for a minute
        self.platform.notices.deliver()
        taken, self.box.messages[:] = list(self.box.messages), []  # type: ignore[attr-defined]
        found = []
        for (to,), content in taken:
            message = email.message_from_bytes(content, policy=email.policy.default)
            body = message.get_body(("plain",))
            page = message.get_body(("html",))
            assert body is not None and page is not None
            for link in re.findall(rf"{URL}\S+", body.get_content()):
                assert f'href="{link}"' in page.get_content()
            found.append((to, str(message["Subject"]).removeprefix("[weft] "), body.get_content()))
        return sorted(found)

    def visit(self, who: str, mail: str) -> str:
        """The page to which a mail leads, as its reader sees it."""
        (link,) = set(re.findall(rf"{URL}(\S+)", mail))
        _, secret = self.platform.identity.tokens.create(
            kind="personal", owner=who, label="x", domain=None, actions=None, at=self.clock(),
            expires_at=self.clock() + dt.timedelta(days=900),
        )  # fmt: skip
        headers = {"Authorization": f"Bearer {secret}", "Accept": "text/html"}
        answer = TestClient(create_app(self.platform), headers=headers).get(link)
        assert answer.status_code == 200, (who, link, answer.status_code)
        return answer.text


@pytest.fixture
def post(tmp_path) -> Iterator[Post]:
    clock = Clock()
    with mailing() as (box, port):
        (tmp_path / "weft.toml").write_text(
            f'[mesh]\nname = "company"\n[server]\nurl = "{URL}"\n[notices]\nsmtp_host = "127.0.0.1"\n'
            f'smtp_port = {port}\nsmtp_security = "none"\nsmtp_from = "weft@mesh.test"\n'
        )
        platform = open_platform(tmp_path, clock)
        columns = [{"name": "id", "classification": "confidential", "logicalType": "integer"}]
        document = {"id": "x", "schema": [{"name": "t", "properties": columns}]}
        publish(platform.rooms.production, clock, ORDERS, domain_document=PEOPLE, contract=document)
        for name, roles in ((EVE, []), (OLGA, []), (DORA, []), (LENA, ["governance_lead"])):
            platform.identity.user_verbs.add(name, None, roles, actor="root")
        made = Post(platform, clock, box)
        made.sent()
        yield made
        platform.close()


def person(name: str, **domains: Role) -> Caller:
    return Caller(name, "user", frozenset(), {d: frozenset({r}) for d, r in domains.items()}, None)


OWNER, ASKER = person(OLGA, sales=Role.DOMAIN_OWNER), person(EVE)


def told(mails: Mails) -> set[tuple[str, str]]:
    return {(to, subject) for to, subject, _ in mails}


def test_each_step_of_a_request_is_mailed_to_those_whom_it_concerns_and_leads_to_its_page(post):
    access, title = post.platform.access, f"Access to {ORDERS}"
    first = f"domain owner, {DORA}, product owner, steward"

    made = access.ask(ASKER, [str(ORDERS)], WRITTEN[0], until="2026-04-30")
    asked = post.sent()
    post.clock.move(days=1)
    access.step()
    reminded = post.sent()
    post.clock.move(days=1, hours=1)
    access.step()
    raised = post.sent()
    access.approve(OWNER, made["request_id"], reason=WRITTEN[1])
    approved = post.sent()
    post.clock.move(days=80)
    access.step()
    over = post.sent()

    waits = f"{title} is asked for, and waits for {first}"
    assert told(asked) == {(CONTACT, waits), (DORA, waits)}
    still = f"{title} is asked for, and still waits for {first}"
    assert told(reminded) == {(CONTACT, still), (DORA, still)}
    assert {to for to, _ in told(raised)} == {CONTACT, DORA, LENA}
    assert all("goes on to" in subject and "governance lead" in subject for _, subject in told(raised))
    assert told(approved) == {(EVE, f"{title} is approved")}
    assert told(over) == {(EVE, f"{title} is over for a reader")}
    every = [*asked, *reminded, *raised, *approved, *over]
    assert all(made["request_id"] in post.visit(OLGA if to == CONTACT else to, text) for to, _, text in every)
    assert not any(words in text for _, _, text in every for words in WRITTEN)
    assert WRITTEN[1] in post.visit(EVE, approved[0][2]), "the page has the reason"


def test_what_is_declined_revoked_and_due_for_review_is_mailed_as_that(post):
    access, title = post.platform.access, f"Access to {ORDERS}"
    declined = access.ask(ASKER, [str(ORDERS)], WRITTEN[0])
    post.sent()

    access.decline(OWNER, declined["request_id"], reason=WRITTEN[1])
    no = post.sent()
    asked = access.ask(ASKER, [str(ORDERS)], WRITTEN[0])
    grant = access.approve(OWNER, asked["request_id"])["ports"][0]["grant_id"]
    post.sent()
    post.clock.move(days=215)
    access.step()
    review = post.sent()
    access.revoke(OWNER, grant, reason=WRITTEN[1])
    ended = post.sent()

    assert told(no) == {(EVE, f"{title} is declined")}
    assert f"is declined, by {OLGA}" in no[0][2]
    assert (CONTACT, f"{title} has to be looked at again: a grant is due for review") in told(review)
    assert told(ended) == {(EVE, f"{title} has ended for a reader")}
    assert not any(words in text for _, _, text in (*no, *review, *ended) for words in WRITTEN)
    assert all(post.visit(OLGA if to == CONTACT else to, text) for to, _, text in (*no, *review, *ended))
    assert WRITTEN[1] in post.visit(EVE, no[0][2])


def test_a_grant_that_nobody_has_looked_at_again_says_so_when_it_ends(post):
    access = post.platform.access
    asked = access.ask(ASKER, [str(ORDERS)], WRITTEN[0])
    access.approve(OWNER, asked["request_id"])
    post.sent()
    for days in (215, 40):
        post.clock.move(days=days)
        access.step()

    (mail,) = [text for to, subject, text in post.sent() if to == EVE and "is over" in subject]

    assert "Why: nobody has reviewed it." in mail
