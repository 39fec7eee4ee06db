"""Signing in with an OpenID provider: the code flow with PKCE, state and nonce.

What has to be remembered between leaving for the provider and coming back is in a signed cookie,
so any process may answer the way back.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from httpx2 import HTTPError
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from stemhouse.domains.accounts.tokens import new_token
from stemhouse.errors import ProviderFailed, Unauthenticated
from stemhouse.http.sites import Place
from stemhouse.settings import Settings

TIMEOUT_S: Final = 10.0
JOURNEY_S: Final = 600
"""Seconds that somebody may take at the provider."""

COOKIE: Final = "stemhouse_openid"
_SCOPES: Final = "openid email"
_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""None with a shared secret: a provider's public key must never be taken for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What the provider says about somebody."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send a browser, and what its cookie must hold until it comes back."""

    url: str
    cookie: str


class OpenIdProvider:
    """The provider that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._issuer = settings.openid_issuer.rstrip("/")
        self._metadata: dict[str, Any] = {}

    @staticmethod
    def way_back(place: Place) -> str:
        """Return where the provider sends people back to; each site's is registered there."""
        return f"{place.address}/v1/openid/callback"

    def depart(self, place: Place) -> Departure:
        """Begin signing in.

        Raises
        ------
        ProviderFailed
            The provider does not answer.
        """
        journey = {"state": new_token(), "nonce": new_token(), "verifier": new_token()}
        with self._client(place) as client:
            url, _ = client.create_authorization_url(
                self._endpoint(client, "authorization_endpoint"),
                state=journey["state"],
                nonce=journey["nonce"],
                code_verifier=journey["verifier"],
            )
        return Departure(url, self._signer(place).dumps(journey))

    def arrive(self, place: Place, cookie: str, state: str, *, code: str) -> Claims:
        """Finish signing in.

        Raises
        ------
        Unauthenticated
            The way back does not fit the way there, or the provider's word cannot be trusted.
        ProviderFailed
            The provider does not answer.
        """
        journey = self._read(place, cookie)
        if not state or journey["state"] != state:
            raise Unauthenticated("signing in was begun elsewhere or too long ago: begin again")
        with self._client(place) as client:
            try:
                token = client.fetch_token(
                    self._endpoint(client, "token_endpoint"),
                    code=code,
                    code_verifier=journey["verifier"],
                )
                keys = self._get(client, self._endpoint(client, "jwks_uri"))
            except AuthlibBaseError as error:
                raise Unauthenticated("the provider refused to sign you in: begin again") from error
            except HTTPError as error:
                raise _silent(error) from error
        return self._claims(str(token.get("id_token", "")), keys, journey["nonce"])

    def _claims(self, id_token: str, keys: dict[str, Any], nonce: str) -> Claims:
        try:
            decoded = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=_ALGORITHMS)  # type: ignore[arg-type]
            rules = jwt.JWTClaimsRegistry(
                leeway=60,
                iss={"essential": True, "value": self._metadata["issuer"]},
                aud={"essential": True, "value": self._settings.openid_client_id},
                exp={"essential": True},
                nonce={"essential": True, "value": nonce},
                sub={"essential": True},
            )
            rules.validate(decoded.claims)
        except (JoseError, ValueError, KeyError) as error:
            raise Unauthenticated("the provider's answer cannot be trusted") from error
        claims = decoded.claims
        email = claims.get("email")
        return Claims(
            issuer=str(claims["iss"]),
            subject=str(claims["sub"]),
            email=email.lower() if isinstance(email, str) and "@" in email else None,
            email_verified=claims.get("email_verified") is True,
        )

    def _endpoint(self, client: OAuth2Client, name: str) -> str:
        if not self._metadata:
            found = self._get(client, f"{self._issuer}/.well-known/openid-configuration")
            if str(found.get("issuer", "")).rstrip("/") != self._issuer:
                raise ProviderFailed("the OpenID provider's description is of another issuer")
            self._metadata = found
        return str(self._metadata[name])

    def _get(self, client: OAuth2Client, url: str) -> dict[str, Any]:
        try:
            answer = client.request("GET", url, withhold_token=True)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
        except (HTTPError, ValueError) as error:
            raise _silent(error) from error
        return found

    def _client(self, place: Place) -> OAuth2Client:
        return OAuth2Client(
            client_id=self._settings.openid_client_id,
            client_secret=self._settings.openid_client_secret.get_secret_value(),
            scope=_SCOPES,
            redirect_uri=self.way_back(place),
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
        )

    def _read(self, place: Place, cookie: str) -> dict[str, str]:
        try:
            journey: dict[str, str] = self._signer(place).loads(cookie, max_age=JOURNEY_S)
        except BadSignature:  # too old as well
            raise Unauthenticated(
                "signing in was begun elsewhere or too long ago: begin again"
            ) from None
        return journey

    def _signer(self, place: Place) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            self._settings.secret_key.get_secret_value(),
            salt=f"openid:{place.site.name}",
            signer_kwargs={"digest_method": hashlib.sha256},
        )


def _silent(error: Exception) -> ProviderFailed:
    return ProviderFailed(
        f"the OpenID provider does not answer as it should ({type(error).__name__}): try again"
    )
