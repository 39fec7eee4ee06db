"""Carrying out plans: the one for ordinary programs, and the one for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from types import TracebackType
from typing import Self, TypeVar

import httpx2
from pydantic import BaseModel

from stemhouse.client import calls
from stemhouse.client.exchange import Ask, Connection, Pause, Plan, Reply
from stemhouse.client.wire import failed, request_arguments, session_arguments

_T = TypeVar("_T")
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

    def _all(
        self, model: type[_Answer], where: str, params: Mapping[str, str | None] | None = None
    ) -> Iterator[_Answer]:
        cursor: str | None = None
        while True:
            wanted = {**(params or {}), "cursor": cursor}
            found = self._run(calls.page(where, wanted, self._retries))
            for one in found["data"]:
                yield model.model_validate(one)
            cursor = found.get("next_cursor")
            if cursor is None:
                return

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

    async def _all(
        self, model: type[_Answer], where: str, params: Mapping[str, str | None] | None = None
    ) -> AsyncIterator[_Answer]:
        cursor: str | None = None
        while True:
            wanted = {**(params or {}), "cursor": cursor}
            found = await self._run(calls.page(where, wanted, self._retries))
            for one in found["data"]:
                yield model.model_validate(one)
            cursor = found.get("next_cursor")
            if cursor is None:
                return

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
