"""The manifest of a result: what there is, where it lies, how to check it."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from stemhouse.errors import ResultDamaged

MANIFEST_NAME = "manifest.json"
MANIFEST_VERSION: Final = 1

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_inf_nan="strings",
        # The API describes manifests with them.
        use_attribute_docstrings=True,
    )


class StoredFile(_Part):
    """A file of the result, beside the manifest."""

    name: str
    """Its name below the result's prefix; ask for it at /v1/jobs/{job_id}/segments/{name}."""
    size_bytes: Count
    """Its size."""
    sha256: Sha256
    """Of its bytes."""


class Segment(StoredFile):
    """One FLAC file: a stretch of one stem."""

    offset_samples: Count
    """Where it begins in the song."""
    length_samples: Annotated[int, Field(ge=1)]
    """Samples per channel."""
    scale: Annotated[int, Field(ge=1)]
    """Multiply decoded samples by this: 1, or the power of two that kept a stretch with samples
    beyond full scale from being clipped."""


class StemRecord(_Part):
    """One stem: its segments, in order and without gaps."""

    name: str
    """Its name, as the model calls it."""
    peak: float
    """Largest absolute sample so far; 1.0 is full scale."""
    silent: bool
    """Whether the song has (almost) no such part."""
    segments: tuple[Segment, ...]
    """In order."""
    waveform: StoredFile | None
    """None until the stem is complete."""

    @property
    def length_samples(self) -> int:
        """Samples per channel that are there."""
        return sum(segment.length_samples for segment in self.segments)

    @property
    def size_bytes(self) -> int:
        """Bytes of all segments."""
        return sum(segment.size_bytes for segment in self.segments)


class CoverFile(StoredFile):
    """The song's picture, as it lay in the song's file."""

    mime: str
    """Its media type."""


class Song(_Part):
    """What is known about the song, for names and tags of downloads."""

    name: str
    """Its file's name without folder and extension."""
    tags: dict[str, str]
    """Tags of its file, lower-case names."""
    cover: CoverFile | None = None
    """Its picture, if it has one."""


class Provenance(_Part):
    """What made the result."""

    engine_version: str
    """Version of the engine."""
    model: str
    """The model's name."""
    model_sha256: str
    """Of its weights."""
    quality: str
    """As asked for."""

    @property
    def text(self) -> str:
        """One line for the comment tag, as the engine writes it into files."""
        model = f"{self.model} {self.model_sha256[:12]}"
        return f"Stemhouse {self.engine_version}, {model}, {self.quality}"


_EXAMPLE: Final[dict[str, JsonValue]] = {
    "version": 1,
    "complete": True,
    "sample_rate": 44_100,
    "channels": 2,
    "bit_depth": 24,
    "length_samples": 441_000,
    "stems": [
        {
            "name": "vocals",
            "peak": 0.83,
            "silent": False,
            "segments": [
                {
                    "name": "0/000000.flac",
                    "size_bytes": 1_777_144,
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "offset_samples": 0,
                    "length_samples": 441_000,
                    "scale": 1,
                }
            ],
            "waveform": {
                "name": "0/waveform.bin",
                "size_bytes": 5_324,
                "sha256": "55661a09f79c86071fc7077b44b4cf1f01b6d82bbbb83ed94cb68a2f9944e378",
            },
        }
    ],
    "song": {"name": "song", "tags": {"artist": "Ann", "title": "Tune"}},
    "provenance": {
        "engine_version": "0.1.0",
        "model": "spleeter-2stems",
        "model_sha256": "7747f9fd2c782306dbec1504360fbb645a097a48446f23486c3ff9c89bc11788",
        "quality": "standard",
    },
}


class Manifest(_Part):
    """Everything about a result; see docs/results.md for the file."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    version: Literal[1]
    """Raised when old readers cannot follow a change."""
    complete: bool
    """False while the song is still being separated: then more segments will follow."""
    sample_rate: Annotated[int, Field(ge=1)]
    """In Hz: the song's own."""
    channels: Literal[1, 2]
    """1 is mono."""
    bit_depth: Literal[16, 24]
    """Of the segments."""
    length_samples: Count
    """Samples per channel; while the song is being separated, those that every stem has."""
    stems: tuple[StemRecord, ...]
    """In the model's order."""
    song: Song
    """What was separated."""
    provenance: Provenance
    """What separated it."""

    @model_validator(mode="after")
    def _without_gaps(self) -> Self:
        for stem in self.stems:
            position = 0
            for segment in stem.segments:
                if segment.offset_samples != position:
                    raise ValueError(f"the segments of {stem.name} leave a gap at {position}")
                position += segment.length_samples
            if self.complete and position != self.length_samples:
                raise ValueError(f"{stem.name} has {position} of {self.length_samples} samples")
        return self

    def stem(self, name: str) -> StemRecord | None:
        """Return the stem of this name, if there is one."""
        return next((stem for stem in self.stems if stem.name == name), None)

    def to_json(self) -> bytes:
        """Return the file's bytes."""
        return self.model_dump_json(indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Read the file.

        Raises
        ------
        ResultDamaged
            It is not a manifest of this version, or its segments leave gaps.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise ResultDamaged("the manifest of this result cannot be read") from error
