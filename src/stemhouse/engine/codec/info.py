"""What is known about a source before its samples are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stemhouse.engine.notices import Notice


@dataclass(frozen=True, slots=True)
class Cover:
    """Cover art: a picture as it lies in the file, never decoded.

    Attributes
    ----------
    mime : str
        ``image/jpeg``, ``image/png`` or another image type.
    data : bytes
        The encoded picture.
    """

    mime: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """Facts about a source, from its headers and its first block.

    Attributes
    ----------
    name : str
        Name for messages and templates: the file's name without its extension.
    container : str
        Container as FFmpeg calls it (``wav``, ``flac``, ``mp3``, ``mov,mp4,m4a,3gp,3g2,mj2``), or
        ``memory``.
    codec : str
        Codec as FFmpeg calls it (``pcm_s16le``, ``aac``), or ``float32`` for memory.
    sample_rate : int
        Native rate, 8,000 to 192,000 Hz.
    channels : int
        Native channel count, 1 to 8.
    channel_layout : str
        Native layout as FFmpeg calls it (``mono``, ``stereo``, ``5.1(side)``).
    bits_per_sample : int or None
        Significant bits of one stored sample; None where the codec has no such number.
    length_samples : int or None
        Samples per channel at the native rate. An estimate until the source has been read: the
        header's word, or a guess from the bit rate. None when nothing is known.
    duration_s : float or None
        The same in seconds.
    tags : Mapping
        Tags with lower-case keys in FFmpeg's spelling: ``title``, ``artist``, ``album``, ``date``,
        ``track``, ``genre``, ``comment``.
    cover : Cover or None
        The first picture attached to the file.
    notices : tuple of Notice
        What is known on opening; `AudioReader.notices` is complete after the last block.
    """

    name: str
    container: str
    codec: str
    sample_rate: int
    channels: int
    channel_layout: str
    bits_per_sample: int | None = None
    length_samples: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    cover: Cover | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def duration_s(self) -> float | None:
        """Length in seconds; None when it is not known."""
        return None if self.length_samples is None else self.length_samples / self.sample_rate
