"""What an assistant can ask for: each tool with what it takes, as a value that is checked before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from weft.access.permissions import Action
from weft.errors import UsageError, did_you_mean, error

_Words = Annotated[str, Meta(max_length=200, description="words; none list what there is")]
_Address = Annotated[str, Meta(min_length=1, max_length=300)]
_Port = Annotated[str, Meta(min_length=1, max_length=300, description="a port, like `fleet.aircraft.planes@1`")]
_Cursor = Annotated[str | None, Meta(description="`next` of the answer before, with everything else as it was")]
_Typed = Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]

_Id = Annotated[str, Meta(max_length=60)]
_Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
_Columns = Annotated[tuple[str, ...], Meta(min_length=1, max_length=1000)]


class Search(Struct, frozen=True, forbid_unknown_fields=True):
    """Find domains, products, ports and columns by words, best first."""

    words: _Words = ""
    kind: Literal["domain", "product", "port", "column"] | None = None
    domain: Annotated[str | None, Meta(description="only of this domain")] = None
    limit: Annotated[int, Meta(ge=1, le=50)] = 10
    cursor: _Cursor = None


class GetProduct(Struct, frozen=True, forbid_unknown_fields=True):
    """A product: what it is for, who owns it, its ports, and whether you may read each of them."""

    address: Annotated[str, Meta(min_length=3, max_length=300, description="`domain.product`, or one of its ports")]


class GetContract(Struct, frozen=True, forbid_unknown_fields=True):
    """What a port promises: columns with types and meaning, key, service levels, roles that can be asked for."""

    address: _Port
    cursor: _Cursor = None


class Quality(Struct, frozen=True, forbid_unknown_fields=True):
    """How the checks of a port ended, how fresh it is, what is wrong with it, and which rules it is held to."""

    address: _Port
    cursor: _Cursor = None


class Lineage(Struct, frozen=True, forbid_unknown_fields=True):
    """What a port or column is made from, and what is made from it."""

    node: Annotated[str, Meta(min_length=1, max_length=500, description="a port or source, or a column of one")]
    direction: Literal["up", "down", "both"] = "both"
    depth: Annotated[int, Meta(ge=1, le=20, description="hops between ports")] = 3
    cursor: _Cursor = None


class RequestAccess(Struct, frozen=True, forbid_unknown_fields=True):
    """Ask the owners of ports to let you read them. Ask the person for the purpose: whoever decides reads it."""

    ports: Annotated[tuple[_Address, ...], Meta(min_length=1, max_length=20)]
    purpose: Annotated[_Typed, Meta(description="what the data is for")]
    until: Annotated[_Day | None, Meta(description="the last day, like 2027-06-30")] = None
    columns: Annotated[_Columns | None, Meta(description="some columns; null: all")] = None
    roles: Annotated[tuple[str, ...], Meta(max_length=20, description="roles of the ports' contracts")] = ()


class AccessStatus(Struct, frozen=True, forbid_unknown_fields=True):
    """How your requests for access stand, and what was granted to you."""

    request_id: Annotated[_Id | None, Meta(description="one request; null: all of yours")] = None
    cursor: _Cursor = None


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of one SELECT in DuckDB's dialect. Tables are addresses of ports: `domain.product."port@1"`.

    You see what was granted to the person you work for: some columns may be masked, some rows left out; the answer
    says so. Name the purpose that access was granted for. Count and aggregate in SQL rather than taking many rows.
    """

    sql: Annotated[str, Meta(min_length=1, max_length=20_000, pattern=r"^[^\x00]*$")]
    purpose: Annotated[
        _Typed | None, Meta(description="what the rows are for: written down, and only grants for it count")
    ] = None
    limit: Annotated[int, Meta(ge=1, le=500, description="rows in this answer")] = 50
    cursor: _Cursor = None


Want = Search | GetProduct | GetContract | Quality | Lineage | RequestAccess | AccessStatus | Query


class Tool(Struct, frozen=True):
    """One tool.

    Attributes:
        takes: what it is called with.
        action: the line of the table of permissions that it goes by.
        changes: whether it changes something.
    """

    name: str
    title: str
    takes: type[Want]
    action: Action
    changes: bool = False

    @property
    def description(self) -> str:
        """What it does, for whoever calls it."""
        lines = (self.takes.__doc__ or "").splitlines()
        return " ".join(line.strip() for line in lines if line.strip())

    def schema(self) -> dict[str, Any]:
        """What it takes, as a JSON Schema."""
        (_, *_), found = msgspec.json.schema_components([self.takes], ref_template="#/$defs/{name}")
        made = dict(found[self.takes.__name__])
        return {k: v for k, v in made.items() if k != "description"}

    def want(self, arguments: Mapping[str, Any]) -> Want:
        """What is asked for.

        Raises:
            UsageError: WFT-SRV-071, it is not as the tool takes it.
        """
        try:
            return msgspec.convert(dict(arguments), self.takes)
        except msgspec.ValidationError as e:
            what = f"the tool `{self.name}` cannot be called like this: {e}"
            raise UsageError(error("WFT-SRV-071", what, fix="`tools/list` says what each tool takes")) from None


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("search", "Search the mesh", Search, Action.READ_METADATA),
        Tool("get_product", "Show a data product", GetProduct, Action.READ_METADATA),
        Tool("get_contract", "Show the contract of a port", GetContract, Action.READ_METADATA),
        Tool("lineage", "Show lineage", Lineage, Action.READ_METADATA),
        Tool("quality", "Show the quality of a port", Quality, Action.READ_METADATA),
        Tool("request_access", "Ask to read ports", RequestAccess, Action.ASK_ACCESS, changes=True),
        Tool("access_status", "Show requests and grants", AccessStatus, Action.ASK_ACCESS),
        Tool("query", "Read rows", Query, Action.QUERY),
    )
}
"""Every tool by its name, in the order in which an assistant comes to need them."""


def tool_named(name: str) -> Tool:
    """A tool.

    Raises:
        UsageError: WFT-SRV-071, there is none of that name.
    """
    found = TOOLS.get(name)
    if found is None:
        what = f"there is no tool `{name[:80]}`"
        raise UsageError(
            error(
                "WFT-SRV-071",
                what,
                fix=did_you_mean(name[:80], list(TOOLS), otherwise="`tools/list` says which there are"),
            )
        )
    return found
