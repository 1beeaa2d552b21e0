"""The server that a verb about tokens speaks with."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from weft.api.client.servers import Server

F = TypeVar("F", bound=Callable[..., Any])


def server_option(command: F) -> F:
    """`--server`: which of several servers is meant."""
    return click.option("--server", "url", metavar="URL", help="The server; needed when you are signed in to several.")(
        command
    )


def signed_in(url: str | None) -> Server:
    """The server, asked with the token that `weft login` has kept.

    Raises:
        UsageError: WFT-ACC-023, there is none.
    """
    from weft.api.client.servers import Server
    from weft.registry.credentials import Credentials, default_folder

    credential = Credentials(default_folder(os.environ)).of(url)
    return Server(credential.server, credential.token)
