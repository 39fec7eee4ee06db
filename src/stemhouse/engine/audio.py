"""Audio in memory, and the one gate that checks it.

Everywhere in the engine audio is float32, shape (C channels, T samples), full scale ±1.0, with its
sample rate beside it. Nothing guesses which axis is which: whoever has samples the other way round
transposes them before they come in here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemhouse.errors import EmptyAudio, InvalidOption, UnsupportedAudio

Samples = NDArray[np.float32]

MIN_SAMPLE_RATE = 8_000
"""Lowest sample rate taken, in Hz: telephone audio."""

MAX_SAMPLE_RATE = 192_000
"""Highest sample rate taken, in Hz: the highest rate that recorders use for PCM."""

MAX_CHANNELS = 8
"""Most channels taken: 7.1 surround."""


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """A piece of audio: samples and their rate.

    Parameters
    ----------
    samples : ndarray of float32, shape (C, T)
        Samples, full scale ±1.0 (values beyond are kept). The array is not copied; it is never
        modified by the engine.
    sample_rate : int
        Samples per second and channel, 8,000 to 192,000 Hz.

    Raises
    ------
    UnsupportedAudio
        Wrong type, rank, channel count or rate, or a value that is not finite.

    Notes
    -----
    An `Audio` may be empty (T = 0): a block of a stream can be. What must not be empty is a
    song; `require_samples` says so.

    Examples
    --------
    >>> import numpy as np
    >>> from stemhouse import Audio
    >>> audio = Audio(np.zeros((2, 44_100), np.float32), sample_rate=44_100)
    >>> audio.channels, audio.length_samples, audio.duration_s
    (2, 44100, 1.0)
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        check_sample_rate(self.sample_rate)
        check_samples(self.samples)

    @property
    def channels(self) -> int:
        """Number of channels C."""
        return int(self.samples.shape[0])

    @property
    def length_samples(self) -> int:
        """Number of samples T per channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.length_samples / self.sample_rate

    def require_samples(self) -> Audio:
        """Return this audio, or raise `EmptyAudio` if it holds no samples."""
        if self.length_samples == 0:
            raise EmptyAudio("the audio is empty: it holds no samples")
        return self


def check_sample_rate(sample_rate: object) -> None:
    """Raise `UnsupportedAudio` unless `sample_rate` is an integer from 8,000 to 192,000 Hz."""
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, int):
        raise InvalidOption(
            f"sample_rate must be an integer in Hz, not {type(sample_rate).__name__}"
        )
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise UnsupportedAudio(
            f"a sample rate of {sample_rate} Hz is not supported: "
            f"{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz are",
            sample_rate=sample_rate,
        )


def check_samples(samples: object) -> None:
    """Raise `UnsupportedAudio` unless `samples` is finite float32 of shape (1 to 8, T)."""
    if not isinstance(samples, np.ndarray) or samples.dtype != np.float32:
        kind = samples.dtype if isinstance(samples, np.ndarray) else type(samples).__name__
        raise UnsupportedAudio(f"samples must be a float32 array of shape (C, T), not {kind}")
    if samples.ndim != 2:
        raise UnsupportedAudio(
            f"samples must have the shape (C channels, T samples), not {samples.shape}; "
            "mono is (1, T)"
        )
    if not 1 <= samples.shape[0] <= MAX_CHANNELS:
        raise UnsupportedAudio(
            f"samples have {samples.shape[0]} channels (shape {samples.shape}); 1 to "
            f"{MAX_CHANNELS} are supported. If the array is (T, C), pass its transpose"
        )
    # One pass without a temporary of the array's size: a sum is finite only if all its terms are
    # (an overflow of finite float32 values needs 1e38, far outside audio, and is refused as well).
    if samples.size and not np.isfinite(np.sum(samples, dtype=np.float64)):
        raise UnsupportedAudio("samples hold NaN or infinity")
