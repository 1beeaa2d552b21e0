"""The mesh as its files declare it: domains, products, ports, models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any

from msgspec import Struct

from weft.errors import Diagnostic, Where
from weft.model.address import Address, ProductAddress
from weft.model.document import Document
from weft.model.materialization import Keeping, keeping
from weft.model.odcs import Contract
from weft.model.odps import Descriptor
from weft.model.python_code import PythonCode
from weft.model.remote import Remote


class Status(StrEnum):
    """The lifecycle. The lower of product and contract holds."""

    PROPOSED = "proposed"
    DRAFT = "draft"
    ACTIVE = "active"
    DEPRECATED = "deprecated"
    RETIRED = "retired"


BUILT = frozenset({Status.DRAFT, Status.ACTIVE, Status.DEPRECATED})
"""Statuses in which a port is built and read."""


class Member(Struct, frozen=True):
    """A person of a domain and what they are there: owner, steward, developer …"""

    user: str
    roles: tuple[str, ...]


class Domain(Struct, frozen=True):
    """A domain as its `domain.yaml` declares it.

    Attributes:
        access: its access policies.
        policies: its governance policies.
        glossary: its terms.
    """

    name: str
    title: str
    kind: str
    description: str | None
    owner_team: str
    owner_contact: str | None
    members: tuple[Member, ...]
    cost_center: str | None
    tags: tuple[str, ...]
    document: Document
    access: tuple[Document, ...] = ()
    policies: tuple[Document, ...] = ()
    glossary: Document | None = None


class Source(Struct, frozen=True):
    """A source that a file names: where it lies and how it is written.

    Attributes:
        file: path or glob relative to the mesh's root, or `package:NAME/path`.
        format: csv, json, ndjson or parquet; None: by the file's ending.
        contract: types of its columns; without it every column of a CSV file is text.
        remote: the connection behind which it lies; `file` is then a URL, or empty for a table or a query.
        live: whether an output port lives there: its rows are never landed.
    """

    file: str
    format: str | None = None
    nulls: tuple[str, ...] = ()
    delimiter: str | None = None
    header: bool = True
    encoding: str | None = None
    contract: Contract | None = None
    remote: Remote | None = None
    live: bool = False


class InputPort(Struct, frozen=True):
    """What a product reads: another product's output port (always with its major) or a source."""

    name: str
    version: str
    contract_id: str | None
    binding: Address | Source
    where: Where


class Reference(Struct, frozen=True):
    """A table that a model's SQL names, and where in the model's file."""

    name: str
    where: Where


class Model(Struct, frozen=True):
    """A model: the text of one SELECT, or of a Python file, and what is known of it from the text alone.

    Attributes:
        name: `flights`, or `flights@1` for an older major.
        sql: the SELECT, without the settings comment; of a Python model the whole file.
        first_line: the line of the file on which `sql` begins, from 1.
        references: input ports and models that it names, each once, in order of appearance.
        digest: hash of the parsed SQL: the same when only comments or layout differ.
        volatile: functions like now() whose result depends on when it runs.
        python: what a Python file says; None for SQL.
    """

    name: str
    file: str
    sql: str
    first_line: int
    settings: Mapping[str, Any]
    references: tuple[Reference, ...]
    digest: str
    file_digest: str
    volatile: tuple[Reference, ...] = ()
    python: PythonCode | None = None

    @property
    def language(self) -> str:
        """What it is written in: sql or python."""
        return "sql" if self.python is None else "python"

    @property
    def kept(self) -> Keeping:
        """How its rows are kept."""
        return keeping(self.settings)

    def where(self, offset: int | None = None) -> Where:
        """The place in the model's file of a character of `sql` (offset from 0)."""
        if offset is None:
            return Where(self.file, self.first_line)
        before = self.sql[:offset]
        return Where(self.file, self.first_line + before.count("\n"), offset - (before.rfind("\n") + 1) + 1)


class OutputPort(Struct, frozen=True):
    """What a product offers: a contract and the model that fills it.

    Attributes:
        model: of a port that lives in a database what would fill it: the promised columns of the table.
        live: the table in which it lives; None where its model makes its rows.
    """

    address: Address
    contract: Contract
    model: Model
    description: str | None
    type: str | None
    status: Status
    default: bool
    where: Where
    live: Remote | None = None

    @property
    def name(self) -> str:
        """The port's slug."""
        return self.address.port


class Product(Struct, frozen=True, dict=True):
    """A data product: its descriptor, ports and models.

    Attributes:
        policies: its governance policies.
    """

    address: ProductAddress
    title: str
    status: Status
    descriptor: Descriptor
    inputs: tuple[InputPort, ...]
    outputs: tuple[OutputPort, ...]
    models: tuple[Model, ...]
    policies: tuple[Document, ...] = ()

    def input(self, name: str) -> InputPort | None:
        """The input port of a name."""
        return next((i for i in self.inputs if i.name == name), None)

    def model(self, name: str) -> Model | None:
        """The model of a name."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, Model]:
        return {m.name: m for m in reversed(self.models)}

    def needs(self, model: Model) -> tuple[Model, ...]:
        """The models that `model` reads, directly and through others, and itself; each after what it reads."""
        known = self._needed.get(model.name)
        if known is not None and known[-1] is model:
            return known
        ordered: dict[str, Model] = {}
        begun: set[str] = set()

        def visit(one: Model) -> None:
            if one.name in begun:
                return  # done, or a circle, which loading has named
            begun.add(one.name)
            for reference in one.references:
                inner = self.model(reference.name)
                if inner is not None and inner is not one:
                    visit(inner)
            ordered[one.name] = one

        visit(model)
        self._needed[model.name] = found = tuple(ordered.values())
        return found

    @cached_property
    def _needed(self) -> dict[str, tuple[Model, ...]]:
        return {}


class Mesh(Struct, frozen=True):
    """All that the files of a repository declare, with what is wrong with them.

    `files` holds the digest of every file that was read, by path relative to the root: what a plan requires.
    `access` is the access policy of the mesh, `glossary` its terms; None where it has none. `policies` are its
    governance policies.
    """

    name: str
    root: str
    domains: Mapping[str, Domain]
    products: Mapping[ProductAddress, Product]
    diagnostics: tuple[Diagnostic, ...]
    files: Mapping[str, str]
    access: Document | None = None
    policies: tuple[Document, ...] = ()
    glossary: Document | None = None

    def ports(self) -> Iterator[OutputPort]:
        """Every output port of every product."""
        for product in self.products.values():
            yield from product.outputs

    def port(self, address: Address) -> OutputPort | None:
        """The output port at a pinned address; without major the default one."""
        product = self.products.get(address.of_product)
        if product is None:
            return None
        return next(
            (
                p
                for p in product.outputs
                if p.address == address or (address.major is None and p.default and p.name == address.port)
            ),
            None,
        )
