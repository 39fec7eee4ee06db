"""Cutting a stem into FLAC files that join again without a lost or added sample."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Literal

import numpy as np
import soundfile

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec.quantise import Quantiser, peak_of
from stemhouse.errors import InvalidOption, ResultDamaged
from stemhouse.results.manifest import Segment
from stemhouse.results.waveform import WaveformBuilder

Sink = Callable[[str, bytes], None]
"""Keeps one file, whole or not at all: called with its name in the result and its bytes."""

SEGMENT_S = 10
"""Length of a segment in seconds: about 1.8 MB of stereo, one request of the player."""

# Of libsndfile's 0 to 1. 24-bit music: 0.5 takes 6 % less room than 0 at the same speed, 1.0
# saves one more per cent for three times the time.
_COMPRESSION = 0.5


class SegmentWriter:
    """Writes one stem as segments, each handed on as soon as it is full.

    Parameters
    ----------
    sink : callable
        Keeps the files.
    folder : str
        Put before the segments' names, such as ``0``: a number of ours, never the stem's name.
    sample_rate : int
        Rate in Hz.
    channels : int
        1 or 2.
    bit_depth : 16 or 24
        24 keeps what the engine computes (float32 of music) to -144 dB of full scale; 16 halves
        the room and the player's downloads, at the quality of a CD.
    segment_samples : int, optional
        Samples per channel of a segment; `SEGMENT_S` seconds by default.

    Attributes
    ----------
    segments : list of Segment
        What is finished, in order.
    waveform : WaveformBuilder
        The overview of all that was written.
    peak : float
        Largest absolute value so far.

    Notes
    -----
    Memory is one segment, whatever the length of the song. A stretch whose peak does not fit full
    scale is stored divided by a power of two (`Segment.scale`), so that nothing is clipped and
    stems still add up.
    """

    def __init__(
        self,
        sink: Sink,
        folder: str,
        *,
        sample_rate: int,
        channels: int,
        bit_depth: Literal[16, 24] = 24,
        segment_samples: int | None = None,
    ) -> None:
        self.segments: list[Segment] = []
        self.waveform = WaveformBuilder(sample_rate, channels)
        self.peak = 0.0
        self._sink, self._folder = sink, folder
        self._sample_rate, self._bit_depth = sample_rate, bit_depth
        size = segment_samples or SEGMENT_S * sample_rate
        self._buffer = np.empty((channels, size), np.float32)
        self._filled = 0

    @property
    def length_samples(self) -> int:
        """Samples per channel in finished segments."""
        return sum(segment.length_samples for segment in self.segments)

    def write(self, samples: Samples) -> int:
        """Append samples, float32 (C, T); return how many segments that finished."""
        channels, size = self._buffer.shape
        if samples.ndim != 2 or samples.shape[0] != channels:
            raise InvalidOption(f"expected {channels} channels, got the shape {samples.shape}")
        self.waveform.write(samples)
        before, done = len(self.segments), 0
        while done < samples.shape[1]:
            count = min(size - self._filled, samples.shape[1] - done)
            self._buffer[:, self._filled : self._filled + count] = samples[:, done : done + count]
            self._filled += count
            done += count
            if self._filled == size:
                self._finish_segment()
        return len(self.segments) - before

    def close(self) -> None:
        """Finish the last, shorter segment."""
        if self._filled:
            self._finish_segment()

    def _finish_segment(self) -> None:
        samples = self._buffer[:, : self._filled]
        peak = peak_of(samples)
        scale = _scale_for(peak)
        data = encode_segment(samples, self._sample_rate, self._bit_depth, scale)
        name = f"{self._folder}/{len(self.segments):06d}.flac"
        self._sink(name, data)
        self.segments.append(
            Segment(
                name=name,
                size_bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                offset_samples=self.length_samples,
                length_samples=self._filled,
                scale=scale,
            )
        )
        self.peak = max(self.peak, peak)
        self._filled = 0


def encode_segment(samples: Samples, sample_rate: int, bit_depth: int, scale: int) -> bytes:
    """Return `samples`, float32 (C, T), divided by `scale` and rounded, as a FLAC file."""
    scaled = samples if scale == 1 else samples / np.float32(scale)
    # Not libsndfile's own rounding, which takes 1.0 for 8,388,607 and would shift every sample.
    whole = Quantiser(bit_depth).interleave(scaled, peak_of(scaled))  # (C, T) -> (T, C)
    if bit_depth == 24:
        whole = whole << 8  # libsndfile wants the 24 bits in the upper bytes of 32
    file = io.BytesIO()
    soundfile.write(
        file,
        whole,
        sample_rate,
        format="FLAC",
        subtype=f"PCM_{bit_depth}",
        compression_level=_COMPRESSION,
    )
    return file.getvalue()


def decode_segment(data: bytes, segment: Segment) -> Samples:
    """Return the samples, float32 (C, T), of a segment's file, after checking it.

    Raises
    ------
    ResultDamaged
        The bytes are not those that were stored.
    """
    if len(data) != segment.size_bytes or hashlib.sha256(data).hexdigest() != segment.sha256:
        raise ResultDamaged("a stored file of this result is damaged", segment=segment.name)
    frames, _rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    samples: Samples = np.ascontiguousarray(frames.T)  # (T, C) -> (C, T)
    return samples if segment.scale == 1 else samples * np.float32(segment.scale)


def _scale_for(peak: float) -> int:
    scale = 1
    while peak > scale:
        scale *= 2
    return scale
