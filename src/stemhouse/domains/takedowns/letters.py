"""The mails about takedowns."""

from __future__ import annotations

from stemhouse.domains.accounts.letters import language_of, spoken_at, write
from stemhouse.domains.accounts.mail import Mail
from stemhouse.domains.takedowns.tables import Takedown
from stemhouse.http.sites import Place


def for_the_operator(place: Place, takedown: Takedown) -> Mail:
    """Tell whoever runs a site that somebody wants a recording to go."""
    values = {
        "number": takedown.id,
        "name": takedown.name,
        "email": takedown.email,
        "role": takedown.role,
        "work": takedown.work,
        "place": takedown.place,
        "statement": takedown.statement,
        "link": f"{place.address}/admin#takedowns",
    }
    recipient, language = place.site.operator.email, spoken_at(place.site)[0]
    return write(place, recipient, "takedown_operator", language=language, values=values)


def for_the_sender(place: Place, takedown: Takedown) -> Mail:
    """Confirm that a request has come."""
    values = {
        "number": takedown.id,
        "work": takedown.work,
        "contact": place.site.operator.email,
    }
    language = language_of(place)
    return write(place, takedown.email, "takedown_sender", language=language, values=values)
