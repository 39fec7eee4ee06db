"""What somebody wants done with a song, checked and with the gaps filled."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass

from stemhouse.domains.uploads.service import ReadySong
from stemhouse.engine.options import Options, Quality
from stemhouse.sites.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A song's settings as they are asked for; None is whatever is usual."""

    upload_id: str
    model: str | None = None
    stems: tuple[str, ...] | None = None
    residual: bool = False
    quality: Quality = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings that are known to work, in one form for every way of asking for them.

    Attributes
    ----------
    model : Model
        What separates.
    stems : tuple of str or None
        Which stems, in manifest order; None is all.
    residual : bool
        Whether the rest is wanted too.
    quality : str
        How well.
    """

    model: Model
    stems: tuple[str, ...] | None
    residual: bool
    quality: Quality

    @classmethod
    def of(cls, wish: Wish, model: Model) -> Recipe:
        """Check a wish against a model.

        Raises
        ------
        InvalidOption
            The model has no such stem, or the quality is unknown.
        """
        options = Options(stems=wish.stems, residual=wish.residual, quality=wish.quality)
        stems = options.stems_of(model.card)
        everything = stems == model.card.stems
        return cls(
            model=model,
            stems=None if everything else stems,
            residual=wish.residual and not everything,
            quality=wish.quality,
        )

    def key(self, song: ReadySong) -> str:
        """Return the digest of the recording and these settings."""
        facts = [
            song.sha256,
            self.model.card.name,
            self.model.weights_sha256,
            self.stems,
            self.residual,
            self.quality,
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def price(self, song: ReadySong) -> int:
        """Return the price: every second of audio that has begun."""
        return max(1, math.ceil(song.duration_s))
