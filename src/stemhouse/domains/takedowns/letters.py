"""What the mails about takedowns say."""

from __future__ import annotations

from stemhouse.domains.accounts.mail import Mail
from stemhouse.domains.takedowns.tables import Takedown
from stemhouse.http.sites import Place


def for_the_operator(place: Place, takedown: Takedown) -> Mail:
    """Tell whoever runs a site that somebody wants a recording to go."""
    return Mail(
        recipient=place.site.operator.email,
        subject=f"{place.site.title}: takedown request {takedown.id}",
        body=(
            f"{takedown.name} <{takedown.email}> ({takedown.role}) asks for this to go:\n\n"
            f"{takedown.work}\n\nFound at:\n{takedown.place}\n\n"
            f"They say:\n{takedown.statement}\n\n"
            f"Decide it at {place.address}/admin#takedowns\n"
        ),
    )


def for_the_sender(place: Place, takedown: Takedown) -> Mail:
    """Confirm that a request has come."""
    return Mail(
        recipient=takedown.email,
        subject=f"{place.site.title}: your request {takedown.id}",
        body=(
            f"Hello,\n\nyour request about\n\n{takedown.work}\n\nhas come and will be looked "
            f"into. Name {takedown.id} when you write to us about it: "
            f"{place.site.operator.email}\n\nIf you did not send it, tell us.\n"
        ),
    )
