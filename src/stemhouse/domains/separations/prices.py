"""What a song costs at a site."""

from __future__ import annotations

import math
from decimal import Decimal

from stemhouse.domains.separations.wishes import Recipe
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
