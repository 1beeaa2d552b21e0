"""A model, or a part of it, on a sample: before anything is declared or published."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from weft.access.opened import Readable
from weft.access.principals import product_principal
from weft.access.result import Result, ResultColumn
from weft.connectors.files import FileConnector
from weft.engines.base import Session
from weft.errors import AccessDenied, ProjectError, Severity, UsageError, UserCodeError, did_you_mean, error
from weft.model.address import Address, ProductAddress
from weft.model.lifecycle import open_to
from weft.model.mesh import Mesh, Model, Product
from weft.model.publication import PortState
from weft.plan.binding import placed
from weft.runs.context import Context
from weft.runs.given_tables import first_build
from weft.runs.inputs import source_files
from weft.runs.python_models import columns_before_binding, select_of
from weft.sql.cte import select_cte
from weft.sql.quoting import dotted, ident

SAMPLE_ROWS = 50_000
"""Rows of each source and port that a preview reads at most."""


def preview(
    name: str,
    limit: int,
    mesh: Mesh,
    ports: Mapping[Address, PortState],
    connector: FileConnector,
    context: Context,
) -> Result:
    """The first rows of `domain.product.model` or `domain.product.model.cte` over a sample of its inputs.

    Raises:
        UsageError: WFT-PLN-001, there is no such model.
        AccessDenied: WFT-ACC-002, it would read a draft of another domain.
        UserCodeError: the model's SQL failed.
    """
    product, model, cte = _find(name, mesh)
    opened: dict[str, Readable] = {}
    with tempfile.TemporaryDirectory(prefix="weft-preview-") as folder, context.engine.session() as session:
        prepared = Preparation(session, mesh, ports, connector, context, opened, Path(folder))
        prepared.models(product, model, into="preview")
        sql = prepared.select(product, model) if cte is None else select_cte(model.sql, cte)
        try:
            columns = session.columns(sql)
            table, truncated = session.arrow(sql, limit)
        except UserCodeError as e:
            raise e if model.python else UserCodeError(*(placed(d, model) for d in e.diagnostics)) from e
    return Result(
        tuple(ResultColumn(c.name, c.type) for c in columns),
        table,
        truncated,
        {address: one.publication.snapshot_id for address, one in opened.items()},
        context.engine.texts,
        (f"computed from at most {SAMPLE_ROWS:,} rows of each input",),
    )


class Preparation:
    """Gives a session what a model reads, as views over samples; an upstream that is not published is computed too."""

    def __init__(
        self,
        session: Session,
        mesh: Mesh,
        ports: Mapping[Address, PortState],
        connector: FileConnector,
        context: Context,
        opened: dict[str, Readable],
        folder: Path,
        *,
        sample_rows: int | None = SAMPLE_ROWS,
    ) -> None:
        """Prepares samples of `sample_rows` rows of each input, or all of them.

        Args:
            folder: for the rows of Python models, as long as the session is used.
        """
        self._folder = folder
        self._session = session
        self._mesh = mesh
        self._ports = ports
        self._connector = connector
        self._context = context
        self._opened = opened
        self._sample_rows = sample_rows
        self._sample = f" LIMIT {sample_rows}" if sample_rows is not None else ""

    def models(self, product: Product, model: Model, *, into: str) -> None:
        """Makes everything that the model reads in a namespace, and works in it."""
        needed = product.needs(model)
        files = {m.file for m in needed}
        refused = [
            d for d in self._mesh.diagnostics if d.severity is Severity.ERROR and d.where and d.where.file in files
        ]
        if refused:
            raise ProjectError(*refused)  # SQL that was refused is not run
        names = {r.name for m in needed for r in m.references}
        relations = {e.name: self._input(product, e.name) for e in product.inputs if e.name in names}
        self._session.namespace(into)
        for name, sql in relations.items():
            self._session.view(name, sql)
        for inner in needed[:-1]:
            try:
                sql = self.select(product, inner)
                if inner.kept.whole:
                    self._session.view(inner.name, sql)
            except UserCodeError as e:
                raise e if inner.python else UserCodeError(*(placed(d, inner) for d in e.diagnostics)) from e

    def select(self, product: Product, model: Model) -> str:
        """The SELECT of a model's table over what was made for it: as if a kept one were built for the first time."""
        sql = select_of(self._session, model, columns_before_binding(product, model), self._context, self._folder)
        return self.kept(model, sql)

    def kept(self, model: Model, sql: str) -> str:
        """The SELECT of the table that a model's rows make; they themselves where all are computed at every build."""
        if model.kept.whole:
            return sql
        try:
            first_build(self._session, model, sql, self._context.now(), self._folder)
        except UserCodeError as e:
            # its place is one in the SELECT that weft puts around the model's
            raise UserCodeError(*(d if model.python else replace(d, where=None) for d in e.diagnostics)) from e
        return f"SELECT * FROM {ident(model.name)}"

    def _input(self, product: Product, name: str) -> str:
        entry = product.input(name)
        assert entry is not None, "references are input ports or models"
        binding = entry.binding
        if not isinstance(binding, Address):
            landed = binding.remote is not None
            bound = self._context.source(product.address, name) if landed else self._connector.bind(binding)
            self._session.reads(source_files(bound.files, name, product.address))
            return f"SELECT * FROM {bound.relation()}{self._sample}"
        state = self._ports.get(binding)
        if state is not None and not state.retired:
            one = self._context.door.open(product_principal(product.address), binding, reads=[binding])
            if one.live is not None:
                principal = product_principal(product.address)
                one = self._context.door.fetching.brought(principal, one, self._folder, self._sample_rows)
            self._opened[str(binding)] = one
            return f"SELECT * FROM {one.relation}{self._sample}"
        declared = self._mesh.port(binding)
        upstream = self._mesh.products.get(binding.of_product)
        if declared is None or upstream is None:
            raise UsageError(error("WFT-PLN-010", f"`{binding}` is neither published nor declared here", entry.where))
        if not open_to(declared.status, binding, product.address.domain):
            what = f"`{product.address}` may not read `{binding}`, which is a draft"
            why = f"a draft is for its own domain, {binding.domain}"
            raise AccessDenied(error("WFT-ACC-002", what, entry.where, why=why))
        space = f"preview {upstream.address}"
        self.models(upstream, declared.model, into=space)
        table = f"upstream {binding}"
        self._session.table(table, f"SELECT * FROM ({self.select(upstream, declared.model)}\n){self._sample}")
        return f"SELECT * FROM {dotted((space, table))}"


def _find(name: str, mesh: Mesh) -> tuple[Product, Model, str | None]:
    parts = name.split(".")
    product = mesh.products.get(ProductAddress(parts[0], parts[1])) if len(parts) in (3, 4) else None
    model = product.model(parts[2]) if product else None
    if model is not None and model.python is not None and len(parts) == 4:
        what = f"`{'.'.join(parts[:3])}` is a Python model, which has no CTE"
        raise UsageError(error("WFT-PLN-001", what, model.where(), fix=f"`weft preview {'.'.join(parts[:3])}`"))
    if product is None or model is None:
        known = [f"{p.address}.{m.name}" for p in mesh.products.values() for m in p.models]
        raise UsageError(
            error(
                "WFT-PLN-001",
                f"there is no model `{name}`",
                why="a model is named domain.product.model, a CTE of it domain.product.model.cte",
                fix=did_you_mean(".".join(parts[:3]), known),
            )
        )
    return product, model, parts[3] if len(parts) == 4 else None
