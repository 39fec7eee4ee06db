# A small OpenID provider over HTTP: discovery, keys, tokens; it refuses what a real one does.

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "stemhouse", "between us"


class Provider:
    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.sign_with = self.key
        self.claims: dict[str, Any] = {
            "sub": "ada",
            "email": "Ada@Example.org",
            "email_verified": True,
        }
        self.issuer = ""
        self._codes: dict[str, dict[str, str]] = {}

    def visit(self, url: str) -> dict[str, str]:
        # What the browser does there: sign in and be sent back with a code.
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        self._codes["the-code"] = asked
        return {"code": "the-code", "state": asked["state"]}

    def page(self, url: str) -> str:
        # For people: a page on which one agrees and is sent back.
        asked = parse_qs(urlsplit(url).query)
        back = f"{asked['redirect_uri'][0]}?{urlencode(self.visit(url))}"
        return f'<!doctype html><title>Provider</title><a href="{escape(back)}">I am Ada</a>'

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or authorization != f"Basic {basic}"
            or form.get("redirect_uri") != asked["redirect_uri"]
        ):
            return None
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "nonce": asked["nonce"]}
        claims |= {"iat": int(time.time()), "exp": int(time.time()) + 60} | self.claims
        header = {"alg": "RS256", "kid": "one"}
        token = jwt.encode(header, claims, self.sign_with)
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}

    def document(self, path: str) -> dict[str, Any]:
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }


@contextmanager
def running_provider() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/authorize"):
                self._send(200, provider.page(self.path).encode(), "text/html")
            else:
                self._answer(200, provider.document(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            token = provider.token(form, self.headers.get("authorization", ""))
            self._answer(200, token) if token else self._answer(400, {"error": "invalid_grant"})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            self._send(status, json.dumps(body).encode(), "application/json")

        def _send(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
