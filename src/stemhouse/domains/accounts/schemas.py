"""Bodies of the routes of accounts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, EmailStr, Field

from stemhouse.domains.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from stemhouse.domains.accounts.scopes import Scope
from stemhouse.http.schemas import Answer, Request, UtcTime

EmailAddress = Annotated[
    EmailStr,
    AfterValidator(str.lower),
    Field(max_length=320, description="Upper and lower case are the same."),
]
NewPassword = Annotated[
    str,
    Field(
        min_length=MIN_LENGTH,
        max_length=MAX_LENGTH,
        description=f"At least {MIN_LENGTH} characters.",
        examples=["correct horse battery"],
    ),
]
GivenPassword = Annotated[
    str,
    Field(
        max_length=MAX_LENGTH,
        description="The present one.",
        examples=["correct horse battery"],
    ),
]
MailedSecret = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="From the link in the mail.",
        examples=["W2nPq7sTzK9xV1bC4mL8dR6hJ3gF5yA0"],
    ),
]


class SignUpRequest(Request):
    """Who wants an account."""

    email: EmailAddress
    password: NewPassword


class SignInRequest(Request):
    """Who wants in."""

    email: EmailAddress
    password: GivenPassword


class EmailRequest(Request):
    """Whom to mail."""

    email: EmailAddress


class TokenRequest(Request):
    """A link from a mail."""

    token: MailedSecret


class ResetRequest(Request):
    """A link from a mail, and the password to have."""

    token: MailedSecret
    password: NewPassword


class PasswordRequest(Request):
    """Another password."""

    current_password: GivenPassword | None = Field(
        None, description="Needed unless the account has none yet."
    )
    new_password: NewPassword


class NewEmailRequest(Request):
    """Another address; it counts when the link that is mailed there has been followed."""

    email: EmailAddress
    password: GivenPassword | None = Field(
        None, description="The present one, unless the account has none."
    )


class DeletionRequest(Request):
    """Proof that the owner wants the account gone."""

    password: GivenPassword | None = Field(
        None, description="The present one, unless the account has none."
    )
    confirm: Literal["delete everything"] = Field(description="Exactly these words.")


class AccountAnswer(Answer):
    """An account, as its owner sees it."""

    id: str = Field(
        description="Identifier of the account.", examples=["acct_01k9zv5w3h8m2n4p6r7s9t0vwx"]
    )
    kind: Literal["user", "guest"] = Field(
        description="guest: somebody who tries the service without signing up.", examples=["user"]
    )
    email: str | None = Field(description="null for guests.", examples=["ada@example.org"])
    email_verified: bool = Field(
        description="Whether the link mailed to the address was followed.", examples=[True]
    )
    plan: str = Field(description="Its limits and its place in the queue.", examples=["free"])
    operates: Literal["site", "all"] | None = Field(
        description="Whether it is an operator's: of this site, or of all.", examples=[None]
    )
    created_at: UtcTime = Field(description="When it was made.")


class SessionAnswer(Answer):
    """Who is signed in, and what pages send along with requests that change something."""

    account: AccountAnswer = Field(description="Who is signed in.")
    csrf_token: str | None = Field(
        description="Send it as X-CSRF-Token; null where a key, not a cookie, let you in.",
        examples=["b41c8f6f0d0e4a7f8c55d2"],
    )


class Accepted(Answer):
    """Something goes on by mail."""

    status: Literal["mail_sent"] = Field(
        description="Said whether or not there is such an account, so that nobody can find out."
    )


class KeyRequest(Request):
    """A key to be made."""

    name: str = Field(
        description="To tell it from your other keys.",
        min_length=1,
        max_length=100,
        examples=["my script"],
    )
    scopes: list[Scope] = Field(
        description="What it may do.",
        min_length=1,
        max_length=20,
        examples=[["uploads", "jobs:read", "jobs:write"]],
    )
    expires_at: UtcTime | None = Field(None, description="null means never.", examples=[None])


class KeyAnswer(Answer):
    """A key, without its secret."""

    id: str = Field(
        description="Identifier of the key; not the key itself.",
        examples=["key_01k9zv5w3h8m2n4p6r7s9t0vwx"],
    )
    name: str = Field(description="As you called it.", examples=["my script"])
    shown_start: str = Field(description="How the key begins.", examples=["shk_Xq3vB9zk"])
    scopes: list[str] = Field(description="What it may do.", examples=[["jobs:read"]])
    created_at: UtcTime = Field(description="When it was made.")
    last_used_at: UtcTime | None = Field(description="To the minute.")
    expires_at: UtcTime | None = Field(description="When it stops working; null means never.")
    revoked_at: UtcTime | None = Field(
        description="When it was revoked; null while it works.", examples=[None]
    )


class NewKeyAnswer(KeyAnswer):
    """A key and its secret, which is shown this once."""

    key: str = Field(
        description="The key itself. Keep it: it is not shown again.", examples=["shk_Xq3vB9zk…"]
    )
