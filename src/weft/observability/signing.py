"""The secrets with which webhooks are signed: made from the server's own key, or declared by its operator."""

from __future__ import annotations

import base64
import hashlib
import hmac

from weft.config import NoticesSettings
from weft.connections import Secret
from weft.errors import UsageError, error


def signing_secret(subscription_id: str, name: str | None, settings: NoticesSettings) -> Secret:
    """The secret of a webhook, in the form that receivers know: `whsec_…`.

    Args:
        name: an entry of `[notices.secrets]`; None: the secret that follows from `[notices] signing_key`.

    Raises:
        UsageError: WFT-OBS-007, it is not in the settings.
        SourceError: WFT-SRC-021, it is not where its reference says.
    """
    if name is not None:
        reference = settings.secrets.get(name)
        if reference is None:
            fix = f'write `{name} = {{ env = "…" }}` under [notices.secrets]'
            raise UsageError(error("WFT-OBS-007", f"the settings declare no secret `{name}` for webhooks", fix=fix))
        return _usable(reference.secret(f"`{name}` of [notices.secrets]"), name)
    if settings.signing_key is None:
        fix = 'set `signing_key = { env = "…" }` under [notices], to a long random text'
        raise UsageError(error("WFT-OBS-007", "there is no key in the settings that webhooks are signed with", fix=fix))
    key = settings.signing_key.secret("`signing_key` of [notices]").value
    made = hmac.new(key.encode(), f"webhook:{subscription_id}".encode(), hashlib.sha256).digest()
    return Secret("whsec_" + base64.b64encode(made).decode())


def _usable(secret: Secret, name: str) -> Secret:
    """A declared secret, if it says in the form of others what it holds."""
    if secret.value.startswith("whsec_"):
        try:
            base64.b64decode(secret.value.removeprefix("whsec_"), validate=True)
        except ValueError:
            what = f"the secret `{name}` of [notices.secrets] begins with whsec_ and is no base64 behind it"
            raise UsageError(error("WFT-OBS-007", what, fix="give it as its receiver shows it")) from None
    return secret
