"""One request, one transaction: opened lazily, committed before the answer is sent."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated

from anyio import CancelScope
from fastapi import Depends, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from stemhouse.db.session import Reads, looking, transaction
from stemhouse.http.services import services_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Requests that change nothing; their transaction is read-only and says so to the database."""


async def _request_session(request: Request) -> AsyncIterator[Session]:
    async with _one_transaction(request, read_only=request.method in SAFE_METHODS) as session:
        yield session


async def _writing_session(request: Request) -> AsyncIterator[Session]:
    async with _one_transaction(request, read_only=False) as session:
        yield session


@asynccontextmanager
async def _one_transaction(request: Request, *, read_only: bool) -> AsyncIterator[Session]:
    context = transaction(services_of(request).sessions, read_only=read_only)
    session = context.__enter__()  # takes no connection: that waits for the first statement
    try:
        yield session
    except BaseException:
        # Even a request that is cancelled gives its connection back.
        with CancelScope(shield=True):
            await run_in_threadpool(context.__exit__, *sys.exc_info())
        raise
    with CancelScope(shield=True):
        await run_in_threadpool(context.__exit__, None, None, None)


RequestSession = Annotated[Session, Depends(_request_session, scope="function")]
"""The session of a request. Scope "function": the commit comes before the answer, so that nobody
is told of a change that then fails. Not for routes that stream for long: they would keep a
connection each."""

WritingSession = Annotated[Session, Depends(_writing_session, scope="function")]
"""For the rare GET that changes something, such as the way back from an OpenID provider."""


def _reads(request: Request) -> Iterator[Reads]:
    with looking(services_of(request).sessions) as reads:
        yield reads


TheReads = Annotated[Reads, Depends(_reads, scope="function")]
"""Single reads outside any transaction, over one connection."""
