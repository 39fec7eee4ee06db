"""Links of our own that expire: a path of the API, signed with a secret of the installation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from urllib.parse import quote, urlencode

from stemhouse.errors import Forbidden, InvalidOption

EXPIRES, SIGNATURE = "expires", "signature"
"""Names of the two parameters that a signed link ends in."""

SITE = "site"
"""Name of the parameter that says on which site a link works."""

_MIN_SECRET_BYTES = 16
_PURPOSE = b"stemhouse link 1\n"  # the same secret may sign other things elsewhere


class LinkSigner:
    """Signs and verifies links.

    Parameters
    ----------
    secrets : sequence of bytes
        The first signs; all verify, so that a secret can be replaced without breaking the links
        that are out. At least 16 bytes each.
    now : callable
        The clock, in seconds since 1970.
    """

    def __init__(self, secrets: Sequence[bytes], *, now: Callable[[], float] = time.time) -> None:
        if not secrets or any(len(secret) < _MIN_SECRET_BYTES for secret in secrets):
            raise InvalidOption(f"links need a secret of at least {_MIN_SECRET_BYTES} bytes")
        self._secrets = tuple(secrets)
        self._now = now

    def sign(
        self, path: str, expires_in: timedelta, params: Mapping[str, str] | None = None
    ) -> str:
        """Return `path` with `params`, an expiry and a signature over all of it.

        Parameters
        ----------
        path : str
            Absolute path, not yet escaped, such as ``/v1/files/results/job_1/manifest.json``.
        expires_in : timedelta
            How long the link is good.
        params : Mapping, optional
            Query parameters that the receiver may not change.
        """
        signed = dict(params or {})
        if EXPIRES in signed or SIGNATURE in signed:
            raise InvalidOption("a link cannot carry parameters of these names")
        signed[EXPIRES] = str(math.ceil(self._now() + expires_in.total_seconds()))
        signed[SIGNATURE] = _signature(self._secrets[0], path, signed)
        return f"{quote(path)}?{urlencode(signed)}"

    def verify(self, path: str, params: Mapping[str, str]) -> None:
        """Raise `Forbidden` unless the link was signed here, as it is, and has not expired.

        Parameters
        ----------
        path : str
            The request's path, unescaped.
        params : Mapping
            All its query parameters, each once.
        """
        unsigned = {name: value for name, value in params.items() if name != SIGNATURE}
        given = params.get(SIGNATURE, "").encode("utf-8", "replace")
        matches = [
            hmac.compare_digest(_signature(secret, path, unsigned).encode(), given)
            for secret in self._secrets
        ]
        if not any(matches):
            raise Forbidden("this link is not valid; ask for a new one", reason="invalid")
        # Signed, hence written by `sign`: a whole number.
        if self._now() >= int(unsigned[EXPIRES]):
            raise Forbidden("this link has expired; ask for a new one", reason="expired")


def _signature(secret: bytes, path: str, params: Mapping[str, str]) -> str:
    text = f"{path}\n{urlencode(sorted(params.items()))}"
    digest = hmac.digest(secret, _PURPOSE + text.encode("utf-8", "replace"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
