"""Carrying out plans: the one for ordinary programs, and the one for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx2
from pydantic import BaseModel

from stemhouse.client.calls import Listing
from stemhouse.client.exchange import Ask, Connection, Pause, Plan, Reply, Retries
from stemhouse.client.wire import failed, request_arguments, session_arguments

_T = TypeVar("_T")
_P = ParamSpec("_P")
_Answer = TypeVar("_Answer", bound=BaseModel)


class Session:
    """Carries out plans in the calling thread."""

    def __init__(
        self,
        server: str,
        key: str = "",
        *,
        connection: Connection | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        connection = connection or Connection()
        self._retries = connection.retries
        self._connect_s = connection.connect_s
        self._http = httpx2.Client(
            **session_arguments(server, key, connection), transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def _run(self, plan: Plan[_T]) -> _T:
        try:
            wanted = next(plan)
            while True:
                wanted = plan.send(self._do(wanted))
        except StopIteration as end:
            value: _T = end.value
            return value
        finally:
            plan.close()

    def _do(self, wanted: Ask | Pause) -> Reply:
        if isinstance(wanted, Pause):
            time.sleep(wanted.seconds)
            return Reply()
        try:
            with self._http.stream(**request_arguments(wanted, self._connect_s)) as response:
                if wanted.sink is not None and response.is_success:
                    wanted.sink.begin(response.status_code, response.headers)
                    for block in response.iter_bytes():
                        wanted.sink.write(block)
                    return Reply(status=response.status_code, headers=response.headers)
                response.read()
                return Reply(
                    status=response.status_code, headers=response.headers, body=response.content
                )
        except httpx2.TransportError as error:
            return failed(error)


class AsyncSession:
    """Carries out plans in the running loop."""

    def __init__(
        self,
        server: str,
        key: str = "",
        *,
        connection: Connection | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        connection = connection or Connection()
        self._retries = connection.retries
        self._connect_s = connection.connect_s
        self._http = httpx2.AsyncClient(
            **session_arguments(server, key, connection), transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def _run(self, plan: Plan[_T]) -> _T:
        try:
            wanted = next(plan)
            while True:
                wanted = plan.send(await self._do(wanted))
        except StopIteration as end:
            value: _T = end.value
            return value
        finally:
            plan.close()

    async def _do(self, wanted: Ask | Pause) -> Reply:
        if isinstance(wanted, Pause):
            await asyncio.sleep(wanted.seconds)
            return Reply()
        try:
            async with self._http.stream(**request_arguments(wanted, self._connect_s)) as response:
                if wanted.sink is not None and response.is_success:
                    wanted.sink.begin(response.status_code, response.headers)
                    async for block in response.aiter_bytes():
                        wanted.sink.write(block)
                    return Reply(status=response.status_code, headers=response.headers)
                await response.aread()
                return Reply(
                    status=response.status_code, headers=response.headers, body=response.content
                )
        except httpx2.TransportError as error:
            return failed(error)


def carried_out(
    plan: Callable[Concatenate[Retries, _P], Plan[_T]],
) -> Callable[Concatenate[Session, _P], _T]:
    """Make a plan a method of `Session`."""

    @wraps(plan)
    def method(self: Session, /, *given: _P.args, **named: _P.kwargs) -> _T:
        return self._run(plan(self._retries, *given, **named))

    return method


def carried_out_async(
    plan: Callable[Concatenate[Retries, _P], Plan[_T]],
) -> Callable[Concatenate[AsyncSession, _P], Coroutine[Any, Any, _T]]:
    """Make a plan a method of `AsyncSession`."""

    @wraps(plan)
    async def method(self: AsyncSession, /, *given: _P.args, **named: _P.kwargs) -> _T:
        return await self._run(plan(self._retries, *given, **named))

    return method


def listed(
    listing: Callable[_P, Listing[_Answer]],
) -> Callable[Concatenate[Session, _P], Iterator[_Answer]]:
    """Make a list a method of `Session`."""

    @wraps(listing)
    def method(self: Session, /, *given: _P.args, **named: _P.kwargs) -> Iterator[_Answer]:
        found, cursor = listing(*given, **named), None
        while True:
            data, cursor = self._run(found.page(cursor, self._retries))
            yield from data
            if cursor is None:
                return

    return method


def listed_async(
    listing: Callable[_P, Listing[_Answer]],
) -> Callable[Concatenate[AsyncSession, _P], AsyncIterator[_Answer]]:
    """Make a list a method of `AsyncSession`."""

    @wraps(listing)
    async def method(
        self: AsyncSession, /, *given: _P.args, **named: _P.kwargs
    ) -> AsyncIterator[_Answer]:
        found, cursor = listing(*given, **named), None
        while True:
            data, cursor = await self._run(found.page(cursor, self._retries))
            for one in data:
                yield one
            if cursor is None:
                return

    return method
