"""Lists in pages: newest first, with opaque cursors that stay right while rows come and go."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import Field
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from stemhouse.errors import InvalidOption
from stemhouse.http.schemas import Answer

Row = TypeVar("Row")
Shown = TypeVar("Shown")

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
_VERSION = "1:"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page somebody wants: rows after (older than) an identifier, at most so many."""

    after: str | None
    limit: int


class Page(Answer, Generic[Shown]):
    """One page of a list."""

    data: list[Shown] = Field(description="The rows, newest first.")
    next_cursor: str | None = Field(
        description="Give it as cursor to get the next page; null on the last one.",
        examples=[None],
    )


def _page_request(
    cursor: Annotated[
        str | None, Query(description="next_cursor of the page before.", max_length=200)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows per page.")] = DEFAULT_LIMIT,
) -> PageRequest:
    return PageRequest(None if cursor is None else _decode(cursor), limit)


WantedPage = Annotated[PageRequest, Depends(_page_request)]


def fetch_page(
    session: Session,
    statement: Select[Row],
    identifier: InstrumentedAttribute[str],
    page: PageRequest,
) -> tuple[Sequence[Row], str | None]:
    """Run a statement for one page.

    Parameters
    ----------
    session : Session
        The request's.
    statement : Select
        What to list, scoped to its owner, without an order.
    identifier : InstrumentedAttribute
        The identifier's column; identifiers sort by time.
    page : PageRequest
        From ``WantedPage``.

    Returns
    -------
    rows : sequence
        Newest first.
    next_cursor : str or None
        Where the next page begins.
    """
    if page.after is not None:
        statement = statement.where(identifier < page.after)
    statement = statement.order_by(identifier.desc()).limit(page.limit + 1)
    rows: list[Any] = list(session.scalars(statement))
    if len(rows) <= page.limit:
        return rows, None
    rows = rows[: page.limit]
    return rows, _encode(str(getattr(rows[-1], identifier.key)))


def _encode(last: str) -> str:
    return base64.urlsafe_b64encode(f"{_VERSION}{last}".encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        text = ""
    last = text.removeprefix(_VERSION)
    if not text.startswith(_VERSION) or not last.isprintable() or not last:
        raise InvalidOption("cursor is not one that a page gave: use next_cursor, unchanged")
    return last
