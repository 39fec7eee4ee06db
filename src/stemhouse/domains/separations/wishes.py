"""What somebody wants done with a song, checked and with the gaps filled."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from stemhouse.domains.uploads.service import ReadySong
from stemhouse.engine.options import Options, Quality
from stemhouse.sites.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A song's settings as they are asked for; None is whatever is usual."""

    upload_id: str
    output: str | None = None
    model: str | None = None
    stems: tuple[str, ...] | None = None
    residual: bool = False
    quality: Quality | None = None


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
    output : str
        Name of the site's output that it is, or is a part of.
    """

    model: Model
    stems: tuple[str, ...] | None
    residual: bool
    quality: Quality
    output: str

    @classmethod
    def of(cls, wish: Options, model: Model, output: str) -> Recipe:
        """Check settings against a model.

        Raises
        ------
        InvalidOption
            The model has no such stem.
        """
        stems = wish.stems_of(model.card)
        everything = stems == model.card.stems
        return cls(
            model=model,
            stems=None if everything else stems,
            residual=wish.residual and not everything,
            quality=wish.quality,
            output=output,
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
