"""Secrets that people and programs carry: made, hashed, signed, compared.

The tokens are random and long, so that a plain SHA-256 of them can be stored: there is nothing to
guess, unlike with passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from itsdangerous import BadSignature, URLSafeSerializer

from stemhouse.settings import Settings

KEY_PREFIX: Final = "shk_"
"""Begins every API key, so that people and secret scanners recognise one."""

SHOWN_CHARACTERS: Final = 12
_RANDOM_BYTES: Final = 32


def new_token() -> str:
    """Return a new secret of 256 random bits."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def new_key() -> str:
    """Return a new API key."""
    return KEY_PREFIX + new_token()


def hash_token(token: str) -> str:
    """Return what is stored instead of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(settings: Settings, cookie: str) -> str:
    """Return the token that a page sends along, bound to the cookie that signs it in."""
    return _mac(settings, "csrf", cookie)


def is_csrf_token(settings: Settings, cookie: str, given: str) -> bool:
    """Say whether a page that knows the cookie's token has sent the request."""
    return hmac.compare_digest(csrf_token(settings, cookie).encode(), given.encode())


def address_token(settings: Settings, address: str) -> str:
    """Return what stands for a network address or e-mail address where it need not be known."""
    return _mac(settings, "address", address)[:32]


def free_credits_token(settings: Settings, email: str) -> str:
    """Return what is kept of an address that had free credits, also when the account is gone.

    Ways to write one mailbox are one address: what stands behind a plus sign does not count, nor
    do dots at the provider that ignores them.
    """
    name, _, domain = email.lower().rpartition("@")
    name = name.partition("+")[0] or name
    if domain in {"gmail.com", "googlemail.com"}:
        name, domain = name.replace(".", ""), "gmail.com"
    return _mac(settings, "free-credits", f"{name}@{domain}")


def sign_guest(settings: Settings, site_id: str, account_id: str) -> str:
    """Return the value of a guest's cookie."""
    return _signer(settings, site_id).dumps(account_id)


def read_guest(settings: Settings, site_id: str, cookie: str) -> str | None:
    """Return the account in a guest's cookie, or None where we did not sign it for this site."""
    try:
        account_id = _signer(settings, site_id).loads(cookie)
    except BadSignature:
        return None
    return account_id if isinstance(account_id, str) else None


def _signer(settings: Settings, site_id: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        settings.secret_key.get_secret_value(),
        salt=f"guest:{site_id}",
        signer_kwargs={"digest_method": hashlib.sha256},
    )


def _mac(settings: Settings, purpose: str, text: str) -> str:
    secret = settings.secret_key.get_secret_value().encode()
    return hmac.new(secret, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()
