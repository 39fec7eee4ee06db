"""SQL of takedowns. They belong to a site and to no account: operators alone read them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, Update, func, select, update

from stemhouse.domains.takedowns.tables import Takedown, TakedownEvent


def of_sites(site_ids: Sequence[str]) -> Select[Takedown]:
    """List the requests of some sites."""
    return select(Takedown).where(Takedown.site_id.in_(site_ids))


def events_of(takedown_ids: Sequence[str]) -> Select[TakedownEvent]:
    """List the steps of some requests, oldest first."""
    return (
        select(TakedownEvent)
        .where(TakedownEvent.takedown_id.in_(takedown_ids))
        .order_by(TakedownEvent.takedown_id, TakedownEvent.number)
    )


def count_event(takedown_id: str) -> Update:
    """Take the next number of a request's steps; locks its row until the end."""
    return (
        update(Takedown)
        .where(Takedown.id == takedown_id)
        .values(last_event=Takedown.last_event + 1)
        .returning(Takedown.last_event)
    )


def open_by_site(site_ids: Sequence[str]) -> Select[str, int]:
    """Count the requests that nobody has decided."""
    return (
        select(Takedown.site_id, func.count(Takedown.id).label("requests"))
        .where(Takedown.site_id.in_(site_ids), Takedown.closed_at.is_(None))
        .group_by(Takedown.site_id)
    )
