"""What a song costs at a site."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from stemhouse.domains.separations.purse import Unit
from stemhouse.domains.separations.wishes import Recipe
from stemhouse.errors import PriceChanged
from stemhouse.sites.schema import Site


def price_of(site: Site, recipe: Recipe, duration_s: float) -> int:
    """Return the price in the site's unit: a song, or every second that has begun.

    Factors of the output and of the quality multiply, and the product is rounded up once.
    """
    begun = 1 if site.unit == "song" else max(1, math.ceil(duration_s))
    factors = site.multipliers
    # As the site file writes it: 1.1 times 10 is 11, which it is not in binary.
    quality = Decimal(str(factors.quality.get(recipe.quality, 1)))
    output = Decimal(str(factors.output.get(recipe.output, 1)))
    return math.ceil(begun * quality * output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What somebody is willing to pay.

    Attributes
    ----------
    expected_price : int or None
        The price that was shown; any other one is refused.
    max_price : int or None
        The highest.
    """

    expected_price: int | None = None
    max_price: int | None = None

    def check(self, price: int, unit: Unit) -> None:
        """Raise `PriceChanged` where a song costs something else."""
        other = self.expected_price is not None and price != self.expected_price
        if other or (self.max_price is not None and price > self.max_price):
            raise PriceChanged(
                f"the price is {price} {unit}(s), not what was shown: nothing was queued or "
                "charged; ask for the price again with dry_run",
                price=price,
                unit=unit,
            )
