"""Domains that were requisitioned: who has asked, and what the domain was given."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from weft.model.records import DomainRecord
from weft.registry import codec, publishing
from weft.registry.database import Database
from weft.registry.sql_tables import SqlTables


class Requisition(Struct, frozen=True):
    """What a domain was given.

    Attributes:
        prefix: the folder of the warehouse that holds its tables, and those of nobody else.
        namespace: of the catalog.
        most_bytes: how much it may keep.
        most_products: how many products it may have.
    """

    domain: str
    caller: str
    at: datetime
    prefix: str
    namespace: str
    most_bytes: int
    most_products: int


class RequisitionStore:
    """Domains by their names; each change has its event."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, domain: DomainRecord, given: Requisition) -> bool:
        """Registers a domain with what it is given; whether its name was free."""
        with self._database.writing() as statements:
            if statements.row("SELECT 1 FROM domains WHERE name = ?", (domain.name,)) is not None:
                return False
            row = (given.domain, given.caller, codec.time_text(given.at), given.prefix, given.namespace)
            statements.run(
                "INSERT INTO requisitions VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, given.most_bytes, given.most_products)
            )
            tables = SqlTables(statements)
            tables.put_domain(domain)
            body = {
                "team": domain.owner_team,
                "prefix": given.prefix,
                "most_bytes": given.most_bytes,
                "most_products": given.most_products,
            }
            publishing.append(tables, given.at, "domain.requisitioned", given.caller, domain.name, body)
        return True

    def change(self, domain: DomainRecord, *, actor: str, at: datetime) -> None:
        """Keeps what a domain's file says now."""
        with self._database.writing() as statements:
            tables = SqlTables(statements)
            tables.put_domain(domain)
            publishing.append(tables, at, "domain.changed", actor, domain.name, {"team": domain.owner_team})

    def bound(self, given: Requisition, *, actor: str, at: datetime) -> bool:
        """Gives a domain these bounds from now on; whether there is such a domain.

        One that was there before it could be requisitioned has its first bounds by this.
        """
        with self._database.writing() as statements:
            if statements.row("SELECT 1 FROM domains WHERE name = ?", (given.domain,)) is None:
                return False
            sql = "SELECT most_bytes, most_products FROM requisitions WHERE domain = ?"
            before = statements.row(sql, (given.domain,))
            if before is None:
                row = (given.domain, given.caller, codec.time_text(given.at), given.prefix, given.namespace)
                statements.run(
                    "INSERT INTO requisitions VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*row, given.most_bytes, given.most_products),
                )
            else:
                statements.run(
                    "UPDATE requisitions SET most_bytes = ?, most_products = ? WHERE domain = ?",
                    (given.most_bytes, given.most_products, given.domain),
                )
            body = {
                "most_bytes": given.most_bytes,
                "most_products": given.most_products,
                "before": list(before) if before is not None else None,
            }
            publishing.append(SqlTables(statements), at, "domain.bounded", actor, given.domain, body)
        return True

    def of(self, domain: str) -> Requisition | None:
        """What a domain was given; None of one that was there before, which has no bounds."""
        sql = "SELECT domain, caller, at, prefix, namespace, most_bytes, most_products FROM requisitions"
        with self._database.reading() as statements:
            row = statements.row(f"{sql} WHERE domain = ?", (domain,))
        if row is None:
            return None
        return Requisition(row[0], row[1], datetime.fromisoformat(row[2]), *row[3:])

    def products(self, domain: str) -> int:
        """How many products a domain has."""
        with self._database.reading() as statements:
            row = statements.row(
                "SELECT count(*) FROM products WHERE address > ? AND address < ?", (f"{domain}.", f"{domain}/")
            )
        assert row is not None, "an aggregate has a row"
        return int(row[0])
