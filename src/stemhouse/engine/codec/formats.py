"""The output formats: what they are called, what they can do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from stemhouse.errors import InvalidOption

BitDepth = Literal[16, 24, "float"]


@dataclass(frozen=True, slots=True)
class _Kind:
    extension: str
    mime: str
    title: str
    bit_depths: tuple[BitDepth, ...] = ()
    bitrates: tuple[int, int] | None = None  # kbit/s, lowest and highest
    default_bitrate: int | None = None
    vbr: tuple[float, float] | None = None  # lowest and highest quality number
    default_vbr: float | None = None
    max_rate: int = 192_000
    exact_length: bool = True


_KINDS: dict[str, _Kind] = {
    "wav": _Kind("wav", "audio/wav", "WAV", (16, 24, "float")),
    "flac": _Kind("flac", "audio/flac", "FLAC", (16, 24)),
    "mp3": _Kind("mp3", "audio/mpeg", "MP3", (), (32, 320), 320, (0, 9), None, max_rate=48_000),
    "m4a": _Kind("m4a", "audio/mp4", "M4A (AAC)", (), (32, 512), 256, max_rate=96_000),
    "ogg": _Kind("ogg", "audio/ogg", "Ogg Vorbis", (), None, None, (0, 10), 6.0),
    "opus": _Kind("opus", "audio/ogg", "Opus", (), (16, 510), 160, max_rate=48_000),
}

FORMATS: tuple[str, ...] = tuple(_KINDS)
"""Names of the output formats."""

_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_AAC_RATES = (*_MP3_RATES, 64_000, 88_200, 96_000)
_MP3_BITRATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """One way to write sound to a file.

    Parameters
    ----------
    name : str
        ``wav``, ``flac``, ``mp3``, ``m4a``, ``ogg`` or ``opus``.
    bit_depth : 16, 24, "float" or None
        WAV (all three) and FLAC (16, 24) only; 16 when not given.
    bitrate_kbps : int or None
        MP3 (one of the 14 rates from 32 to 320, default 320), M4A (32 to 512, default 256) and Opus
        (16 to 510, default 160), for stereo, in kbit/s.
    vbr_quality : float or None
        MP3 (LAME's V0, best, to V9) instead of a bit rate; Ogg Vorbis (q0 to q10, best; default 6,
        about 192 kbit/s).

    Raises
    ------
    InvalidOption
        An unknown name, or a value that the format does not have.

    Examples
    --------
    >>> from stemhouse.engine.codec import OutputFormat
    >>> OutputFormat(name="flac", bit_depth=24).extension
    'flac'
    """

    name: str
    bit_depth: BitDepth | None = None
    bitrate_kbps: int | None = None
    vbr_quality: float | None = None

    def __post_init__(self) -> None:
        if self.name not in _KINDS:
            raise InvalidOption(
                f"there is no output format {self.name!r}; there are {', '.join(FORMATS)}"
            )
        self._check_depth()
        self._check_rates()
        self._set_defaults()

    def _check_depth(self) -> None:
        kind = _KINDS[self.name]
        if self.bit_depth is not None and self.bit_depth not in kind.bit_depths:
            offered = ", ".join(str(depth) for depth in kind.bit_depths) or "none"
            raise InvalidOption(
                f"{kind.title} has no bit depth {self.bit_depth!r}; it has: {offered}"
            )

    def _check_rates(self) -> None:
        kind = _KINDS[self.name]
        if self.bitrate_kbps is not None:
            if kind.bitrates is None:
                raise InvalidOption(f"{kind.title} takes no bit rate")
            if self.vbr_quality is not None:
                raise InvalidOption("give a bit rate or a VBR quality, not both")
            low, high = kind.bitrates
            if not low <= self.bitrate_kbps <= high:
                raise InvalidOption(
                    f"{kind.title} takes {low} to {high} kbit/s, not {self.bitrate_kbps}"
                )
            if self.name == "mp3" and self.bitrate_kbps not in _MP3_BITRATES:
                offered = ", ".join(str(rate) for rate in _MP3_BITRATES)
                raise InvalidOption(f"MP3 has the bit rates {offered} kbit/s")
        if self.vbr_quality is not None:
            if kind.vbr is None:
                raise InvalidOption(f"{kind.title} takes no VBR quality")
            low_quality, high_quality = kind.vbr
            if not low_quality <= self.vbr_quality <= high_quality:
                raise InvalidOption(
                    f"{kind.title} takes a quality from {low_quality:g} to {high_quality:g}, "
                    f"not {self.vbr_quality:g}"
                )

    def _set_defaults(self) -> None:
        kind = _KINDS[self.name]
        if self.bit_depth is None and kind.bit_depths:
            object.__setattr__(self, "bit_depth", 16)
        if self.bitrate_kbps is None and self.vbr_quality is None:
            object.__setattr__(self, "bitrate_kbps", kind.default_bitrate)
            object.__setattr__(self, "vbr_quality", kind.default_vbr)

    @property
    def extension(self) -> str:
        """File extension without a dot."""
        return _KINDS[self.name].extension

    @property
    def mime(self) -> str:
        """Media type for HTTP."""
        return _KINDS[self.name].mime

    @property
    def lossless(self) -> bool:
        """Whether reading gives back the samples that were stored."""
        return bool(_KINDS[self.name].bit_depths)

    @property
    def exact_length(self) -> bool:
        """Whether a file written to a seekable target decodes to exactly the samples written."""
        return _KINDS[self.name].exact_length

    @property
    def bits(self) -> int:
        """Bits of one stored sample of a lossless format; 32 for float."""
        return 32 if self.bit_depth == "float" else int(self.bit_depth or 16)

    def sample_rate_for(self, sample_rate: int) -> int:
        """Return the rate, in Hz, at which sound of `sample_rate` Hz is stored."""
        if self.name == "opus":
            return 48_000
        if self.name in ("mp3", "m4a"):
            rates = _MP3_RATES if self.name == "mp3" else _AAC_RATES
            return next((rate for rate in rates if rate >= sample_rate), rates[-1])
        return sample_rate

    def __str__(self) -> str:
        default = OutputFormat(name=self.name)
        if self == default:
            return self.name
        if self.bit_depth is not None:
            return f"{self.name}{self.bit_depth}"
        if self.vbr_quality is not None:
            return f"{self.name}-{'q' if self.name == 'ogg' else 'v'}{self.vbr_quality:g}"
        return f"{self.name}-{self.bitrate_kbps}"


SPELLINGS = MappingProxyType({"vorbis": "ogg", "aac": "m4a", "wave": "wav"})
"""Other names that people use."""

_PATTERN = re.compile(
    rf"(?P<name>{'|'.join([*_KINDS, *SPELLINGS])})(?P<depth>16|24|float)?"
    r"(?:-(?:(?P<rate>\d{1,4})|[vq](?P<quality>\d{1,2}(?:\.\d{1,3})?)))?"
)


def parse_format(text: str) -> OutputFormat:
    """Return the format that `text` names.

    Parameters
    ----------
    text : str
        A name, then a bit depth (``wav24``, ``wavfloat``, ``flac24``), or after a dash a bit rate
        in kbit/s (``mp3-320``, ``m4a-256``, ``opus-128``) or a quality (``mp3-v2``, ``ogg-q6``).

    Raises
    ------
    InvalidOption
        `text` is no such thing; the message shows what is.

    Examples
    --------
    >>> from stemhouse.engine.codec import parse_format
    >>> parse_format("mp3-192").bitrate_kbps
    192
    >>> parse_format("wav24").bit_depth
    24
    """
    found = _PATTERN.fullmatch(text.strip().lower())
    if found is None:
        raise InvalidOption(
            f"{text!r} is not an output format; use one of wav, wav24, wavfloat, flac, flac24, "
            "mp3, mp3-192, mp3-v2, m4a, m4a-192, ogg, ogg-q6, opus, opus-128"
        )
    name = SPELLINGS.get(found["name"], found["name"])
    depth: BitDepth | None = None
    if found["depth"]:
        depth = "float" if found["depth"] == "float" else 24 if found["depth"] == "24" else 16
    return OutputFormat(
        name=name,
        bit_depth=depth,
        bitrate_kbps=int(found["rate"]) if found["rate"] else None,
        vbr_quality=float(found["quality"]) if found["quality"] else None,
    )
