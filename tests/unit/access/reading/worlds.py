"""Two worlds that differ only in what a reader may not see, and what they answer to one text."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path

import duckdb

from weft.access.decision import Decision
from weft.access.opened import Opened, Readable
from weft.access.principals import Principal, PrincipalKind
from weft.access.query_places import placed
from weft.access.reading.asking import Ceiling, Question, Readers
from weft.access.reading.pool import Pool, Rules
from weft.access.reading.wire import Form, Limits
from weft.access.versions import At
from weft.access.witness import Over
from weft.errors import AccessDenied, WeftError, error
from weft.model.address import Address, parse_address
from weft.model.checks import CheckCounts
from weft.model.publication import Digests, Manifest, Publication

READER = Principal("report.daily", PrincipalKind.PRODUCT)
CUSTOMERS = "shop.crm.customers"
ORDERS = "shop.crm.orders"
SENTINEL = "zz_sentinel"
"""A word of the filter, which no reader may ever see."""

HIDDEN_NAMES = ("secret_code", "tier_hidden")
VISIBLE_ROWS = 500

FILTERS = {
    "equal": "region = 'eu'",
    "function": "lower(trim(region)) = 'eu'",
    "pattern": "regexp_matches(region, '^e.$')",
    "list": "region in ('eu', 'fr', 'de', 'es')",
    "subquery": "region in (select r from (values ('eu')) as allowed(r))",
    "exists": "exists (select 1 from (values ('eu')) as allowed(r) where r = region)",
    "or": "region = 'eu' or (region = 'us' and id > 1000000)",
    "slow": "sha256(region) = sha256('eu')",
    "case": "case when region = 'eu' then true else false end",
}


class World:
    """Files of two ports, and how the reader sees them: `hidden` rows are others', with `letter` in their values."""

    def __init__(self, folder: Path, letter: str, hidden: int, row_filter: str = FILTERS["equal"]) -> None:
        self.folder = folder / f"world{letter}"
        self.folder.mkdir(parents=True)
        self.customers = str(self.folder / "customers.parquet")
        self.orders = str(self.folder / "orders.parquet")
        (self.folder / "secret.txt").write_text(f"RAW{letter} of a file\n")
        total = VISIBLE_ROWS + hidden
        # rows of others stand between those of the reader, as many as there are of them
        every = max(total // VISIBLE_ROWS, 1)
        mine = f"(i % {every} = 0 and i // {every} < {VISIBLE_ROWS})"
        with duckdb.connect() as made:
            made.execute(f"""
                copy (
                    select
                        case when {mine} then i // {every} else -i - {ord(letter)} end::INTEGER as id,
                        case when {mine} then 'name ' || (i // {every}) else 'RAW{letter}' || i end as name,
                        case when {mine} then 'x' || (i // {every}) || '@example.org' else 'RAW{letter}@x' end as email,
                        'RAW{letter}' || i as iban,
                        make_date(1950 + (i // {every}) % 50, 1 + {ord(letter)} % 12, 1 + i % 28) as birth,
                        case when {mine} then 'eu' else 'us' end as region,
                        case when {mine} then (i // {every}) * 0.5 else 'infinity'::DOUBLE end as score,
                        case when {mine} then (i // {every})::VARCHAR else 'RAW{letter} no number' end as note,
                        case when {mine} then 1 + (i // {every}) % 7 else 0 end::INTEGER as divisor,
                        case when {mine} then 1 else 2147483647 end::INTEGER as big,
                        'RAW{letter}' || (i * 7) as secret_code,
                        'gold' as tier_hidden
                    from range({total}) t(i)
                ) to '{self.customers}' (row_group_size 2048)""")
            made.execute(f"""
                copy (
                    select i::INTEGER as number,
                        case when i % 3 = 0 then (i // 3) % {VISIBLE_ROWS} else -i end::INTEGER as customer,
                        case when i % 3 = 0 then (i // 3) * 1.25 else 99999999 end::DECIMAL(12, 2) as amount,
                        case when i % 3 = 0 then 'mine' else 'RAW{letter}' end as owner
                    from range({3 * VISIBLE_ROWS}) t(i)
                ) to '{self.orders}'""")
        self.items = {
            CUSTOMERS: (
                "(SELECT id, name, sha256(concat('salt of the grant', email)) AS email, CAST(NULL AS VARCHAR) AS iban,"
                " date_trunc('year', birth)::DATE AS birth, score, note, divisor, big"
                f" FROM read_parquet(['{self.customers}'])"
                f" WHERE ({row_filter}) AND tier_hidden <> '{SENTINEL}')"
            ),
            ORDERS: (
                f"(SELECT number // 3 AS number, customer, amount FROM read_parquet(['{self.orders}'])"
                f" WHERE owner = 'mine' AND '{SENTINEL}' <> owner)"
            ),
        }

    # the two questions that readers ask a door

    def opened(self, principal: Principal, names: Sequence[str], at: At = None, purpose: str | None = None) -> Opened:
        """The relations of the ports that are named."""
        ports: dict[Address, Readable] = {}
        relations = {}
        for name in dict.fromkeys(names):
            domain, product, port = name.split(".")
            address = parse_address(f"{domain}.{product}.{port.partition('@')[0]}@1")
            ports[address] = self.open(principal, address)
            relations[domain, product, port] = ports[address].relation
        return Opened(ports, relations, [], [])

    def open(self, principal: Principal, address: Address, at: At = None) -> Readable:
        """One port."""
        item = self.items.get(address.unpinned)
        if item is None:
            raise AccessDenied(error("WFT-ACC-002", f"`{principal.name}` may not read `{address}`"))
        file = self.customers if address.unpinned == CUSTOMERS else self.orders
        moment = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
        published = Publication(
            address, "7", "run", "1.0.0", "active", {}, Digests("", "", ""), Manifest((), ()), CheckCounts(0, 0, 0),
            moment, "ann",
        )  # fmt: skip
        return Readable(published, item, (file,), Decision(True, (), "the test says so"))

    def witnessed(self, principal: Principal, opened: Opened, sql: str) -> Over:
        """Nobody writes down what a test reads."""
        return lambda how, rows, size_bytes: None

    def still(self, principal: Principal, opened: Opened) -> bool:
        """Whether the ports are seen as before."""
        return all(
            address.unpinned in self.items and self.items[address.unpinned] == one.relation
            for address, one in opened.ports.items()
        )

    def state(self) -> str:
        """A digest of every file that there is."""
        told = hashlib.sha256()
        for path in sorted(self.folder.parent.rglob("*")):
            if path.is_file():
                told.update(f"{path.name} {path.stat().st_mtime_ns}".encode() + path.read_bytes())
        return told.hexdigest()


def answer(readers: Readers, world: World, sql: str, form: Form = Form.NDJSON, limit: int | None = None) -> str:
    """What a reader gets: the bytes, or the whole of the error."""
    try:
        streamed = readers.ask(world, READER, Question(sql, form, limit), placed)  # type: ignore[arg-type]
        return b"".join(streamed).decode()
    except WeftError as e:
        return f"{type(e).__name__} {[d.as_json() for d in e.diagnostics]}"


def shown_sentinels(text: str, world: World) -> list[str]:
    """Words in an answer that no reader may see."""
    words = (
        SENTINEL,
        *HIDDEN_NAMES,
        "RAW",
        str(world.folder),
        world.folder.name,
        ".parquet",
        "read_parquet",
        "salt of",
    )
    return [word for word in words if word in text]


class Unguarded(World):
    """A world whose reader sees all: what the attacks find there they would have found behind a leak."""

    def __init__(self, world: World) -> None:
        self.folder, self.customers, self.orders = world.folder, world.customers, world.orders
        named = "id, name, email, iban, birth, score, note, divisor, big"
        self.items = {
            "shop.crm.customers": f"(SELECT {named} FROM read_parquet(['{world.customers}']))",
            "shop.crm.orders": f"(SELECT number, customer, amount FROM read_parquet(['{world.orders}']))",
        }


def readers_in(folder: Path, seconds: float = 60, size_bytes: int | None = 10**7) -> Readers:
    """Small readers, one of which answers at a time: what one query leaves behind is met by the next."""
    folder.mkdir(parents=True, exist_ok=True)
    return Readers(Pool(Limits(600 * 10**6, str(folder), 10**8, 1), Rules(fast=1)), Ceiling(None, size_bytes, seconds))


def bounded(kind: str, text: str) -> str:
    """An answer; which of its bounds ended a query that goes beyond all of them, or is too deep, is chance."""
    if kind == "exhaustion":
        return "it was too much" if any(code in text for code in ("WFT-ENG-002", "WFT-ENG-003")) else text
    if kind == "sizes and depths":
        return "it was too deep" if "WFT-ACC-042" in text or "too deeply" in text else text
    return text
