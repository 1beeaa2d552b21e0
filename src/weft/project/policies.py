"""Files of governance policies: the mesh's own, those of domains, and those of products."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from weft.errors import Diagnostic, error, has_errors
from weft.model.document import Carried, Document, custom_properties, entries, stand_in
from weft.project import documents
from weft.project.access import FOLDER, is_access_file, strict
from weft.project.cache import Cache
from weft.project.regular import content_of

MESH_FOLDER = "governance/policies"
KIND = "policy"
CARRIED = "weft.policies"
"""The custom property of a registered domain or product that carries its policies."""

_PART = "check"
_ID = re.compile(r"""^id:\s*["']?([a-z0-9][a-z0-9-]*)["']?\s*(?:#.*)?$""", re.MULTILINE)
_NO_ID = re.compile(r"[^a-z0-9]+")

Read = Callable[[Path], documents.Read]
"""Reads a file of a policy."""


def read_policies(folder: Path, read: Read, problems: list[Diagnostic]) -> tuple[Document, ...]:
    """The policies in a folder, by the names of their files; access policies beside them are left out.

    For a file that cannot be read a document stands that says why, so that its policy is not taken for withdrawn.
    """
    found = []
    for path in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))):
        wrong: list[Diagnostic] = []
        access = is_access_file(path, wrong)
        if access:
            continue
        one = documents.Read(None, tuple(wrong)) if access is None else read(path)
        told = strict(one.problems)
        problems += told
        found.append(one.document if one.document is not None else _stand_in(path, told))
    return tuple(found)


def _stand_in(path: Path, told: Sequence[Diagnostic]) -> Document:
    """A document in place of a file of which nothing can be made; its id is what a line of it says, or its name."""
    try:
        content = content_of(path)
    except OSError:
        content = b""
    where = next((d.where for d in told if d.where is not None), None)
    said = _ID.search(content.decode("utf-8", "replace"))
    id_ = said[1] if said else _NO_ID.sub("-", path.stem.lower()).strip("-") or "nameless"
    file = where.file if where is not None else path.name
    line = f":{where.line}" if where is not None and where.line else ""
    why = f"{file}{line}: {told[0].what}" if told else f"{file} cannot be read"
    return stand_in(file, id_[:80], why, hashlib.sha256(content).hexdigest())


def cached(root: Path, cache: Cache) -> Read:
    """Reads files by the cache."""
    return lambda path: documents.read(path, root, KIND, cache)


def fresh(root: Path) -> Read:
    """Reads files as they are, for a process in which many threads read."""
    return lambda path: documents.parse(
        content_of(path), documents.below(path, root) if path.is_relative_to(root) else path.as_posix(), KIND
    )


def of_the_mesh(root: Path, read: Read, problems: list[Diagnostic]) -> tuple[Document, ...]:
    """The policies of the platform."""
    return read_policies(root / MESH_FOLDER, read, problems)


def inside(folder: Path, read: Read, problems: list[Diagnostic]) -> tuple[Document, ...]:
    """The policies in the folder of a domain or product."""
    return read_policies(folder / FOLDER, read, problems)


class PolicyFolder:
    """The policies in a folder, read again as soon as a file of theirs has changed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: tuple[tuple[str, int, int], ...] | None = None
        self._documents: tuple[Document, ...] = ()
        self._problems: tuple[Diagnostic, ...] = ()

    def documents(self) -> tuple[Document, ...]:
        """The documents of the platform's policies; what is wrong in them, `weft check` tells."""
        seen = documents.seen((self._root / MESH_FOLDER).glob("*.y*ml"))
        if seen != self._seen:
            problems: list[Diagnostic] = []
            self._documents = of_the_mesh(self._root, fresh(self._root), problems)
            self._problems = tuple(problems)
            self._seen = seen
        return self._documents

    def problems(self) -> tuple[Diagnostic, ...]:
        """What is wrong in them: of a file that cannot be read nobody knows whether its policy has ended."""
        self.documents()
        return self._problems


def with_policies(document: Mapping[str, Any], policies: Iterable[Document]) -> dict[str, Any]:
    """A registered document of a domain or product that carries its policies, for whoever judges it on a server."""
    carried = [msgspec.to_builtins(packed(policy)) for policy in policies]
    others = [p for _, p in entries(document, "customProperties") if p.get("property") != CARRIED]
    return {**document, "customProperties": [*others, {"property": CARRIED, "value": carried}]}


def carried_policies(document: Mapping[str, Any]) -> tuple[Document, ...]:
    """The policies that a registered document carries."""
    value = custom_properties(document).get(CARRIED)
    found = []
    for entry in value if isinstance(value, list) else ():
        with contextlib.suppress(msgspec.ValidationError):  # whoever takes a registered document has refused such
            found.append(msgspec.convert(entry, Carried).unpacked(_PART))
    return tuple(found)


def wrong_in(document: Mapping[str, Any]) -> list[Diagnostic]:
    """What violates the schema in the policies that a document carries: they come from where nobody has looked."""
    from weft.project.validation import violations  # what builds nothing brings no validator

    value = custom_properties(document).get(CARRIED)
    carried = carried_policies(document)
    found = [] if isinstance(value, list) or value is None else [_unreadable()]
    if isinstance(value, list) and len(carried) != len(value):
        found.append(_unreadable())
    return found + [d for policy in carried for d in violations(policy, KIND) if has_errors([d])]


def _unreadable() -> Diagnostic:
    what = f"`{CARRIED}` carries what is no policy"
    return error("WFT-GOV-070", what, fix="leave it to weft, which puts the files of `policies/` there")


def packed(policy: Document) -> Carried:
    """A policy on its way to where its file is not."""
    return Carried(policy.file, dict(policy.data), policy.where((_PART,)).line or 1, policy.digest)


def unpacked(policies: Iterable[Carried]) -> tuple[Document, ...]:
    """Policies that have arrived."""
    return tuple(policy.unpacked(_PART) for policy in policies)
