"""Writing: float32 blocks to one file of any output format, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import BinaryIO, Self

import numpy as np

from stemhouse.engine.audio import Samples, check_sample_rate
from stemhouse.engine.codec.encoder import Encoder, EncoderJob, can_seek
from stemhouse.engine.codec.ffmpeg import PICTURE_CODECS, FfmpegEncoder
from stemhouse.engine.codec.formats import OutputFormat
from stemhouse.engine.codec.info import Cover
from stemhouse.engine.codec.pictures import picture_size
from stemhouse.engine.codec.quantise import peak_of
from stemhouse.engine.codec.resample import Resampler, resampled_length
from stemhouse.engine.codec.tags import clean_tags
from stemhouse.engine.codec.target import Target
from stemhouse.engine.codec.vorbis import VorbisEncoder
from stemhouse.engine.codec.wav import WavEncoder
from stemhouse.engine.notices import Notice
from stemhouse.errors import EmptyAudio, InvalidOption

_NO_TAGS: Mapping[str, str] = MappingProxyType({})

_LONGEST_SIDE = 65_535
"""Of a cover in pixels: what JPEG can say, and M4A."""

_LARGEST_FLAC_PICTURE = 2**24 - 1 - 64
"""In bytes: FLAC says the length of a picture's block in 24 bits, and besides the picture that
holds less than 64 bytes."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """What was written.

    Attributes
    ----------
    path : Path or None
        The file; None for a file object.
    size_bytes : int
        Its size.
    length_samples : int
        Samples per channel that were handed in, at their rate.
    clipped_samples : int
        Samples, over all channels, that did not fit an integer format and were limited.
    peak : float
        Largest absolute value handed in; 1.0 is full scale.
    notices : tuple of Notice
        ``resampled``, ``clipped``, ``over_full_scale``, ``cover_left_out``.
    """

    path: Path | None
    size_bytes: int
    length_samples: int
    clipped_samples: int
    peak: float
    notices: tuple[Notice, ...] = ()


class AudioWriter:
    """Writes one audio file.

    Parameters
    ----------
    target : path or BinaryIO
        A path is written under a hidden temporary name beside it and renamed on `close`, so that
        a half-written file is never seen. A file object is written from its present position and
        is not closed; it need not be seekable.
    format : OutputFormat
        How to write.
    sample_rate : int
        Rate of the samples handed in, 8,000 to 192,000 Hz.
    channels : int
        1 or 2.
    tags : Mapping, optional
        Tags with lower-case keys, as `SourceInfo.tags` has them.
    cover : Cover, optional
        Picture to attach. WAV has none.
    length_samples : int, optional
        Samples per channel that will be written, when known: a non-seekable WAV then has a
        complete header.

    Raises
    ------
    OutputNotWritable
        The folder is missing or may not be written to.
    DiskFull
        There is no room (also from `write` and `close`).
    InvalidOption
        A channel count or rate that cannot be written.

    Notes
    -----
    As a context manager it closes on success and leaves nothing behind on an error. Encoders
    release the interpreter's lock, so several writers in several threads run in parallel; one
    writer belongs to one thread at a time.

    Examples
    --------
    >>> import io, numpy as np
    >>> from stemhouse.engine.codec import AudioWriter, parse_format
    >>> with AudioWriter(io.BytesIO(), parse_format("wav"), sample_rate=8_000, channels=1) as out:
    ...     out.write(np.zeros((1, 100), np.float32))
    >>> out.close().length_samples
    100
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | BinaryIO,
        format: OutputFormat,
        *,
        sample_rate: int,
        channels: int,
        tags: Mapping[str, str] = _NO_TAGS,
        cover: Cover | None = None,
        length_samples: int | None = None,
    ) -> None:
        check_sample_rate(sample_rate)
        if channels not in (1, 2):
            raise InvalidOption(f"1 or 2 channels can be written, not {channels}")
        stored_rate = format.sample_rate_for(sample_rate)
        self._format = format
        self._sample_rate, self._channels = sample_rate, channels
        self._resampler = Resampler(channels, sample_rate, stored_rate)
        self._length, self._peak = 0, 0.0
        self._result: WrittenFile | None = None
        self._ended = self._finished = False
        job = EncoderJob(
            format=format,
            sample_rate=stored_rate,
            channels=channels,
            tags=clean_tags(tags),
            cover=cover,
            length_samples=_scaled(length_samples, sample_rate, stored_rate),
        )
        self._target = Target(target)
        self._cover_is_lost = cover is not None and not _can_carry(self._target.file, format, cover)
        if self._cover_is_lost:
            job = replace(job, cover=None)
        with self._undone_on_error():
            self._encoder: Encoder = _encoder_for(self._target.file, job)

    def write(self, samples: Samples) -> None:
        """Append a block.

        Parameters
        ----------
        samples : ndarray of float32, shape (C, T)
            Full scale ±1.0; integer formats limit what is beyond and count it. Never modified.

        Raises
        ------
        InvalidOption
            Another channel count or type, or the writer was closed.
        DiskFull, OutputNotWritable
            The block could not be stored; the temporary file is gone.
        """
        self._check(samples)
        self._length += samples.shape[1]
        with self._undone_on_error():
            self._encode(self._resampler.process(samples))

    def finish(self) -> None:
        """Write all that is left, but do not name the file yet: `close` does.

        Who writes several files that belong together finishes all of them before closing any.
        """
        if self._ended:
            raise InvalidOption("the writer was aborted; there is no file")
        if self._finished:
            return
        with self._undone_on_error():
            empty = np.zeros((self._channels, 0), np.float32)
            self._encode(self._resampler.process(empty, last=True))
            if self._length == 0 and not self._format.lossless:
                raise EmptyAudio(f"{self._format} cannot hold a sound without samples")
            self._encoder.finish()
        self._finished = True

    def close(self) -> WrittenFile:
        """Finish the file and give it its name. A second call returns the same answer."""
        if self._result is not None:
            return self._result
        self.finish()
        with self._undone_on_error():
            self._target.commit()
        self._ended = True
        self._result = WrittenFile(
            path=self._target.path,
            size_bytes=self._target.size_bytes,
            length_samples=self._length,
            clipped_samples=self._encoder.clipped_samples,
            peak=self._peak,
            notices=tuple(self._say()),
        )
        return self._result

    def abort(self) -> None:
        """Stop and remove the temporary file. Does nothing after `close`."""
        if not self._ended:
            self._ended = True
            if not self._finished:
                self._encoder.discard()
            self._target.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and not self._ended:
            self.close()
        else:
            self.abort()

    def _check(self, samples: Samples) -> None:
        if self._ended or self._finished:
            raise InvalidOption("the writer is closed; open another for another file")
        if samples.ndim != 2 or samples.shape[0] != self._channels or samples.dtype != np.float32:
            raise InvalidOption(
                f"expected float32 samples of shape ({self._channels}, T), "
                f"not {samples.dtype} {samples.shape}"
            )

    def _encode(self, samples: Samples) -> None:
        if samples.shape[1]:
            peak = peak_of(samples)
            if not peak < np.inf:
                raise InvalidOption("samples to be written hold NaN or infinity")
            self._peak = max(self._peak, peak)
            self._encoder.write(samples, peak)

    @contextmanager
    def _undone_on_error(self) -> Iterator[None]:
        try:
            with self._target.translated():
                yield
        except BaseException:
            self._ended = True
            self._target.discard()
            raise

    def _say(self) -> Iterator[Notice]:
        stored_rate = self._format.sample_rate_for(self._sample_rate)
        if stored_rate != self._sample_rate:
            yield Notice(
                "resampled",
                f"{self._sample_rate} Hz was resampled to {stored_rate} Hz, "
                f"which {self._format.name} needs",
                {"from_rate": self._sample_rate, "to_rate": stored_rate},
            )
        if self._cover_is_lost:
            yield Notice(
                "cover_left_out",
                "the cover art was left out: this output takes whole JPEG and PNG, and M4A only in "
                "files",
            )
        if self._encoder.clipped_samples:
            yield Notice(
                "clipped",
                f"{self._encoder.clipped_samples} samples went beyond full scale and were limited; "
                "the float WAV format keeps them",
                {"clipped_samples": self._encoder.clipped_samples, "peak": self._peak},
            )
        elif self._peak > 1.0 and not self._format.lossless:
            yield Notice(
                "over_full_scale",
                f"the sound goes {20 * np.log10(self._peak):.1f} dB beyond full scale; "
                "players may clip it",
                {"peak": self._peak},
            )


def _encoder_for(file: BinaryIO, job: EncoderJob) -> Encoder:
    if job.format.name == "wav":
        return WavEncoder(file, job)
    if job.format.name == "ogg":
        return VorbisEncoder(file, job)
    return FfmpegEncoder(file, job)


def _can_carry(file: BinaryIO, format: OutputFormat, cover: Cover) -> bool:
    if format.name in ("ogg", "opus"):
        return True
    if format.name == "wav":  # WAV has no covers at all, which surprises nobody
        return True
    if format.name == "flac" and len(cover.data) > _LARGEST_FLAC_PICTURE:
        return False
    # What has no size is no picture, whatever the song calls it, and FFmpeg refuses it.
    sized = all(0 < side <= _LONGEST_SIDE for side in picture_size(cover))
    return sized and cover.mime in PICTURE_CODECS and (format.name != "m4a" or can_seek(file))


def _scaled(length: int | None, from_rate: int, to_rate: int) -> int | None:
    return None if length is None else resampled_length(length, from_rate, to_rate)
