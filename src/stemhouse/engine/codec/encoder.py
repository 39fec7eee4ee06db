"""What every encoder offers to `AudioWriter`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec.formats import OutputFormat
from stemhouse.engine.codec.info import Cover


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderJob:
    """What is to be written: format, shape, tags.

    Attributes
    ----------
    format : OutputFormat
        The format.
    sample_rate, channels : int
        Of the samples that `Encoder.write` gets: the rate is one the format has.
    tags : Mapping
        Cleaned tags, lower-case keys.
    cover : Cover or None
        Picture to attach, for formats that have pictures.
    length_samples : int or None
        Samples per channel that will be written, when it is known beforehand.
    """

    format: OutputFormat
    sample_rate: int
    channels: int
    tags: Mapping[str, str]
    cover: Cover | None
    length_samples: int | None


class Encoder(Protocol):
    """Turns float32 blocks into the bytes of one file."""

    @property
    def clipped_samples(self) -> int:
        """Samples so far that did not fit the format."""

    def write(self, samples: Samples, peak: float) -> None:
        """Encode `samples`, float32 (C, T), whose largest absolute value is `peak`."""

    def finish(self) -> None:
        """Write what is left, and the header's final word where the file can be sought."""

    def discard(self) -> None:
        """Free everything without finishing."""


def can_seek(file: BinaryIO) -> bool:
    """Whether the header of `file` can be mended at the end."""
    seekable = getattr(file, "seekable", None)
    return bool(seekable()) if callable(seekable) else hasattr(file, "seek")
