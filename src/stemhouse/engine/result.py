"""What a separation gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stemhouse.engine.audio import Audio, Samples
from stemhouse.engine.codec import SourceInfo, WrittenFile
from stemhouse.engine.notices import Notice
from stemhouse.engine.options import Options
from stemhouse.engine.runtime import RuntimeInfo


@dataclass(frozen=True, slots=True, eq=False)
class StemBlock:
    """A stretch of every track, as streaming yields it.

    Attributes
    ----------
    offset_samples : int
        Where the stretch begins in the song, in samples at the song's own rate.
    stems : Mapping of str to ndarray of float32, shape (C, T)
        Per track, in manifest order, the residual last. All have the same shape.

    Examples
    --------
    >>> from stemhouse import Separator
    >>> with Separator().stream("examples/voice-over-guitars.flac") as stream:
    ...     first = next(iter(stream))
    >>> first.offset_samples, list(first.stems)
    (0, ['vocals', 'accompaniment'])
    """

    offset_samples: int
    stems: Mapping[str, Samples]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Stem:
    """One track of a result.

    Attributes
    ----------
    name : str
        The stem's name, or ``residual``.
    peak : float
        Largest absolute sample; 1.0 is full scale.
    level_db : float
        Its energy against the song's, in dB; ``-inf`` for digital silence.
    silent : bool
        Whether the song has (almost) no such part: it lies 40 dB or more below the song.
    audio : Audio or None
        The samples, if they were kept in memory.
    file : WrittenFile or None
        The file, if it was written to one.

    Examples
    --------
    >>> from stemhouse import separate
    >>> vocals = separate("examples/voice-over-guitars.flac", quality="fast").stems["vocals"]
    >>> vocals.silent, round(vocals.level_db, 1)
    (False, -2.4)
    """

    name: str
    peak: float
    level_db: float
    silent: bool
    audio: Audio | None = None
    file: WrittenFile | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Separation:
    """A finished, checked separation.

    Attributes
    ----------
    stems : Mapping of str to Stem
        In manifest order, the residual last.
    source : SourceInfo
        The song as it was read.
    length_samples : int
        Samples per channel of the song and of every stem, at the song's own rate.
    sample_rate : int
        The song's rate in Hz.
    model : str
        Name of the model.
    model_sha256 : str
        SHA-256 of its weights.
    engine_version : str
        Version of Stemhouse.
    runtime : RuntimeInfo
        What ran the network.
    options : Options
        What was asked for.
    timings : Mapping of str to float
        ``wall_s`` from first byte to last; ``network_s`` the network's share of all threads'
        time, in seconds; ``network_share`` the same as a share of the wall time, 0..1;
        ``realtime`` seconds of music per second.
    notices : tuple of Notice
        What should be said about this result.

    Examples
    --------
    >>> from stemhouse import separate
    >>> result = separate("examples/voice-over-guitars.flac", quality="fast")
    >>> result.model, result.length_samples, result.duration_s
    ('spleeter-2stems', 529200, 12.0)
    """

    stems: Mapping[str, Stem]
    source: SourceInfo
    length_samples: int
    sample_rate: int
    model: str
    model_sha256: str
    engine_version: str
    runtime: RuntimeInfo
    options: Options
    timings: Mapping[str, float]
    notices: tuple[Notice, ...]

    @property
    def duration_s(self) -> float:
        """Length of the song in seconds."""
        return self.length_samples / self.sample_rate

    def __getitem__(self, stem: str) -> Stem:
        """Return a stem by name."""
        return self.stems[stem]

    def as_dict(self) -> dict[str, Any]:
        """Return everything but samples and cover as JSON-serialisable values."""
        return {
            "source": {
                "name": self.source.name,
                "container": self.source.container,
                "codec": self.source.codec,
                "channels": self.source.channels,
                "tags": dict(self.source.tags),
            },
            "length_samples": self.length_samples,
            "sample_rate": self.sample_rate,
            "duration_s": self.duration_s,
            "stems": [_stem_dict(stem) for stem in self.stems.values()],
            "model": self.model,
            "model_sha256": self.model_sha256,
            "engine_version": self.engine_version,
            "runtime": asdict(self.runtime),
            "options": asdict(self.options),
            "timings": dict(self.timings),
            "notices": [_notice_dict(notice) for notice in self.notices],
        }


def _stem_dict(stem: Stem) -> dict[str, Any]:
    file = stem.file
    return {
        "name": stem.name,
        "peak": stem.peak,
        # JSON has no infinity.
        "level_db": stem.level_db if stem.level_db > float("-inf") else None,
        "silent": stem.silent,
        "file": None
        if file is None
        else {
            "path": None if file.path is None else str(file.path),
            "size_bytes": file.size_bytes,
            "clipped_samples": file.clipped_samples,
        },
    }


def _notice_dict(notice: Notice) -> dict[str, Any]:
    return {"code": notice.code, "message": notice.message, "details": dict(notice.details)}
