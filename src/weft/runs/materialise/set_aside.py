"""Rows of a kept table that stand in quarantine: a build goes on from them too, so that none is lost on the way."""

from __future__ import annotations

from msgspec.structs import replace

from weft.model.publication import DataFile, Manifest, Publication
from weft.runs.materialise.tables import Making


def with_quarantine(publication: Publication) -> tuple[Manifest, tuple[DataFile, ...]]:
    """All rows that a port's table was built with, and the files of those that are in quarantine.

    The bad ones belong to the table as much as the others: a build that goes on computes neither again. They are judged
    again with the whole, and come back when they have been mended or the rules allow them.
    """
    aside = publication.quarantine.manifest.files if publication.quarantine is not None else ()
    return replace(publication.manifest, files=(*publication.manifest.files, *aside)), aside


def among_the_others(making: Making, manifest: Manifest) -> Manifest:
    """The manifest where rows of the former quarantine that are left stand in files of the table's own shape."""
    still = [f for f in manifest.files if f in making.aside]
    if not still:
        return manifest
    written = making.write(f"SELECT {making.columns} FROM {making.relation(still)}")
    return replace(manifest, files=(*(f for f in manifest.files if f not in making.aside), *written))
