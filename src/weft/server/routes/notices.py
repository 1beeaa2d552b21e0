"""Being told: subscriptions, what owners are spared, and how messages went."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from weft.access.permissions import Action, Caller
from weft.server.answers import refusals
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1", tags=["notices"])
Subscriber = Annotated[Caller, Depends(Permitted(Action.SUBSCRIBE))]
PRINTED = r"^[^\x00-\x1f\x7f]*$"
_Id = Annotated[str, Path(max_length=60, pattern=PRINTED)]
_KINDS = 50
"""More kinds than there are."""
_State = Literal["waiting", "sent", "dead", "dropped"]


class NewSubscription(BaseModel):
    """Who is to be told of what."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"subject": "fleet.aircraft", "target": "https://hooks.example.com/weft", "kinds": ["late"]}]
        },
    )

    subject: str = Field(max_length=300, pattern=PRINTED, description="a domain, product or port; `*` is everything")
    target: str = Field(
        "", max_length=2000, pattern=PRINTED, description="a URL, or an address of mail; empty: the portal"
    )
    channel: str | None = Field(
        None, max_length=20, pattern=PRINTED, description="webhook, mail, slack, teams, mattermost or portal"
    )
    kinds: list[Annotated[str, Field(max_length=40, pattern=PRINTED)]] = Field(
        default_factory=list, max_length=_KINDS, description="kinds of notices; none: all"
    )
    digest: str | None = Field(
        None, max_length=80, pattern=PRINTED, description="once a day, like `08:00 Europe/Berlin`; null: at once"
    )
    secret: str | None = Field(
        None, max_length=100, pattern=PRINTED, description="an entry of [notices.secrets]; for operators"
    )


class ShownSubscription(BaseModel):
    """A subscription. The target of somebody else is shown as its host alone."""

    subscription_id: str
    owner: str
    subject: str
    kinds: list[str]
    channel: str
    target: str
    digest: str | None
    created_at: datetime


class MadeSubscription(ShownSubscription):
    """A new subscription, with the secret that signs its webhooks: it is not shown again."""

    secret: str | None = None


class SubscriptionList(BaseModel):
    """Subscriptions, oldest first."""

    subscriptions: list[ShownSubscription]


class Mute(BaseModel):
    """What the owners of a domain are not told unasked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"subject": "fleet.aircraft"}]})

    subject: str = Field(max_length=300, pattern=PRINTED, description="a domain, product or port; `*` is everything")


class MuteList(BaseModel):
    """Subjects that the owners of a domain are spared."""

    domain: str
    subjects: list[str]


class ShownMute(BaseModel):
    """One thing that the owners of a domain are spared."""

    domain: str
    subject: str


class AllMutes(BaseModel):
    """What owners are spared, in the order of their domains."""

    mutes: list[ShownMute]


class ShownDelivery(BaseModel):
    """One message to one recipient."""

    delivery_id: str
    recipient: str = Field(description="a subscription, or of who is told unasked `auto:DOMAIN` or `auto:ADDRESS`")
    channel: str
    host: str
    state: _State
    digest: bool
    created_at: datetime
    due_at: datetime
    attempts: int
    ended_at: datetime | None
    problem: str | None


class DeliveryList(BaseModel):
    """Messages, newest first."""

    deliveries: list[ShownDelivery]


class ShownNotice(BaseModel):
    """A notice in the caller's own list."""

    number: int = Field(description="its place in the list: what is newer has a higher one")
    kind: str
    at: datetime
    subject: str = Field(description="the address that it is about")
    title: str
    text: str
    facts: dict[str, Any]
    read_at: datetime | None


class NoticeList(BaseModel):
    """A page of the caller's own notices, newest first."""

    notices: list[ShownNotice]
    unread: int = Field(description="how many of all the caller has not read")
    next: str | None = Field(description="the cursor of the next page; null: there is none")


class Read(BaseModel):
    """What the caller has read."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"number": 17, "older": True}]})

    number: int = Field(ge=0, le=2**53, strict=True, description="the number of a notice")
    older: bool = Field(False, strict=True, description="whether also all that are older")


class Unread(BaseModel):
    """How many notices the caller has not read."""

    unread: int


@router.get("/notices", response_model=NoticeList, responses=refusals(400, 403))
def notices(
    request: Request,
    caller: Subscriber,
    unread: Annotated[bool, Query(description="those alone that are not read")] = False,
    limit: Annotated[int, Query(ge=1, le=200, description="how many at most")] = 50,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next` of the page before")] = None,
) -> dict[str, Any]:
    """What the caller was told in the portal: nobody else's list can be asked for."""
    found: dict[str, Any] = request.app.state.platform.own_notices.listed(caller, limit, cursor, unread=unread)
    return found


@router.post("/notices/read", response_model=Unread, responses=refusals(400, 403, 404))
def read_notice(request: Request, caller: Subscriber, read: Read) -> dict[str, Any]:
    """Notes that the caller has read a notice, or it and all that are older."""
    left: dict[str, Any] = request.app.state.platform.own_notices.read(caller, read.number, older=read.older)
    return left


@router.post("/subscriptions", status_code=201, response_model=MadeSubscription, responses=refusals(400, 403))
def subscribe(request: Request, caller: Subscriber, wanted: NewSubscription) -> dict[str, Any]:
    """Subscribes the caller."""
    made: dict[str, Any] = request.app.state.platform.notices.subscribe(
        caller,
        wanted.subject,
        wanted.target,
        channel=wanted.channel,
        kinds=wanted.kinds,
        digest=wanted.digest,
        secret=wanted.secret,
    )
    return made


@router.get("/subscriptions", response_model=SubscriptionList, responses=refusals(403))
def subscriptions(
    request: Request,
    caller: Subscriber,
    everybody: Annotated[bool, Query(description="those of everybody; for operators")] = False,
) -> dict[str, Any]:
    """The caller's subscriptions."""
    return {"subscriptions": request.app.state.platform.notices.subscriptions(caller, everybody=everybody)}


@router.delete("/subscriptions/{subscription_id}", status_code=204, responses=refusals(403, 404))
def unsubscribe(request: Request, caller: Subscriber, subscription_id: _Id) -> Response:
    """Ends a subscription; what waits for it is not sent any more."""
    request.app.state.platform.notices.unsubscribe(caller, subscription_id)
    return Response(status_code=204)


@router.get("/mutes", response_model=AllMutes, responses=refusals(403))
def every_mute(request: Request, caller: Subscriber) -> dict[str, Any]:
    """What the owners of all domains are spared."""
    return {"mutes": request.app.state.platform.notices.mutes()}


@router.get("/domains/{domain}/mutes", response_model=MuteList, responses=refusals(403))
def mutes(request: Request, caller: Subscriber, domain: _Id) -> dict[str, Any]:
    """What the owners of a domain are spared."""
    found = request.app.state.platform.notices.mutes(domain)
    return {"domain": domain, "subjects": [one["subject"] for one in found]}


_Manager = Annotated[Caller, Depends(Permitted(Action.MANAGE_DOMAIN, domain="domain"))]


@router.post("/domains/{domain}/mutes", status_code=204, responses=refusals(400, 403))
def mute(request: Request, caller: _Manager, domain: _Id, wanted: Mute) -> Response:
    """Spares the owners of a domain what they are told unasked of a subject."""
    request.app.state.platform.notices.mute(caller, domain, wanted.subject)
    return Response(status_code=204)


@router.delete("/domains/{domain}/mutes/{subject}", status_code=204, responses=refusals(400, 403))
def unmute(
    request: Request, caller: _Manager, domain: _Id, subject: Annotated[str, Path(max_length=300, pattern=PRINTED)]
) -> Response:
    """Tells the owners of a domain again of a subject."""
    request.app.state.platform.notices.mute(caller, domain, subject, off=True)
    return Response(status_code=204)


@router.get("/deliveries", response_model=DeliveryList, responses=refusals(403))
def deliveries(
    request: Request,
    caller: Subscriber,
    state: Annotated[_State | None, Query(description="those in one state")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="how many at most")] = 100,
) -> dict[str, Any]:
    """Messages to the caller's subscriptions; for operators to all."""
    return {"deliveries": request.app.state.platform.notices.deliveries(caller, state=state, limit=limit)}


@router.post("/deliveries/{delivery_id}/resend", status_code=202, responses=refusals(403, 404))
def resend(request: Request, caller: Subscriber, delivery_id: _Id) -> Response:
    """Tries a message again that was given up; it keeps its id."""
    request.app.state.platform.notices.resend(caller, delivery_id)
    return Response(status_code=202)
