"""Which language whoever asks likes best."""

from __future__ import annotations


def preferred(header: str, spoken: tuple[str, ...]) -> str | None:
    """Return the language of a site that an Accept-Language header likes best."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(header.split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        base = tag.split("-")[0].lower()
        found = next((one for one in spoken if tag.lower() == one.lower() or base == one), None)
        if found and quality > 0:
            wishes.append((-quality, place, found))
    return min(wishes)[2] if wishes else None
