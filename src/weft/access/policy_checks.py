"""Whether access policies can mean what they say: each filter against the columns of each port that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from weft.access.masks import KINDS
from weft.access.policies import Rule
from weft.access.policy_files import policies_of
from weft.access.row_filters import Unusable, query
from weft.engines.base import Session
from weft.errors import Diagnostic, UserCodeError, Where, error, has_errors, warning
from weft.model.address import Address
from weft.model.column import Column
from weft.model.mesh import Mesh
from weft.model.type_text import parse_type
from weft.sql.allowlist import walk

TABLE = "port"


def policy_problems(
    mesh: Mesh, columns: Mapping[Address, Sequence[Column]], session: Session, *, shared: bool
) -> list[Diagnostic]:
    """Everything that is wrong with the access policies of a mesh.

    Args:
        columns: of every port that is known.
        session: parses filters and binds them.
        shared: whether there are ports that are not known here.
    """
    policies = policies_of(mesh.access, {d.name: d.access for d in mesh.domains.values() if d.access})
    found = list(policies.problems)
    if has_errors(found):
        return found
    for rule in policies.rules:
        ports = {address: columns[address] for address in columns if rule.about(address)}
        if rule.effect == "filter":
            found += _filter(rule, ports, session)
        if not ports and not shared:
            found.append(_idle(rule, f"rule `{rule.rule_id}` is about no port that there is"))
        elif ports:
            found += _columns(rule, ports)
    return list(dict.fromkeys(found))


def _filter(rule: Rule, ports: Mapping[Address, Sequence[Column]], session: Session) -> Iterator[Diagnostic]:
    where = Where(rule.file, rule.line)
    try:
        sql = query(rule.condition or "", TABLE)
    except Unusable:
        return  # told before
    walked = walk(sql, session.parse(sql), qualified=False)
    refused = [p for p in walked.problems if p.severity.value == "error"]
    for problem in refused:
        yield error("WFT-ACC-032", f"rule `{rule.rule_id}`: {problem.what}", where, why=problem.why, fix=problem.fix)
    if refused or [name for name, _ in walked.references] != [TABLE]:
        return
    for address, columns in ports.items():
        try:
            session.empty_table(TABLE, columns)
            session.columns(sql)
        except UserCodeError as e:
            yield error(
                "WFT-ACC-032",
                f"rule `{rule.rule_id}` cannot filter `{address}`: {e.diagnostics[0].what}",
                where,
                why="nobody but its owner could read the port",
                fix="name ports that have what the filter asks for",
            )


def _columns(rule: Rule, ports: Mapping[Address, Sequence[Column]]) -> Iterator[Diagnostic]:
    """Columns that a rule names and no port has, and masks that none of them can take."""
    of_top = [pattern for pattern in rule.columns if "." not in pattern]
    for pattern in of_top:
        meant = [c for columns in ports.values() for c in columns if fnmatchcase(c.name.casefold(), pattern.casefold())]
        if not meant:
            yield _idle(rule, f"rule `{rule.rule_id}`: no port that it is about has a column `{pattern}`")
            continue
        kinds = {str(kind.name) if (kind := parse_type(c.type)) is not None else "" for c in meant}
        mask = rule.mask
        nested = {"STRUCT", "LIST", "ARRAY", "MAP"}
        if mask is not None and mask.kind != "null" and not kinds & (KINDS[mask.kind].types | nested):
            what = f"rule `{rule.rule_id}`: `{mask.kind}` is no mask for {', '.join(sorted(kinds))}"
            yield warning(
                "WFT-ACC-033",
                what,
                Where(rule.file, rule.line),
                why="the columns are then shown empty",
                fix=f"`{mask.kind}` is for {', '.join(sorted(KINDS[mask.kind].types))}",
            )


def _idle(rule: Rule, what: str) -> Diagnostic:
    return warning("WFT-ACC-033", what, Where(rule.file, rule.line), why="it hides nothing", fix="correct the name")
