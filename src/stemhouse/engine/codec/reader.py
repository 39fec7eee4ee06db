"""Reading: any audio file, any video's sound, or audio in memory, as float32 blocks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Final, Self

import numpy as np

from stemhouse.engine.audio import Audio, Samples
from stemhouse.engine.codec.decoder import BLOCK_SAMPLES, Decoder
from stemhouse.engine.codec.downmix import downmix, downmix_matrix, usual_layout
from stemhouse.engine.codec.info import SourceInfo
from stemhouse.engine.codec.source import open_input, stem_name
from stemhouse.engine.notices import Notice
from stemhouse.errors import AudioTooLong, CorruptAudio, EmptyAudio, InvalidOption

Source = str | os.PathLike[str] | BinaryIO | Audio
"""What can be read: a path, a binary file object (seekable or not), or audio in memory."""

LOUDEST: Final = 2**20
"""Of a sample: 120 dB above full scale. Floats that were meant as 16-bit integers are below it; far
above it the squares of the separation's own steps overflow, and nobody could tell why."""


def open_source(source: Source, *, max_duration_s: float | None = None) -> AudioReader:
    """Open a source for reading.

    Parameters
    ----------
    source : path, binary file object or Audio
        File objects may be non-seekable (M4A and AIFF with their index at the end need seeking).
        They are not closed.
    max_duration_s : float, optional
        Longest accepted sound in seconds, > 0. No limit by default.

    Returns
    -------
    AudioReader
        A context manager; leaving it closes what was opened here.

    Raises
    ------
    SourceNotFound
        The path does not exist or may not be read.
    UnsupportedAudio
        No audio, or a codec, rate or channel count that cannot be used.
    CorruptAudio
        The header is damaged or cut off.
    EmptyAudio
        No bytes, or no samples.
    AudioTooLong
        The header says more than `max_duration_s`.
    InvalidOption
        `source` is something else, or `max_duration_s` is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> from stemhouse.engine.audio import Audio
    >>> from stemhouse.engine.codec import open_source
    >>> with open_source(Audio(np.zeros((2, 100_000), np.float32), 44_100)) as reader:
    ...     [block.shape for block in reader.blocks()]
    [(2, 65536), (2, 34464)]
    """
    if max_duration_s is not None and not max_duration_s > 0:
        raise InvalidOption(f"max_duration_s must be more than 0 seconds, not {max_duration_s}")
    if isinstance(source, Audio):
        reader = AudioReader(_audio_info(source), _speakers_of(source), _slices(source))
    else:
        decoder = Decoder(open_input(source))
        reader = AudioReader(_file_info(decoder, source), decoder.speakers, decoder)
    reader._limit_to(max_duration_s)
    return reader


class AudioReader:
    """A source being read, block by block. Made by `open_source`.

    Attributes
    ----------
    info : SourceInfo
        Facts about the source.
    output_channels : int
        Channels of the blocks: 1 for mono, otherwise 2.
    """

    def __init__(
        self, info: SourceInfo, speakers: tuple[str, ...], origin: Decoder | Iterator[Samples]
    ) -> None:
        self.info = info
        self.output_channels = min(info.channels, 2)
        self._origin = origin
        self._matrix = downmix_matrix(speakers) if info.channels > 2 else None
        self._notices = [_downmix_notice(info)] if info.channels > 2 else []
        self._limit_samples: int | None = None

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What must be said about this source; complete after the last block."""
        return tuple(self._notices)

    def blocks(self) -> Iterator[Samples]:
        """Yield the sound from the beginning to the end, once.

        Yields
        ------
        ndarray of float32, shape (1 or 2, T), 1 <= T <= 65,536
            Samples at the native rate, full scale ±1.0 (values beyond are kept), finite. Encoder
            delay and padding are removed where the file says how long they are.

        Raises
        ------
        CorruptAudio
            Sound is lost (damage, a truncated file) or a value is not finite.
        UnsupportedAudio
            Rate or channel count change in the middle.
        EmptyAudio
            The end came before the first sample.
        AudioTooLong
            More than the limit was decoded, whatever the header said.

        Notes
        -----
        Each block is a new array; memory does not grow with the length of the source.
        """
        done = 0
        chunks = self._origin.blocks() if isinstance(self._origin, Decoder) else self._origin
        for block in chunks:
            # What is not a number is not below anything.
            if block.size and not max(block.max(), -block.min()) <= LOUDEST:
                raise self._no_sound(block, done)
            done += block.shape[1]
            if self._limit_samples is not None and done > self._limit_samples:
                raise self._too_long(done)
            yield block if self._matrix is None else downmix(self._matrix, block)
        if done == 0:
            raise EmptyAudio(f"{self.info.name} holds no samples")

    def close(self) -> None:
        """Close what was opened here. May be called more than once."""
        if isinstance(self._origin, Decoder):
            self._origin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _no_sound(self, block: Samples, done: int) -> CorruptAudio:
        wrong = int(np.flatnonzero(~(np.abs(block) <= LOUDEST).all(axis=0))[0])
        place = f"(the first at {(done + wrong) / self.info.sample_rate:.3f} s)"
        if np.isfinite(block[:, wrong]).all():
            told = (
                f"holds samples more than {LOUDEST:,} times full scale {place}; export it again "
                "with samples from -1 to 1"
            )
        else:
            told = f"holds NaN or infinite samples {place}; export it again"
        return CorruptAudio(f"{self.info.name} {told}", offset_samples=done + wrong)

    def _limit_to(self, max_duration_s: float | None) -> None:
        if max_duration_s is None:
            return
        self._limit_samples = int(max_duration_s * self.info.sample_rate)
        self._max_duration_s = max_duration_s
        known = self.info.length_samples
        if known is not None and known > self._limit_samples:
            self.close()
            raise self._too_long(known)

    def _too_long(self, length: int) -> AudioTooLong:
        seconds = length / self.info.sample_rate
        return AudioTooLong(
            f"{self.info.name} is longer than {self._max_duration_s:g} s, which is the limit; "
            "cut it or raise the limit",
            duration_s=seconds,
            max_duration_s=self._max_duration_s,
        )


def _file_info(decoder: Decoder, source: str | os.PathLike[str] | BinaryIO) -> SourceInfo:
    return SourceInfo(
        name=stem_name(source),
        container=decoder.container_name,
        codec=decoder.codec_name,
        sample_rate=decoder.sample_rate,
        channels=decoder.channels,
        channel_layout=decoder.layout_name,
        bits_per_sample=decoder.bits_per_sample,
        length_samples=decoder.length_samples,
        tags=decoder.tags,
        cover=decoder.cover,
    )


def _audio_info(audio: Audio) -> SourceInfo:
    audio.require_samples()
    names = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
    return SourceInfo(
        name="audio",
        container="memory",
        codec="float32",
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        channel_layout=names.get(audio.channels, f"{audio.channels} channels"),
        bits_per_sample=32,
        length_samples=audio.length_samples,
    )


def _speakers_of(audio: Audio) -> tuple[str, ...]:
    return usual_layout(audio.channels)


def _slices(audio: Audio) -> Iterator[Samples]:
    for start in range(0, audio.length_samples, BLOCK_SAMPLES):
        view = audio.samples[:, start : start + BLOCK_SAMPLES]
        view.flags.writeable = False  # the caller's samples are never modified
        yield view


def _downmix_notice(info: SourceInfo) -> Notice:
    return Notice(
        "downmixed",
        f"{info.channels} channels ({info.channel_layout}) were mixed down to stereo "
        "(ITU-R BS.775, without the low-frequency effects channel)",
        {"channels": info.channels, "channel_layout": info.channel_layout},
    )
