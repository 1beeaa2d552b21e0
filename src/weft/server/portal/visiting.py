"""The guard of a page: strangers are led to the sign-in and back."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request
from starlette.exceptions import HTTPException

from weft.access.permissions import Caller
from weft.server.permitted import Permitted
from weft.server.portal.rendering import wants_json


class Visiting(Permitted):
    """A dependency of a page that gives its caller; see `Permitted`."""

    async def __call__(self, request: Request) -> Caller:
        """The caller, who may see the page.

        Raises:
            HTTPException: 303 to the sign-in for somebody who is not signed in; 401 for a program.
            AccessDenied: WFT-ACC-010.
        """
        try:
            return await super().__call__(request)
        except HTTPException as e:
            if e.status_code != 401 or wants_json(request) or "authorization" in request.headers:
                raise
            then = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="/")
            raise HTTPException(303, headers={"Location": f"/login?then={then}"}) from None
