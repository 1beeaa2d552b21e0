"""Finding a thing of the catalog by its address, with the nearest name when it is not there."""

from __future__ import annotations

from weft.errors import UsageError, did_you_mean, error
from weft.model.address import Address
from weft.model.publication import PortState
from weft.registry.base import RegistryReader


def port_state(reader: RegistryReader, address: Address) -> PortState:
    """The port at an address; without major its default one.

    Raises:
        UsageError: WFT-CAT-001, nothing is published there.
    """
    state = reader.port(address)
    if state is None:
        raise unknown(reader, str(address))
    return state


def unknown(reader: RegistryReader, text: str) -> UsageError:
    """The error for an address that names nothing in the catalog."""
    candidates = names(reader)
    within = sorted(str(p) for p in reader.ports() if f"{p.unpinned}.".startswith(f"{text}."))
    if text in candidates and within:
        kind = "product" if "." in text else "domain"
        what = f"`{text}` is a {kind}; this is asked of a port, or of a column of one"
        return UsageError(error("WFT-CAT-001", what, fix=f"name one of: {', '.join(f'`{p}`' for p in within[:8])}"))
    majors = [c for c in candidates if "@" in c and c.partition("@")[0] == text.partition("@")[0]]
    if majors and "@" in text:
        fix: str | None = f"there is {', '.join(f'`{m}`' for m in majors)}"
    else:
        fix = did_you_mean(text, candidates)
    return UsageError(
        error(
            "WFT-CAT-001",
            f"nothing in the catalog has the address `{text}`",
            why="the catalog holds what was published; what stands only in files comes into it with `weft apply`",
            fix=fix or "`weft search` finds domains, products, ports and columns by words",
        )
    )


def names(reader: RegistryReader) -> list[str]:
    """Every address that the catalog knows: domains, products, ports with and without major."""
    ports = list(reader.ports())
    return [
        *reader.domains(),
        *(str(p) for p in reader.products()),
        *dict.fromkeys(p.unpinned for p in ports),
        *(str(p) for p in ports),
    ]
