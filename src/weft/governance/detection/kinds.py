"""What a kind of sensitive data is: its pattern, its proof, and the names that columns of it have."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from weft.governance.detection.headers import Headers
from weft.model.classification import Classification

Proof = Callable[[str], bool]
"""Says of a value that has the pattern whether it is one of the kind. Raises nothing, keeps nothing."""

Together = Callable[[Sequence[str]], bool]
"""Says of values that have passed whether they can be of the kind as a whole."""

NOTHING = Headers(())


class Kind(Struct, frozen=True):
    """A kind of sensitive data.

    Attributes:
        pattern: what the whole value matches; read by DuckDB (RE2) and by Python alike.
        proof: for values that match; None: the pattern says all.
        chance: how likely a value that matches by accident passes the proof.
        named: the least share of a column's values where its name says so.
        alone: the least share where the name says nothing; None: then the kind is never found.
        together: what the values that passed have to be as a whole, where the column's name says nothing.
        says: names of columns of this kind.
        generic: names of columns of this kind or of a similar one.
        weak: names that say so only among other data of people.
        weak_proof: what values pass under such a name.
        unless: names that say otherwise.
        weight: how much the name alone is worth, 0 to 1.
        width: digits of a number that loses its leading zeros when it is kept as an integer.
        exclusive: digits of which no value is of two kinds.
        numeric: whether whole numbers can be of it.
        package: what has to be installed to prove it; None: nothing.
    """

    id: str
    title: str
    tag: str
    level: Classification
    pattern: str
    proof: Proof | None = None
    chance: float = 0.01
    named: float = 0.5
    alone: float | None = None
    together: Together | None = None
    says: Headers = NOTHING
    generic: Headers = NOTHING
    weak: Headers = NOTHING
    weak_proof: Proof | None = None
    unless: Headers = NOTHING
    weight: float = 0.6
    width: int = 0
    exclusive: bool = False
    numeric: bool = False
    package: str | None = None
