"""The server's log: one line for each thing that happens, as JSON for machines or as text for people."""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
from typing import Any, TextIO

_LINKS = "/api/v1/links/"
_LINK_ID = 24
"""Signs of a link's own number; what follows opens the file to whoever has it."""


def shown_path(path: str) -> str:
    """The path of a request as logs and traces have it: without what opens something.

    >>> shown_path("/api/v1/links/0f3a99c2b1d40f3a99c2b1d4.c2lnbmF0dXJl"), shown_path("/api/v1/products")
    ('/api/v1/links/0f3a99c2b1d40f3a99c2b1d4…', '/api/v1/products')
    """
    before, found, token = path.partition(_LINKS)
    return f"{before}{found}{token[:_LINK_ID]}…" if token else path


class JsonLines(logging.Formatter):
    """A record as one line of JSON, with the fields that it carries."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        fields: dict[str, Any] = {
            "at": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "log": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """A record as people read it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        at = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(sep=" ", timespec="seconds")
        fields = getattr(record, "fields", {})
        took = f" {fields['ms']} ms {fields['request_id']}" if "ms" in fields else ""
        # what came from outside stays on its line
        text = record.getMessage().encode("unicode_escape").decode() if fields else record.getMessage()
        line = f"{at} {record.levelname.lower():7} {text}{took}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def install(level: str, form: str, stream: TextIO | None = None) -> None:
    """Writes what weft and the web server log to standard error, or to a stream."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    for name in ("weft", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level.upper())
        logger.propagate = False
