"""Questions, answers and ratings over HTTP: who may say what, and who is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.unit.server.company import PLANES, bearer, company
from weft.api.platform import Platform
from weft.observability.notices import UNASKED, notices_of
from weft.registry.base import read_all_events
from weft.server.app import create_app

QUESTIONS = "/products/fleet/aircraft/questions"
RATING = "/products/fleet/aircraft/rating"


@pytest.fixture
def platform(tmp_path) -> Iterator[Platform]:
    with company(tmp_path) as made:
        yield made


@pytest.fixture
def as_(platform: Platform):
    """A client of somebody: `finn` owns `fleet`, others belong to no domain."""
    app = create_app(platform)
    return lambda who: TestClient(app, headers=bearer(platform, who), base_url="http://server/api/v1")


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["diagnostics"][0]["code"]


def test_somebody_asks_the_owner_answers_and_both_see_it(as_):
    asked = as_("ada").post(QUESTIONS, json={"text": " Which register?\r\nOf 2013? ", "port": PLANES.unpinned}).json()
    answered = as_("finn").post(f"/questions/{asked['question_id']}/answers", json={"text": "Of 2013."}).json()

    assert (asked["text"], asked["port"], asked["state"]) == ("Which register?\nOf 2013?", str(PLANES), "open")
    assert (answered["state"], answered["answers"][0]["of_domain"]) == ("answered", True)
    seen = as_("ada").get(QUESTIONS).json()["items"]
    assert [(q["text"], [a["text"] for a in q["answers"]]) for q in seen] == [(asked["text"], ["Of 2013."])]
    assert as_("ada").post(f"/questions/{asked['question_id']}/close").json()["state"] == "closed"


def test_others_neither_answer_nor_change_nor_close_what_is_not_theirs(as_):
    asked = as_("ada").post(QUESTIONS, json={"text": "Why?"}).json()
    path = f"/questions/{asked['question_id']}"
    answer = as_("finn").post(f"{path}/answers", json={"text": "So."}).json()["answers"][0]["answer_id"]

    ben, finn = as_("ben"), as_("finn")

    assert code(ben.post(f"{path}/answers", json={"text": "Because."})) == (403, "WFT-ACC-010")
    assert code(ben.post(f"{path}/close")) == (403, "WFT-ACC-010")
    assert code(finn.put(path, json={"text": "Because."})) == (403, "WFT-CAT-022")
    assert code(finn.delete(path)) == (403, "WFT-CAT-022")
    assert code(as_("ada").put(f"/answers/{answer}", json={"text": "No."})) == (403, "WFT-CAT-022")
    assert code(as_("ada").delete(f"/answers/{answer}")) == (403, "WFT-CAT-022")
    assert as_("ada").get(path).json()["text"] == "Why?"


def test_what_somebody_has_written_they_change_and_take_back(as_):
    ada, finn = as_("ada"), as_("finn")
    path = f"/questions/{ada.post(QUESTIONS, json={'text': 'Wy?', 'kind': 'issue'}).json()['question_id']}"
    answer = finn.post(f"{path}/answers", json={"text": "S."}).json()["answers"][0]["answer_id"]

    assert ada.put(path, json={"text": "Why?"}).json()["changed_at"] is not None
    assert finn.put(f"/answers/{answer}", json={"text": "So."}).json()["answers"][0]["text"] == "So."
    assert finn.delete(f"/answers/{answer}").json()["state"] == "open"
    assert ada.delete(path).status_code == 204
    assert code(ada.get(path)) == (404, "WFT-CAT-020")
    assert code(finn.put(f"/answers/{answer}", json={"text": "So."})) == (404, "WFT-CAT-020")


def test_questions_come_page_by_page_newest_first(as_, platform):
    for number in range(3):
        as_("ada").post(QUESTIONS, json={"text": f"Question {number}"})

    texts, cursor = [], None
    while True:
        page = as_("ada").get(QUESTIONS, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        texts += [q["text"] for q in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert sorted(texts) == ["Question 0", "Question 1", "Question 2"]
    assert code(as_("ada").get("/products/fleet/aircraft/ratings", params={"cursor": "x"})) == (400, "WFT-SRV-006")


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"text": "   "}, 422, "WFT-SRV-003"),
        ({"text": "a\x00b"}, 422, "WFT-SRV-003"),
        ({"text": "x" * 4001}, 422, "WFT-SRV-003"),
        ({"text": "x", "kind": "praise"}, 422, "WFT-SRV-003"),
        ({"text": "x", "port": "sales.orders.orders@1"}, 400, "WFT-CAT-021"),
        ({"text": "x", "port": "fleet.aircraft.nothing@1"}, 404, "WFT-CAT-001"),
    ],
)
def test_what_cannot_be_asked_is_refused(as_, body, status, told):
    assert code(as_("ada").post(QUESTIONS, json=body)) == (status, told)


def test_the_verbs_refuse_what_no_route_lets_through(platform):
    from weft.access.permissions import Caller
    from weft.errors import UsageError
    from weft.model.address import ProductAddress

    ada, product = Caller("ada", "user"), ProductAddress("fleet", "aircraft")

    for words, kind in ((" ", "question"), ("x" * 4001, "question"), ("a\x01", "question"), ("x", "praise")):
        with pytest.raises(UsageError, match="WFT-CAT-021"):
            platform.feedback.ask(ada, product, words, kind=kind)
    for stars in (0, 6):
        with pytest.raises(UsageError, match="WFT-CAT-023"):
            platform.feedback.rate(ada, product, stars)


def test_each_person_rates_once_and_a_service_or_a_domain_does_not(as_, platform):
    from weft.access.permissions import Action, Caller
    from weft.errors import AccessDenied
    from weft.model.address import ProductAddress

    as_("ada").put(RATING, json={"stars": 2})
    as_("ben").put(RATING, json={"stars": 5, "text": "Saves me a day"})
    found = as_("ada").put(RATING, json={"stars": 4}).json()

    assert (found["mean"], found["people"], found["mine"]["stars"]) == (4.5, 2, 4)
    assert found["stars"] == {"5": 1, "4": 1, "3": 0, "2": 0, "1": 0}
    assert as_("ada").delete(RATING).json()["people"] == 1
    assert code(as_("ada").delete(RATING)) == (404, "WFT-CAT-020")
    service = Caller("service:loader", "service", actions=frozenset(Action))
    with pytest.raises(AccessDenied, match="WFT-CAT-024"):
        platform.feedback.rate(service, ProductAddress("fleet", "aircraft"), 5)


def test_of_a_draft_of_others_nothing_is_asked_and_nothing_shown(as_):
    path, draft = "/products/fleet/plans/questions", "fleet.aircraft.prototypes@1"
    on_draft = as_("finn").post(path, json={"text": "When?"}).json()
    about_port = as_("finn").post(QUESTIONS, json={"text": "How?", "port": draft}).json()
    ada = as_("ada")

    assert code(ada.get(path)) == code(ada.post(path, json={"text": "x"})) == (404, "WFT-CAT-001")
    assert code(ada.put("/products/fleet/plans/rating", json={"stars": 5})) == (404, "WFT-CAT-001")
    assert code(ada.post(QUESTIONS, json={"text": "x", "port": draft})) == (404, "WFT-CAT-001")
    for one in (on_draft, about_port):
        assert code(ada.get(f"/questions/{one['question_id']}")) == (404, "WFT-CAT-020")
    assert ada.get(QUESTIONS).json()["items"] == []
    assert len(as_("finn").get(QUESTIONS).json()["items"]) == 1


def test_owners_are_told_without_having_asked_and_never_the_words(as_, platform):
    ada, finn = as_("ada"), as_("finn")
    asked = ada.post(QUESTIONS, json={"text": "my secret", "kind": "issue", "port": str(PLANES)}).json()
    finn.post(f"/questions/{asked['question_id']}/answers", json={"text": "my secret"})
    ada.post(f"/questions/{asked['question_id']}/answers", json={"text": "my secret"})
    ada.put(RATING, json={"stars": 1, "text": "my secret"})

    told = [n for e in read_all_events(platform.rooms.production) for n in notices_of(e, platform.rooms.production)]
    said = [n for n in told if n.kinds[0] in ("question_asked", "question_answered", "rated")]

    assert [(n.kinds[0], n.title, n.owners) for n in said] == [
        ("question_asked", f"ada says what is wrong with {PLANES}", ("fleet",)),
        ("question_answered", f"A question about {PLANES} is answered", ()),
        ("question_asked", f"ada asks on about {PLANES}", ("fleet",)),
        ("rated", "fleet.aircraft got 1 star", ("fleet",)),
    ]
    assert {n.kinds[0] for n in said} <= UNASKED
    assert "my secret" not in str([n.as_json() for n in said])


def test_what_waits_for_an_answer_is_shown_to_those_who_may_give_it(as_, platform):
    asked = as_("ada").post(QUESTIONS, json={"text": "Why?"}).json()["question_id"]
    waiting = platform.feedback.waiting

    def caller(name: str):
        return platform.identity.of_bearer(bearer(platform, name)["Authorization"].partition(" ")[2])

    assert [q["question_id"] for q in waiting(caller("finn"))] == [asked]
    assert waiting(caller("cora")) == waiting(caller("ada")) == []
