"""Files on their way from a runner to the disk."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO

from weft.errors import Conflict, UsageError, error
from weft.model.handover import Upload


class Incoming:
    """A file on its way to the disk."""

    def __init__(self, folder: Path, name: str, sha256: str, most_bytes: int, keep: Callable[[Upload], Upload]) -> None:
        self._file = folder / name
        self._part = folder / f".{name}.{secrets.token_hex(6)}"
        self._expected = sha256
        self._most_bytes = most_bytes
        self._keep = keep
        self._digest = hashlib.sha256()
        self._size = 0
        self._out: IO[bytes] = self._part.open("xb")

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes.

        Raises:
            UsageError: WFT-SRV-045, they are too many.
        """
        self._size += len(chunk)
        if self._size > self._most_bytes:
            raise too_large(self._file.name, self._most_bytes)
        self._digest.update(chunk)
        self._out.write(chunk)

    def done(self) -> Upload:
        """Keeps the file under its name, where it has the digest that was announced; the first one under a name stays.

        Raises:
            UsageError: WFT-SRV-045, it has another.
            Conflict: WFT-SRV-031, another file has the name.
        """
        self._out.close()
        upload = Upload(self._file.name, self._size, self._digest.hexdigest())
        if upload.sha256 != self._expected:
            what = f"`{upload.name}` has come with another SHA-256 than was announced"
            raise UsageError(error("WFT-SRV-045", what, fix="upload it again"))
        if self._keep(upload) != upload:
            what = f"another file was uploaded as `{upload.name}` in this run"
            raise Conflict(error("WFT-SRV-031", what, fix="give each file its own name"))
        if not self._file.exists():
            self._part.rename(self._file)
        return upload

    def close(self) -> None:
        """Removes what was not kept."""
        self._out.close()
        self._part.unlink(missing_ok=True)


def too_large(name: str, most: int) -> UsageError:
    """That a file has more bytes than one may have."""
    what = f"`{name}` is larger than {most:,} bytes"
    return UsageError(error("WFT-SRV-045", what, fix="write smaller files, or raise `publishing.file_size`"))
