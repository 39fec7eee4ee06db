"""The three qualities as numbers: what each does beyond, or not beyond, Spleeter's way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stemhouse.engine.options import Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a song is cut into windows and how the network's gains become stems.

    Attributes
    ----------
    band : {"trained", "full"}
        What the stems hold: the band the network was trained on (11 kHz) and silence above, or
        everything. It is convolutional, so the same weights see a quarter more bins (13.8 kHz);
        what lies higher takes the mask of the topmost bins it sees.
    hop_frames : int
        Frames from one window to the next, a divisor of the window for whole passes: 512 is
        windows side by side, 128 is four shifted passes.
    taper : bool
        Whether a window's edges, where the network knows one side only, count less.
    level_db : float or None
        Loudness that quieter windows are raised to before the network sees them, in dB of full
        scale (gated RMS); None leaves them as they are, as Spleeter does.
    exponent : float
        p of the ratio mask estimate^p / Σ estimate^p. 2 is Spleeter's; less is softer.
    wiener_iterations : int
        Rounds of multichannel Wiener filtering after the masks.
    wiener_share : float
        How much of the filtered stem there is in the result, 0..1; the rest is the masked one.
    complement : bool
        Whether the model's residual stem is the song minus the others, so that stems add up to
        the song exactly. Spleeter's own way masks it like the others.
    """

    band: Literal["trained", "full"]
    hop_frames: int
    taper: bool
    level_db: float | None
    exponent: float
    wiener_iterations: int
    wiener_share: float
    complement: bool


RECIPES: dict[Quality, Recipe] = {
    "fast": Recipe(
        band="trained",
        hop_frames=512,
        taper=False,
        level_db=None,
        exponent=2.0,
        wiener_iterations=0,
        wiener_share=0.0,
        complement=False,
    ),
    "standard": Recipe(
        band="full",
        hop_frames=384,
        taper=True,
        level_db=-20.0,
        exponent=2.0,
        wiener_iterations=0,
        wiener_share=0.0,
        complement=True,
    ),
    "best": Recipe(
        band="full",
        hop_frames=128,
        taper=True,
        level_db=-20.0,
        exponent=1.3,
        wiener_iterations=1,
        wiener_share=0.5,
        complement=True,
    ),
}
