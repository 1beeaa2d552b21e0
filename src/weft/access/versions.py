"""Which data version is meant: what is there now, a snapshot, or what there was at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from weft.errors import UsageError, did_you_mean, error
from weft.model.address import Address
from weft.model.publication import PortState, Publication
from weft.registry.base import RegistryReader

At = str | dt.datetime | Mapping[str, str] | None
"""Which data version: a snapshot id, a time for all ports, or a snapshot id by address; None is now."""


def moment(at: Sequence[str]) -> Mapping[str, str] | str | None:
    """What `--at` says: nothing, one snapshot or time, or a snapshot for each address.

    >>> moment(()), moment(("8812",)), moment(("a.b.c=1", "a.b.d=2"))
    (None, '8812', {'a.b.c': '1', 'a.b.d': '2'})

    Raises:
        UsageError: WFT-CLI-001, with several of them one names no address.
    """
    if not at:
        return None
    if len(at) == 1 and "=" not in at[0]:
        return at[0]
    bare = next((one for one in at if "=" not in one), None)
    if bare is not None:
        fix = "write ADDRESS=SNAPSHOT for each"
        raise UsageError(error("WFT-CLI-001", f"`{bare[:80]}` names a data version and no port", fix=fix))
    return {address: snapshot for address, _, snapshot in (one.partition("=") for one in at)}


def _of_port(at: At, address: Address) -> str | dt.datetime | None:
    """What is said of one port."""
    return at.get(str(address), at.get(address.unpinned)) if isinstance(at, Mapping) else at


def version_of(reader: RegistryReader, address: Address, at: At) -> Publication:
    """What was published of a pinned port at a data version.

    Raises:
        UsageError: WFT-RUN-005 there is no such version, WFT-STO-012 its rows have expired, WFT-CLI-001 no time.
    """
    at = _of_port(at, address)
    if at is None:
        found = reader.publication(address)
    elif isinstance(at, dt.datetime):
        found = reader.publication_at(address, at)
    elif is_time(at):
        found = reader.publication_at(address, parse_time(at))
    else:
        found = reader.publication(address, at)
    if found is None:
        raise UsageError(
            error(
                "WFT-RUN-005",
                f"`{address}` has no data version `{at}`",
                fix=f"`weft history {address}` lists them",
            )
        )
    if found.expired is not None:
        raise UsageError(
            error(
                "WFT-STO-012",
                f"the rows of `{address}` in snapshot {found.snapshot_id} expired on {found.expired.at:%Y-%m-%d}",
                why=found.expired.reason,
                fix=f"`weft history {address}` lists those that can be read",
            )
        )
    return found


def parse_time(text: str) -> dt.datetime:
    """A time of ISO 8601; without zone it is UTC.

    Raises:
        UsageError: WFT-CLI-001, the text is not a time.
    """
    try:
        time = dt.datetime.fromisoformat(text)
        if time.tzinfo is not None:
            time.astimezone(dt.UTC)  # the first and the last day have times that no calendar has in UTC
    except (ValueError, OverflowError) as e:
        raise UsageError(
            error("WFT-CLI-001", f"`{text}` is not a time", fix="write it like 2026-11-21T09:30:00Z")
        ) from e
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def is_time(text: str) -> bool:
    """Whether a text is to be read as a time; a snapshot id has digits alone."""
    return not text.isdigit()


def require_of(at: At, ports: Collection[Address]) -> None:
    """Refuses a data version that is none of the ports which a query reads.

    Raises:
        UsageError: WFT-ACC-004, a bare snapshot could be of several ports, or is said of one that is not read.
    """
    if isinstance(at, str) and not is_time(at) and len(ports) > 1:
        raise UsageError(
            error(
                "WFT-ACC-004",
                "the query reads several ports, so a bare snapshot is ambiguous",
                fix="`--at ADDRESS=SNAPSHOT`, or a time for all of them",
            )
        )
    if isinstance(at, Mapping):
        read = {name for port in ports for name in (str(port), port.unpinned)}
        unread = [address for address in at if address not in read]
        if unread:
            what = f"the query does not read `{unread[0]}`, whose data version is asked for"
            raise UsageError(error("WFT-ACC-004", what, fix=did_you_mean(unread[0], sorted(read))))


def require_now(state: PortState, publication: Publication, at: At) -> None:
    """Refuses to read a table of a database as it was.

    Raises:
        UsageError: WFT-ACC-056.
    """
    asked = _of_port(at, state.address)
    if asked is None or (asked == publication.snapshot_id == state.snapshot_id):
        return
    raise UsageError(
        error(
            "WFT-ACC-056",
            f"`{state.address}` lives in a database, which has its rows as they are now alone",
            why="nothing of it is copied when it is published",
            fix="leave out the data version; a port that a model fills from the table keeps its former versions",
        )
    )
