"""The glossary of a registry's mesh: its file, and what domains have in the repository beside it or registered."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from pathlib import Path

from weft.errors import Diagnostic
from weft.governance.glossary import Glossary, glossary_of
from weft.model.document import Document
from weft.project import documents
from weft.project import glossary as files
from weft.registry.base import RegistryReader

_State = tuple[tuple[tuple[str, int, int], ...], int]


class GlossarySource:
    """All terms that hold, read again as soon as a file of theirs or the registry has moved. For several threads."""

    def __init__(self, root: Path, folders: Iterable[str], reader: RegistryReader) -> None:
        """`folders` are globs of the domains' folders below the root."""
        self._root = root
        self._patterns = tuple(folders)
        self._reader = reader
        self._guard = threading.Lock()
        self._known: tuple[_State, Glossary] | None = None

    def current(self) -> Glossary:
        """The glossary; a file in which something is wrong gives the terms that can be understood."""
        folders = self._folders()
        paths = (self._root / files.MESH_FILE, *(folder / files.FILE for folder in folders.values()))
        state = (documents.seen(paths), self._reader.last_event())
        with self._guard:
            if self._known is not None and self._known[0] == state:
                return self._known[1]
        found = self._read(folders)
        with self._guard:
            self._known = state, found
        return found

    def _read(self, folders: dict[str, Path]) -> Glossary:
        problems: list[Diagnostic] = []
        read = files.fresh(self._root)
        mesh = files.read_mesh_file(self._root, read, problems)
        domains: dict[str, Document] = {}
        for name, record in self._reader.domains().items():
            carried = files.carried_glossary(record.document)
            if carried is not None:
                domains[name] = carried
        for name, folder in folders.items():
            own = files.read_folder(folder, read, problems)
            if own is not None:
                domains[name] = own
            else:
                domains.pop(name, None)  # its repository is here, and has no glossary any more
        return glossary_of(mesh, domains)

    def _folders(self) -> dict[str, Path]:
        """Folders of the domains that lie in this repository, by name."""
        found = (folder for pattern in self._patterns for folder in self._root.glob(pattern))
        return {folder.name: folder for folder in sorted(found) if (folder / "domain.yaml").is_file()}


def digest_of(glossary: Glossary) -> str:
    """A hash of what terms say: the same where columns and terms are compared alike."""
    said = [term.as_json() for _, term in sorted(glossary.terms.items())]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
