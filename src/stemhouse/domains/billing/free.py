"""Free credits: at sign-up and by the month, once for each person.

They are written down with the first job that needs them; until then they are only counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from stemhouse.db.upsert import insert_for
from stemhouse.domains.accounts import queries as accounts
from stemhouse.domains.accounts.plans import FREE_PLAN
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.accounts.tokens import free_credits_token
from stemhouse.domains.billing import queries
from stemhouse.domains.billing.service import Ledger, said
from stemhouse.domains.billing.tables import FreeGrant
from stemhouse.settings import Settings
from stemhouse.sites.schema import Site

SIGN_UP = "sign-up"

Reason = Literal["unconfirmed", "given_before"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeCredits:
    """Credits that one person gets once, without paying."""

    cause: str
    amount: int
    note: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """Free credits that an account does not get, or not yet."""

    amount: int
    unit: str
    reason: Reason

    @property
    def message(self) -> str:
        """Say why, to an honest user."""
        if self.reason == "unconfirmed":
            return (
                f"{said(self.amount, self.unit)} free are waiting: confirm your e-mail address by "
                "the link in the mail that we sent you"
            )
        return (
            f"the {said(self.amount, self.unit)} free were given to this e-mail address before, "
            "and each address gets them once"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What an account gets now, and what it does not."""

    credits: tuple[FreeCredits, ...]
    withheld: Withheld | None
    token: str | None
    """Stands for the confirmed address that must not get them again."""


class FreeTier:
    """The free credits of a site.

    Parameters
    ----------
    settings : Settings
        Has the key by which addresses are hashed.
    site : Site
        Says what is free.
    """

    def __init__(self, settings: Settings, site: Site) -> None:
        self._settings = settings
        self._site = site

    def due(self, session: Session, payer: Principal, ledger: Ledger, now: datetime) -> Due:
        """Look what an account gets; nothing is written."""
        wanted = [one for one in self._offers(payer, now) if not ledger.granted(one.cause)]
        if payer.kind == "guest" or not wanted:
            return Due(credits=tuple(wanted), withheld=None, token=None)
        account = session.scalars(accounts.account(payer.site_id, payer.account_id)).one()
        token = self._token(account)
        if token is None and self._site.guard.free_needs_verified_email:
            return self._without(wanted, wanted, "unconfirmed")
        seen = set()
        if token is not None:
            causes = [one.cause for one in wanted]
            seen = set(session.scalars(queries.free_grants(payer.site_id, token, causes)))
        before = [one for one in wanted if one.cause in seen]
        if before:
            return self._without(wanted, before, "given_before", token)
        return Due(credits=tuple(wanted), withheld=None, token=token)

    def grant(
        self, session: Session, payer: Principal, ledger: Ledger, now: datetime
    ) -> Withheld | None:
        """Give an account what is due to it; return what it does not get."""
        due = self.due(session, payer, ledger, now)
        for one in due.credits:
            if due.token is not None:
                row = {"site_id": payer.site_id, "address_hash": due.token, "cause": one.cause}
                # Another account of the same person may do so at this moment: it waits here.
                added = session.execute(
                    insert_for(session, FreeGrant)
                    .values(**row, granted_at=now)
                    .on_conflict_do_nothing()
                    .returning(FreeGrant.cause)
                )
                if added.first() is None:
                    continue
            ledger.grant(one.amount, cause=one.cause, note=one.note, expires_at=one.expires_at)
        return due.withheld

    def _offers(self, payer: Principal, now: datetime) -> Iterator[FreeCredits]:
        name = payer.plan.name
        plan = self._site.plans.get(name) or self._site.plans[FREE_PLAN]
        if plan.credits_at_sign_up:
            # A guest who signs up gets what accounts get as well.
            yield FreeCredits(
                cause="guest" if payer.kind == "guest" else SIGN_UP,
                amount=plan.credits_at_sign_up,
                note="free credits of a new account",
                expires_at=None,
            )
        # Those of a plan that is paid for come with its payments, for the time that was paid.
        if plan.credits_per_month and plan.prices is None:
            yield FreeCredits(
                cause=cause_of_month(now, name),
                amount=plan.credits_per_month,
                note=f"credits of {now:%B %Y}",
                expires_at=_month_after(now),
            )

    def _token(self, account: Account) -> str | None:
        if account.email is None or account.email_verified_at is None:
            return None
        return free_credits_token(self._settings, account.email)

    def _without(
        self,
        wanted: list[FreeCredits],
        missing: list[FreeCredits],
        reason: Reason,
        token: str | None = None,
    ) -> Due:
        amount = sum(one.amount for one in missing)
        return Due(
            credits=tuple(one for one in wanted if one not in missing),
            withheld=Withheld(amount=amount, unit=self._site.unit, reason=reason),
            token=token,
        )


def cause_of_month(moment: datetime, plan: str) -> str:
    """Return the cause under which a plan's credits of a month are granted."""
    return f"month:{moment:%Y-%m}:{plan}"


def _month_after(now: datetime) -> datetime:
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.month % 12 + 1
    return first.replace(year=first.year + (following == 1), month=following)
