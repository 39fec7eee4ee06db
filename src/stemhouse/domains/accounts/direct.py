"""Routes that are read many times a second, and therefore answer in one go.

FastAPI solves the dependencies of a route one by one, and hands each that may wait, and then the
route itself, to a thread and back. For most routes that is nothing; for one that programs ask again
and again until a song is done, it is two thirds of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from stemhouse.db.session import looking
from stemhouse.domains.accounts.access import let_in
from stemhouse.domains.accounts.scopes import Scope
from stemhouse.http.services import services_of


class DirectRoute(APIRoute):
    """A route ``endpoint(request, principal, reads, <texts of the path>)``, run as one call.

    Its dependencies describe it in the API's document like any other's, and are not solved: who
    asks, and whether they may, is found out in the same thread as the answer and over the same
    connection. The principal is annotated with ``Depends(needs(scope))``, the reads are `TheReads`;
    there is no body and no query.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        scope = self._scope()

        def answer(request: Request) -> Response:
            with looking(services_of(request).sessions) as reads:
                principal = let_in(request, reads)
                principal.need(scope)
                answered: Response = self.endpoint(
                    request=request, principal=principal, reads=reads, **request.path_params
                )
            return answered

        async def handle(request: Request) -> Response:
            return await run_in_threadpool(answer, request)

        return handle

    def _scope(self) -> Scope:
        (scope,) = (
            needed.call.scope  # type: ignore[union-attr]  # as `needs` leaves it
            for needed in self.dependant.dependencies
            if hasattr(needed.call, "scope")
        )
        return scope  # type: ignore[no-any-return]
