"""Where the policies of a port come from: the mesh's own file, and those of its domain, or what that registered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from weft.access.policies import Policies
from weft.access.policy_files import policies_of
from weft.errors import Diagnostic
from weft.model.document import Document
from weft.project import access, documents


class PolicySource:
    """The policies in force, read again as soon as a file of theirs has changed. Used from several threads."""

    def __init__(
        self, root: Path, folders: Iterable[str], registered: Callable[[str], Mapping[str, Any] | None]
    ) -> None:
        """`folders` are globs of the domains' folders below the root; `registered` gives a domain's document."""
        self._root = root
        self._patterns = tuple(folders)
        self._registered = registered
        self._guard = threading.Lock()
        self._known: dict[str, tuple[object, Policies]] = {}

    def of(self, domain: str) -> Policies:
        """The policies of the mesh together with those of a domain."""
        folder = self._folder(domain)
        seen = documents.seen(
            (self._root / access.MESH_FILE, *(folder.glob(f"{access.FOLDER}/*.y*ml") if folder else ()))
        )
        document = None if folder is not None else self._registered(domain)
        carried = access.carried_policies(document) if document is not None else ()
        state = (seen, tuple((one.file, one.data) for one in carried))
        with self._guard:
            known = self._known.get(domain)
            if known is not None and known[0] == state:
                return known[1]
        found = self._read(domain, folder, carried)
        with self._guard:
            self._known[domain] = state, found
        return found

    def _read(self, domain: str, folder: Path | None, carried: tuple[Document, ...]) -> Policies:
        problems: list[Diagnostic] = []
        read = access.fresh(self._root)
        mesh = access.read_mesh_file(self._root, read, problems)
        own = access.read_folder(folder, read, problems) if folder is not None else carried
        found = policies_of(mesh, {domain: own})
        wrong = tuple(dict.fromkeys((*problems, *found.problems)))
        file = next((d.where.file for d in wrong if d.where is not None), found.file)
        return Policies(found.rules, found.defaults, found.readers, found.terms, file if wrong else found.file, wrong)

    def _folder(self, domain: str) -> Path | None:
        """The folder of a domain that lies in this repository."""
        for pattern in self._patterns:
            for folder in self._root.glob(pattern):
                if folder.name == domain and (folder / "domain.yaml").is_file():
                    return folder
        return None
