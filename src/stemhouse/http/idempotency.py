"""The same request twice has the effect of one, when it says so with an Idempotency-Key.

The answer is stored in the transaction that makes it: there is never an effect without the answer.
Refusals are not stored, so a request that was refused may be mended and sent again with its key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final, Protocol

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from stemhouse.db.upsert import insert_for
from stemhouse.errors import Conflict
from stemhouse.http.services import Now
from stemhouse.http.session import RequestSession
from stemhouse.http.tables import IdempotentAnswer

KEPT_S: Final = 86_400.0
"""Seconds that an answer is kept: a day, as others do it."""

REPLAYED_HEADER: Final = "Idempotent-Replayed"


class Owner(Protocol):
    """Whose keys they are: two accounts may use the same key."""

    @property
    def site_id(self) -> str:
        """The site."""
        ...

    @property
    def account_id(self) -> str:
        """The account."""
        ...


class Once:
    """Does something once per key of an account."""

    def __init__(self, request: Request, session: Session, now: datetime, key: str | None) -> None:
        # The same address, whether the site is named by the host or by the path.
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        self._route = f"{request.method} {path}"
        self._session = session
        self._now = now
        self._key = key

    def run(
        self,
        owner: Owner,
        asked: BaseModel | str,
        make: Callable[[], BaseModel],
        *,
        status: int = 201,
    ) -> Response:
        """Return the answer that was given before, or make one and store it.

        Parameters
        ----------
        owner : Owner
            The principal.
        asked : BaseModel or str
            What the request asks for; with the same key it must be the same.
        make : callable
            Does it and returns the body of the answer.
        status : int
            The answer's status.

        Raises
        ------
        Conflict
            The key was used for another request.
        """
        if self._key is None:
            return JSONResponse(make().model_dump(mode="json"), status_code=status)
        fingerprint = self._fingerprint(asked)
        if not self._reserve(owner, self._key, fingerprint):
            return self._replay(owner, self._key, fingerprint)
        body = make().model_dump(mode="json")
        self._session.execute(
            update(IdempotentAnswer)
            .where(
                IdempotentAnswer.site_id == owner.site_id,
                IdempotentAnswer.account_id == owner.account_id,
                IdempotentAnswer.key == self._key,
            )
            .values(status=status, body=json.dumps(body))
        )
        return JSONResponse(body, status_code=status)

    def _reserve(self, owner: Owner, key: str, fingerprint: str) -> bool:
        # The second of two at once waits here for the first one's transaction.
        reserved = self._session.execute(
            insert_for(self._session, IdempotentAnswer)
            .values(
                site_id=owner.site_id,
                account_id=owner.account_id,
                key=key,
                fingerprint=fingerprint,
                created_at=self._now,
            )
            .on_conflict_do_nothing()
            .returning(IdempotentAnswer.key)
        )
        return reserved.first() is not None

    def _replay(self, owner: Owner, key: str, fingerprint: str) -> Response:
        stored = self._session.scalars(
            select(IdempotentAnswer).where(
                IdempotentAnswer.site_id == owner.site_id,
                IdempotentAnswer.account_id == owner.account_id,
                IdempotentAnswer.key == key,
            )
        ).one()
        if stored.fingerprint != fingerprint:
            raise Conflict(
                "this Idempotency-Key was used for another request: use a new key for each",
                header="Idempotency-Key",
            )
        assert stored.body is not None, "stored in the transaction that reserved it"
        assert stored.status is not None
        return JSONResponse(
            json.loads(stored.body),
            status_code=stored.status,
            headers={REPLAYED_HEADER: "true"},
        )

    def _fingerprint(self, asked: BaseModel | str) -> str:
        text = asked if isinstance(asked, str) else asked.model_dump_json()
        return hashlib.sha256(f"{self._route}\n{text}".encode()).hexdigest()


def _once(
    request: Request,
    session: RequestSession,
    now: Now,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="Any text of yours, new for each thing you want done: the same key again "
            "within a day gets the stored answer, with Idempotent-Replayed: true.",
        ),
    ] = None,
) -> Once:
    return Once(request, session, now, idempotency_key)


Idempotent = Annotated[Once, Depends(_once)]
