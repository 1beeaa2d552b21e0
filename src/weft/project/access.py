"""Files of access policies: the mesh's own, and those in the folders of domains."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from weft.errors import Diagnostic, Severity, Where, error
from weft.model.document import Document, Pointer, custom_properties, entries
from weft.project import documents
from weft.project.cache import Cache
from weft.project.regular import content_of

MESH_FILE = "governance/access.yaml"
FOLDER = "policies"
KIND = "access"
_KIND = re.compile(rb"^kind:[ \t]*[\"']?access[\"']?[ \t]*(#.*)?$", re.MULTILINE)

Read = Callable[[Path], documents.Read]
"""Reads a file of an access policy."""


def read_mesh_file(root: Path, read: Read, problems: list[Diagnostic]) -> Document | None:
    """The access policy of the mesh; None where there is none, or none that can be understood."""
    path = root / MESH_FILE
    if not path.is_file():
        return None
    found = read(path)
    problems += strict(found.problems)
    return found.document


def read_folder(folder: Path, read: Read, problems: list[Diagnostic]) -> tuple[Document, ...]:
    """The access policies in the folder of a domain; other kinds of policies lie beside them."""
    found = []
    for path in sorted((*folder.glob(f"{FOLDER}/*.yaml"), *folder.glob(f"{FOLDER}/*.yml"))):
        if is_access_file(path, problems):
            one = read(path)
            problems += strict(one.problems)
            if one.document is not None:
                found.append(one.document)
    return tuple(found)


def is_access_file(path: Path, problems: list[Diagnostic] | None = None) -> bool | None:
    """Whether a file in a folder of policies is one of access; None where nobody can read it, which is a problem."""
    try:
        return _KIND.search(content_of(path)) is not None
    except OSError as e:
        if problems is not None:
            problems.append(error("WFT-PRJ-001", f"`{path.name}` cannot be read: {e.strerror}", Where(str(path))))
        return None


def strict(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The problems of a policy, each as an error: an unknown field would be a condition that nobody looks at."""
    return [Diagnostic(p.code, Severity.ERROR, p.what, p.where, p.why, p.fix) for p in problems]


def cached(root: Path, cache: Cache) -> Read:
    """Reads files by the cache."""
    return lambda path: documents.read(path, root, KIND, cache)


def fresh(root: Path) -> Read:
    """Reads files as they are, for a process in which many threads read."""
    return lambda path: documents.parse(content_of(path), documents.below(path, root), KIND)


CARRIED = "weft.accessPolicies"
"""The custom property of a registered domain that carries its access policies."""


def with_policies(document: Mapping[str, Any], policies: Sequence[Document]) -> dict[str, Any]:
    """A `domain.yaml` with the domain's access policies, so that whoever decides about reading has them."""
    carried = [
        {
            "file": policy.file,
            "document": dict(policy.data),
            "lines": {str(p[1]): line for p, (line, _) in policy.marks.items() if len(p) == 2 and p[0] == "rules"},
        }
        for policy in policies
    ]
    entry = {"property": CARRIED, "value": carried}
    others = [p for _, p in entries(document, "customProperties") if p.get("property") != CARRIED]
    return {**document, "customProperties": [*others, entry]}


def carried_policies(document: Mapping[str, Any]) -> tuple[Document, ...]:
    """The access policies that a registered domain carries."""
    value = custom_properties(document).get(CARRIED)
    found = []
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("document"), Mapping):
            lines = entry.get("lines")
            marks: dict[Pointer, tuple[int, int]] = {
                ("rules", int(n)): (int(line), 1)
                for n, line in (lines.items() if isinstance(lines, Mapping) else ())
                if str(n).isdigit() and isinstance(line, int)
            }
            found.append(Document(str(entry.get("file") or "policies"), entry["document"], marks))
    return tuple(found)
