"""WAV downloads whose every byte is known beforehand: any part can be made without the rest."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec import AudioWriter
from stemhouse.results.transcode import EncoderSetup, encode

Blocks = Callable[[int, int], Iterator[Samples]]
"""Gives the samples from the first up to, not including, the second position."""


class WavLayout:
    """Where everything lies in a WAV file of known length.

    Parameters
    ----------
    setup : EncoderSetup
        The file; its format is WAV.
    """

    def __init__(self, setup: EncoderSetup) -> None:
        self._setup = setup
        self._header = _header(setup)
        self._frame_bytes = setup.channels * setup.format.bits // 8
        self._data_bytes = setup.length_samples * self._frame_bytes

    @property
    def size_bytes(self) -> int:
        """Size of the whole file; its data is padded to an even length."""
        return len(self._header) + self._data_bytes + self._data_bytes % 2

    def stream(self, blocks: Blocks, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to, not including, `end`."""
        position = len(self._header)
        if start < position:
            yield self._header[start : min(end, position)]
        first, last = max(start, position), min(end, position + self._data_bytes)
        if first < last:
            yield from self._data(blocks, first - position, last - position)
        if end > position + self._data_bytes:
            yield b"\0"

    def _data(self, blocks: Blocks, start: int, end: int) -> Iterator[bytes]:
        first_frame, skipped = divmod(start, self._frame_bytes)
        last_frame = -(-end // self._frame_bytes)
        # The same encoder as for the whole file; its header is cut off.
        skipped += len(self._header)
        left = end - start
        for data in encode(blocks(first_frame, last_frame), self._setup):
            part = data[skipped : skipped + left]
            skipped = max(0, skipped - len(data))
            left -= len(part)
            if part:
                yield part


def _header(setup: EncoderSetup) -> bytes:
    file = io.BytesIO()
    writer = AudioWriter(
        file,
        setup.format,
        sample_rate=setup.sample_rate,
        channels=setup.channels,
        tags=setup.tags,
        length_samples=setup.length_samples,
    )
    writer.write(np.zeros((setup.channels, 0), np.float32))
    header = file.getvalue()
    writer.abort()
    return header
