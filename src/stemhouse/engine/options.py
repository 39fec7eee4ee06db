"""What to separate and how: options that a call takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from stemhouse.engine.catalogue import ModelCard
from stemhouse.errors import InvalidOption

Quality = Literal["fast", "standard", "best"]

RESIDUAL = "residual"
"""Name of the track that holds everything of the song that no requested stem holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to separate a song.

    Attributes
    ----------
    stems : tuple of str or None
        Which of the model's stems to compute, in any order; None is all of them.
    residual : bool
        Also give the rest of the song, what is in none of `stems`, as one more track named
        ``residual``.
    quality : {"fast", "standard", "best"}
        ``fast`` computes exactly what Spleeter computes: windows side by side and nothing above
        11 kHz. ``standard`` lets windows overlap and reaches up to 22 kHz. ``best`` averages
        several passes shifted in time and filters the result with a multichannel Wiener filter;
        it takes about five times as long as ``standard``.
    max_duration_s : float or None
        Refuse longer songs with `AudioTooLong`, in seconds, > 0. None, the default, is no limit.

    Raises
    ------
    InvalidOption
        A value is not one of those above.

    Examples
    --------
    >>> from stemhouse import Options
    >>> Options(stems=("vocals",), residual=True, quality="best").quality
    'best'
    """

    stems: tuple[str, ...] | None = None
    residual: bool = False
    quality: Quality = "standard"
    max_duration_s: float | None = None

    def __post_init__(self) -> None:
        if self.quality not in get_args(Quality):
            raise InvalidOption(
                f"quality must be one of {', '.join(get_args(Quality))}, not {self.quality!r}"
            )
        stems: object = self.stems  # callers without a type checker pass lists and strings
        if stems is not None and (not isinstance(stems, tuple) or not stems):
            raise InvalidOption(
                "stems must be a tuple of at least one stem's name, such as ('vocals',), or None "
                "for all"
            )
        if self.max_duration_s is not None and not (
            math.isfinite(self.max_duration_s) and self.max_duration_s > 0
        ):
            raise InvalidOption(
                f"max_duration_s must be a number of seconds above 0, not {self.max_duration_s!r}"
            )

    def stems_of(self, card: ModelCard) -> tuple[str, ...]:
        """Return the stems to compute, in manifest order.

        Parameters
        ----------
        card : ModelCard
            The model.

        Returns
        -------
        tuple of str
            Those that were asked for; all of the model's if none were named.

        Raises
        ------
        InvalidOption
            The model has no stem of that name.
        """
        if self.stems is None:
            return card.stems
        unknown = [stem for stem in self.stems if stem not in card.stems]
        if unknown:
            raise InvalidOption(
                f"the model {card.name} has no stem {unknown[0]!r}; it has {', '.join(card.stems)}",
                stem=unknown[0],
                stems=list(card.stems),
            )
        return tuple(stem for stem in card.stems if stem in self.stems)
