"""Which of the models that a port needs are others than those that it was published from, in words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from weft.model.mesh import Model
from weft.plan.desired import Desired, decisive

_DIGITS = 12
"""Of a digest that is compared with one other: enough, since the fingerprint decides what is built."""

_MOST = 5
"""So many names stand in a reason."""


def model_digests(wanted: Desired) -> Mapping[str, str]:
    """What decides the rows of each model that a port needs, by the model's name; its own under the port's."""
    own, port = wanted.port.model, wanted.port.address.port
    return {port if model is own else model.name: _digest(model)[:_DIGITS] for model in wanted.models}


def what_changed(wanted: Desired, before: Mapping[str, str]) -> str | None:
    """What a plan says of changed models: whose SQL or Python it is; None where it is not known.

    Args:
        before: the digests of the models that the port was published from.
    """
    now, port = model_digests(wanted), wanted.port.address.port
    if not before or now == before:
        return None
    python = {port if m == wanted.port.model else m.name for m in wanted.models if m.python is not None}
    moved = [name for name, digest in now.items() if name in before and before[name] != digest]
    told = []
    for language, names in (
        ("SQL", [n for n in moved if n not in python]),
        ("Python", [n for n in moved if n in python]),
    ):
        others = _listed([n for n in names if n != port])
        if names:
            whose = f"its {language}{f' and that of {others}' if others else ''}"
            told.append(f"{whose if port in names else f'the {language} of {others}'} changed")
    for names, what in (
        ([n for n in now if n not in before], "new among its models"),
        ([n for n in before if n not in now], "no model of it any more"),
    ):
        if names:
            told.append(f"{_listed(names)} {'is' if len(names) == 1 else 'are'} {what}")
    return "; ".join(told)


def _digest(model: Model) -> str:
    settings = decisive(model)
    if not settings:
        return model.digest
    return hashlib.sha256(json.dumps([model.digest, settings], sort_keys=True).encode()).hexdigest()


def _listed(names: Sequence[str]) -> str:
    shown = [f"`{name}`" for name in names[:_MOST]]
    left = len(names) - len(shown)
    if left:
        return f"{', '.join(shown)} and {left} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
