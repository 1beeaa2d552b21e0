"""The glossary of a server, as it tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from weft.access.permissions import Caller
from weft.api.governance.glossary import term_named
from weft.catalog.candidates import Synonyms
from weft.catalog.listing import Drafts
from weft.catalog.terms import Names, names_of, synonyms_of, terms_called, terms_found
from weft.governance.glossary import Glossary
from weft.runs.glossary_source import GlossarySource

if TYPE_CHECKING:
    from weft.runs.mesh_book import MeshBook


class Glossaries:
    """Terms, for whoever asks."""

    def __init__(
        self,
        source: GlossarySource,
        bound: Callable[[str], Iterable[str]],
        hidden: Callable[[Caller], Drafts],
    ) -> None:
        """`bound` gives the columns that are bound to a term, by its full name."""
        self._source = source
        self._words: tuple[Glossary, Synonyms] | None = None
        self._names: tuple[Glossary, Names] | None = None
        self._bound = bound
        self._hidden = hidden

    def listed(self, domain: str | None = None) -> dict[str, Any]:
        """All terms, or those of one domain, in the order of their names."""
        found = sorted(self._source.current().terms.values(), key=lambda t: t.name)
        return {"terms": [t.as_json() for t in found if domain is None or t.domain == domain]}

    def found(self, words: str, domain: str | None, limit: int) -> dict[str, Any]:
        """The terms that some words mean, best first."""
        return terms_found(self._source.current(), words, domain=domain, limit=limit).as_json()

    def called(self, words: str, limit: int) -> list[dict[str, Any]]:
        """The few terms that are called so or begin so, each with what it means and why it was found."""
        known = self._source.current()
        if self._names is None or self._names[0] is not known:
            self._names = known, names_of(known)
        return [
            {"name": name, "title": known.terms[name].title, "definition": known.terms[name].definition, "why": why}
            for name, why in terms_called(self._names[1], words, limit)
        ]

    def meanings(self, names: Iterable[str]) -> dict[str, str]:
        """The definitions of some terms, by their names."""
        known = self._source.current().terms
        return {name: known[name].definition for name in names if name in known}

    def synonyms(self) -> Synonyms:
        """For what people say, the words by which the same may be called in the mesh."""
        known = self._source.current()
        if self._words is None or self._words[0] is not known:
            self._words = known, synonyms_of(known)
        return self._words[1]

    def shown(self, caller: Caller, name: str) -> dict[str, Any]:
        """A term with those around it, and the columns bound to it that the caller may know of.

        Raises:
            UsageError: WFT-GOV-042, there is none of that name.
        """
        known = self._source.current()
        term = term_named(known, name)
        return {**term.as_json(), "narrower": list(known.narrower(term)), "columns": self._columns(caller, term.name)}

    def around(self, caller: Caller, name: str) -> dict[str, Any]:
        """The terms next to one by their titles; of those that are kinds of it also the columns.

        Raises:
            UsageError: WFT-GOV-042, there is none of that name.
        """
        known = self._source.current()
        term = term_named(known, name)
        above = [known.terms[one] for one in term.broader if one in known.terms]
        below = [known.terms[one] for one in known.narrower(term)]
        return {
            "broader": [{"name": one.name, "title": one.title} for one in above],
            "kinds": [
                {"name": one.name, "title": one.title, "columns": self._columns(caller, one.name)} for one in below
            ],
        }

    def _columns(self, caller: Caller, name: str) -> list[str]:
        hidden = self._hidden(caller)
        return sorted(c for c in self._bound(name) if not hidden.hide(".".join(c.split(".")[:3])))


def bound_in(book: Callable[[], MeshBook]) -> Callable[[str], list[str]]:
    """What gives the columns of the mesh's book that are bound to a term."""

    def bound(name: str) -> list[str]:
        with book().current() as current:
            found = current.ours('SELECT "column" FROM bindings WHERE term = ? AND known', [name])
        return [str(column) for (column,) in found]

    return bound
