"""Files of Iceberg's metadata on a local disk.

PyIceberg's own way there imports PyArrow, which a commit does not need.
"""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any

from pyiceberg.io import FileIO, InputFile, OutputFile

SCHEME = "file://"


def local_path(location: str) -> Path:
    """The path of a `file://` location."""
    return Path(location.removeprefix(SCHEME))


class _Pending(io.BytesIO):
    """A file that appears whole when it is closed without an error, and is on disk then."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def close(self) -> None:
        if self.closed:
            return
        content = self.getvalue()
        super().close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=".pending-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).rename(self._path)

    def __exit__(self, *failure: Any) -> None:
        if failure[0] is not None:
            super().close()
        else:
            self.close()


class LocalInput(InputFile):  # type: ignore[misc]
    """A file to read."""

    def __len__(self) -> int:
        return local_path(self.location).stat().st_size

    def exists(self) -> bool:
        """Whether the file is there."""
        return local_path(self.location).exists()

    def open(self, seekable: bool = True) -> Any:
        """The file's bytes."""
        return local_path(self.location).open("rb")


class LocalOutput(OutputFile):  # type: ignore[misc]
    """A file to write."""

    def __len__(self) -> int:
        return local_path(self.location).stat().st_size

    def exists(self) -> bool:
        """Whether the file is there."""
        return local_path(self.location).exists()

    def to_input_file(self) -> LocalInput:
        """The same file, to read."""
        return LocalInput(self.location)

    def create(self, overwrite: bool = False) -> Any:
        """A stream that becomes the file when it is closed."""
        if not overwrite and self.exists():
            raise FileExistsError(self.location)
        return _Pending(local_path(self.location))


class LocalIO(FileIO):  # type: ignore[misc]
    """Opens, writes and deletes files on a local disk."""

    def new_input(self, location: str) -> LocalInput:
        """A file to read."""
        return LocalInput(location)

    def new_output(self, location: str) -> LocalOutput:
        """A file to write."""
        return LocalOutput(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Deletes a file."""
        local_path(location if isinstance(location, str) else location.location).unlink()
