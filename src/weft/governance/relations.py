"""The relations of the mesh: all that the SQL of a policy can read.

Users' policies rest on these names: a relation or column may be added, none is renamed or taken away.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

SCHEMA = "mesh"
"""A policy may write `mesh.columns` or `columns`."""


class RelationColumn(Struct, frozen=True):
    """One column: its name, its type (`text`, `integer`, `real`, `boolean` as 0 or 1, `time` as ISO 8601 in UTC)."""

    name: str
    type: str
    meaning: str


class Relation(Struct, frozen=True):
    """One relation.

    Attributes:
        meaning: what one row is.
        columns: in their order.
        keys: what it is looked up by, beside its product.
        wide: whether its rows belong to the mesh, not to a domain or product.
        living: whether its rows are what happens: known to scans, and not while an author plans.
    """

    name: str
    meaning: str
    columns: tuple[RelationColumn, ...]
    keys: tuple[str, ...] = ()
    wide: bool = False
    living: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(c.name for c in self.columns)


def _columns(text: str) -> tuple[RelationColumn, ...]:
    found = []
    for line in text.strip().splitlines():
        name, kind, meaning = line.strip().split(maxsplit=2)
        found.append(RelationColumn(name, kind, meaning))
    return tuple(found)


def _relation(
    name: str, meaning: str, columns: str, keys: str = "", *, wide: bool = False, living: bool = False
) -> Relation:
    return Relation(name, meaning, _columns(columns), tuple(keys.split()), wide, living)


_OF_PORT = """
product text the product, `domain.product`
domain text the domain"""
_OF_COLUMN = f"""
column text the column, `domain.product.port@major.column`; nested fields append `.field`
port text its port, `domain.product.port@major`{_OF_PORT}"""

RELATIONS: tuple[Relation, ...] = (
    _relation(
        "domains",
        "a domain",
        """
domain text its name
title text its title
kind text source-aligned, aggregate or consumer-aligned, as declared
description text what it is about
owner_team text the team that owns it
owner_contact text how that team is reached
cost_center text where its costs go
members integer people named in it""",
    ),
    _relation(
        "products",
        "a data product",
        """
product text its address, `domain.product`
domain text its domain
name text its name in the address
title text its title
status text proposed, draft, active, deprecated or retired
version text the version of its descriptor
purpose text what it is for
limitations text what it is not good for
usage text how it is to be used
owner_team text the team of its domain
owner_contact text how that team is reached
support text the first support channel
level integer the highest level of its columns: 0 public, 1 internal, 2 confidential, 3 restricted
file text where its descriptor stands""",
    ),
    _relation(
        "ports",
        "an output port",
        f"""
port text its address, `domain.product.port@major`{_OF_PORT}
name text its name in the address
major integer its major version
type text what kind of port the descriptor says it is
description text what it offers
status text the lower of product and contract
version text the version of its contract
contract_id text the id of its contract
has_contract boolean whether there is a contract with a schema
is_default boolean whether the address without a major means it
level integer the highest level of its columns
rows integer rows that can be read; null where it is not published
published_at time when it was published last; null where it was not
end_of_life time until when it is kept, of a deprecated one
file text where its contract stands
first_published_at time when it was published first; null where that is not known""",
        "port",
    ),
    _relation(
        "contracts",
        "the contract of a port",
        f"""
contract_id text its id
port text the port that it promises{_OF_PORT}
name text its name
version text its version
status text its status
purpose text what the data are for
limitations text what they are not good for
usage text how they are to be used
licence text under which licence they are
terms text further terms of use
legal_basis text on what legal basis personal data are processed (custom property `weft.legalBasis`)
personal_purpose text for what personal data are processed (custom property `weft.processingPurpose`)
retention text how long rows are kept, with its unit
jurisdiction text whose law holds (custom property `weft.jurisdiction`)
support text the first support channel
api_version text the version of ODCS""",
        "port",
    ),
    _relation(
        "columns",
        "a column of a port, or a field inside one",
        f"""{_OF_COLUMN}
name text its own name
path text names from the column down to the field, joined by dots
depth integer 0 for a column, 1 and more for fields
position integer its place among its neighbours, from 0
logical_type text string, date, timestamp, time, number, integer, object, array or boolean
physical_type text the type's name in the system that holds the data
description text what it means
classification text the level as the contract says it; null where it does not
level integer the level that holds: 0 public, 1 internal, 2 confidential, 3 restricted
inherited_level integer the highest level of the columns that it is made from; null where that is not known
required boolean never null
is_unique boolean no two rows share a value
primary_key boolean part of the primary key
key_position integer its place in the primary key
partitioned boolean whether files are parted by it
critical boolean a critical data element
format text the format of a date, time, timestamp or text
pattern text the pattern that its values match
minimum text the least value, or the bound that all values lie above
maximum text the greatest value, or the bound that all values lie below
unit text its unit (custom property `weft.unit`)
term text the standard concept that it is bound to
time_zone text the zone of a timestamp: `UTC` for instants, or the one whose clock it shows; null where not said
last_word text the last word of its name: `price` of `unit_price`""",
        "port column",
    ),
    _relation(
        "rules",
        "a quality rule of a contract",
        f"""
rule text its id or name, or its place
port text its port{_OF_PORT}
column text the column that it is about; null for one of the table
type text library, sql, text or custom
metric text the metric or rule of the library
dimension text completeness, accuracy, …
severity text error, warning or note
description text what it asks""",
        "port column",
    ),
    _relation(
        "slas",
        "a service level of a contract",
        f"""
port text its port{_OF_PORT}
property text freshness, latency, retention, availability, …
value text how much
unit text of what
element text the column that it is about
seconds integer value and unit as seconds, where they are a length of time""",
        "port",
    ),
    _relation(
        "properties",
        "a custom property of a domain, product, contract or column",
        f"""
subject text the domain, product, port or column that has it{_OF_PORT}
name text its name
value text its value; lists and groups as JSON""",
        "subject name",
    ),
    _relation(
        "tags",
        "a tag of a domain, product, contract or column",
        f"""
subject text the domain, product, port or column that has it{_OF_PORT}
tag text the tag
inherited boolean whether it comes from the columns that this one is made from""",
        "subject tag",
    ),
    _relation(
        "owners",
        "a person of a domain or product",
        f"""
subject text the domain or product{_OF_PORT}
person text who
role text owner, steward, developer, …""",
        "subject",
    ),
    _relation(
        "lineage",
        "that a product reads a port",
        f"""{_OF_PORT}
reads_port text the port that it reads
reads_product text the product of that port
reads_domain text the domain of that port""",
        "reads_port reads_product",
    ),
    _relation(
        "column_lineage",
        "that a column is made from another one",
        f"""
target text the column that is made
target_port text its port{_OF_PORT}
source text the column that it is made from
source_port text the port of that
source_product text the product of that
kind text direct (its value flows) or indirect (it decides about rows)
transformation text identity, transformation, aggregation, join, filter, …
masking boolean whether its value cannot be read back from the result
anonymised text how it is made anonymous, so that the level of its source need not hold; null where it is not""",
        "target source source_port source_product target_port",
    ),
    _relation(
        "runs",
        "the last run of a port",
        f"""
run_id text its id
port text the port{_OF_PORT}
state text running, succeeded, failed or interrupted
outcome text published, unchanged, failed, skipped or retired
started_at time when it began
finished_at time when it ended""",
        "port",
        living=True,
    ),
    _relation(
        "check_results",
        "what came of a rule when the port was checked last",
        f"""
check_id text the check
port text its port{_OF_PORT}
column text the column that it is about
rule text what kind of rule
severity text error, warning or note
result text passed, failed, error or not_evaluated
failed_rows integer rows that break it
total_rows integer rows that were checked""",
        "port",
        living=True,
    ),
    _relation(
        "freshness",
        "how fresh a port is that promises to be",
        f"""
port text the port{_OF_PORT}
promised_seconds integer how old its newest rows may be
age_seconds integer how old they are
late boolean whether that is more than is promised""",
        "port",
        living=True,
    ),
    _relation(
        "grants",
        "a grant on a port that holds",
        f"""
grant_id text its id
port text the port{_OF_PORT}
consumer text who may read it
consumer_kind text user, team, service or product
since time since when
ends_at time until when; null for one without end
has_purpose boolean whether it says what for
review_at time when it is to be looked at again""",
        "port consumer",
        living=True,
    ),
    _relation(
        "usage",
        "how much a port was read by one consumer on one day",
        f"""
port text the port{_OF_PORT}
consumer text who has read
day text the day (UTC), 2026-01-31
reads integer how often
rows integer rows that were read""",
        "port",
        living=True,
    ),
    _relation(
        "restrictions",
        "a rule of an access policy that hides columns or rows of a port",
        f"""
port text the port{_OF_PORT}
column text the column that is hidden; null for a rule about rows or the whole port
effect text deny, mask or filter
rule text the rule's id
file text where it stands""",
        "port column",
        living=True,
    ),
    _relation(
        "terms",
        "a standard concept of the glossary",
        """
term text its id
title text its title
definition text what it means
owner text who answers for it
broader text the term above it
logical_type text the type that its columns have
unit text the unit that they have
pattern text the pattern that their values match
level integer the level that they have at least; null where it is not said
status text draft, active or deprecated
domain text the domain that declares it; null for the mesh""",
        "term",
        wide=True,
    ),
    _relation(
        "bindings",
        "that a column means a term",
        f"""{_OF_COLUMN}
term text the term's id
known boolean whether there is such a term""",
        "column term",
    ),
    _relation(
        "concept_findings",
        "where a column is not as its term says",
        f"""{_OF_COLUMN}
term text the term's id
aspect text type, unit, values, pattern, level, tags or status
expected text what the term says
actual text what the contract says""",
        "column",
    ),
    _relation(
        "samples_findings",
        "a sensitive format that was found in samples of a column",
        f"""{_OF_COLUMN}
kind text email, phone, iban, card, …
share real share of the values that have it, 0 to 1
confidence real how sure that is, 0 to 1
tag text the tag that it suggests
level integer the level that it suggests
snapshot_id text the snapshot in which it was found""",
        "column",
    ),
)

BY_NAME: Mapping[str, Relation] = {r.name: r for r in RELATIONS}

SQL_TYPES: Mapping[str, str] = {
    "text": "TEXT",
    "time": "TEXT",
    "integer": "INTEGER",
    "boolean": "INTEGER",
    "real": "REAL",
}
