"""Batches of a long build: each is kept when it is done, so that a run that is interrupted is gone on with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from weft.model.publication import DataFile, Manifest
from weft.model.records import Batch
from weft.plan.keeping import Window
from weft.runs.context import Context
from weft.storage.base import Target


class Batches:
    """The batches of one build of one table, whichever run computes them."""

    def __init__(
        self,
        target: Target,
        former: Manifest | None,
        parts: Mapping[str, str],
        window: Window | None,
        context: Context,
    ) -> None:
        self._target = target
        self._context = context
        self.build = build_of(target, former, parts, window)
        self._known = {b.batch: b.files for b in context.registry.batches(self.build)}

    def files(self, batch: str, write: Callable[[Target], Sequence[DataFile]]) -> Sequence[DataFile]:
        """The files of a batch: those of a run before, if they are still there, else freshly written."""
        known = self._known.get(batch)
        root = Path(self._context.storage.root)
        if known is not None and all((root / f.path).exists() for f in known):
            return known
        # a run that fails removes its folder: what is done of a long build lies in another one
        folder = Path(self._target.folder).with_name(f"run-{self.build[:24]}")
        folder.mkdir(parents=True, exist_ok=True)
        self._context.progress.stage(str(self._target.table), "batch")
        written = tuple(write(replace(self._target, folder=str(folder))))
        self._context.registry.keep_batch(Batch(self.build, batch, self._context.now(), written))
        return written


def build_of(target: Target, former: Manifest | None, parts: Mapping[str, str], window: Window | None) -> str:
    """A digest of everything that the rows of a build depend on."""
    text = json.dumps(
        [
            str(target.table),
            sorted(parts.items()),
            target.field_ids,
            sorted(f.path for f in former.files) if former is not None else None,
            str(window),
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()
