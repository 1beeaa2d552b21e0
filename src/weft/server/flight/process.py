"""The Flight process. Started by the server as `python -m weft.server.flight.process WHERE`; it ends with its input."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import Struct

from weft.api.platform import open_platform
from weft.api.wires.flight import FlightPlatform
from weft.server.flight.service import FlightService


class Where(Struct, frozen=True):
    """Of which mesh it serves rows, and where it listens.

    Attributes:
        cert: file of the certificate, in PEM; with `key` it speaks TLS.
        patience_s: how long a client may take nothing of an answer.
    """

    root: str
    host: str
    port: int
    cert: str | None = None
    key: str | None = None
    patience_s: float = 60.0

    @property
    def scheme(self) -> str:
        """How clients reach it."""
        return "grpc" if self.cert is None else "grpc+tls"


def main() -> None:
    """Serves; says on one line of JSON which port it has, or what is the matter."""
    where = msgspec.json.decode(sys.argv[1], type=Where)
    # Ctrl-C is for the server, which then ends the input of this process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tls = None
    if where.cert is not None and where.key is not None:
        tls = Path(where.cert).read_bytes(), Path(where.key).read_bytes()
    host = f"[{where.host}]" if ":" in where.host else where.host
    with closing(open_platform(where.root)) as platform:
        try:
            service = FlightService(
                FlightPlatform(platform), f"{where.scheme}://{host}:{where.port}", tls=tls, patience_s=where.patience_s
            )
        except OSError as e:
            print(json.dumps({"failed": str(e).splitlines()[0]}), flush=True)  # noqa: T201 - its server reads it
            return
        print(json.dumps({"port": service.port}), flush=True)  # noqa: T201 - its server reads it
        platform.rooms.readers.pool.warm()
        sys.stdin.buffer.read()
        service.close()


if __name__ == "__main__":
    main()
