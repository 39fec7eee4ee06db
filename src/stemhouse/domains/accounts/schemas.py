"""Bodies of the routes of accounts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stemhouse.http.schemas import Answer, UtcTime


class AccountAnswer(Answer):
    """An account, as its owner sees it."""

    id: str = Field(examples=["acct_01k9zv5w3h8m2n4p6r7s9t0vwx"])
    kind: Literal["user", "guest"]
    email: str | None = Field(description="null for guests.", examples=["ada@example.org"])
    email_verified: bool
    plan: str = Field(examples=["free"])
    created_at: UtcTime
