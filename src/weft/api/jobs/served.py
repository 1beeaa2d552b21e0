"""What a worker serves: products of all domains in its folder, or of those that it is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from weft.config import Settings
from weft.errors import Diagnostic, Severity, UsageError, did_you_mean, error

_LOOK_AGAIN_S = 5.0
"""How long the list of products in the folder holds."""


class Served(Struct, frozen=True):
    """What a worker serves.

    Attributes:
        subjects: the products whose jobs it takes.
        own_python: folders of the products of the one domain whose Python models may run as the worker's own user; empty
            where it serves several, so that none reads what is of another.
        python: products with Python models among them.
    """

    subjects: frozenset[str]
    own_python: frozenset[str]
    python: tuple[str, ...] = ()


def served_now(settings: Settings, domains: Sequence[str] = ()) -> Served:
    """What a worker serves of the products whose files lie in its folder now; `domains` empty: all."""
    from weft.project.product_files import products_in

    products = {
        address: folder
        for address, folder in products_in(settings).items()
        if not domains or address.partition(".")[0] in domains
    }
    alone = len({address.partition(".")[0] for address in products} | set(domains)) == 1
    folders = {folder.relative_to(settings.root).as_posix() for folder in products.values()}
    with_python = sorted(a for a, folder in products.items() if next(folder.glob("models/*.py"), None) is not None)
    return Served(frozenset(products), frozenset(folders) if alone else frozenset(), tuple(with_python))


def remembered(settings: Settings, domains: Sequence[str] = ()) -> Callable[[], Served]:
    """What a worker serves, looked for again after a while."""
    known: tuple[float, Served] | None = None

    def served() -> Served:
        nonlocal known
        if known is None or time.monotonic() - known[0] > _LOOK_AGAIN_S:
            known = time.monotonic(), served_now(settings, domains)
        return known[1]

    return served


def check_start(settings: Settings, domains: Sequence[str] = ()) -> tuple[Diagnostic, ...]:
    """What a worker that begins has to say of what it serves; ends what Python models of a worker before it have left.

    Raises:
        UsageError: WFT-RUN-049, no domain in the folder has one of these names.
        ProjectError: WFT-PYM-016, 018: Python models cannot run as the users that are to run them.
    """
    from weft.project.product_files import products_in

    there = sorted({address.partition(".")[0] for address in products_in(settings)})
    unknown = [name for name in domains if name not in there]
    if unknown:
        fix = did_you_mean(unknown[0], there, otherwise="a worker serves domains whose files lie in its folder")
        raise UsageError(error("WFT-RUN-049", f"no product of a domain `{unknown[0]}` lies in this folder", fix=fix))
    if settings.python.users:
        from weft.engines.python.trial import try_users

        try_users(settings)
        return ()
    served = served_now(settings, domains)
    if served.own_python or not served.python or settings.python.shared_workers == "own-user":
        return ()
    what = f"this worker serves several domains, so it runs no Python models: {', '.join(served.python)}"
    fix = "set `python.users`, or start a worker for each domain: `weft worker --domain NAME`"
    return (Diagnostic("WFT-PYM-017", Severity.WARNING, what, fix=fix),)
