"""What uploads look like from outside."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stemhouse.http.schemas import Answer, Request, UtcTime

State = Literal["receiving", "examining", "ready", "rejected"]


class UploadFailure(Answer):
    """Why an upload was refused."""

    code: str = Field(description="Stable identifier.", examples=["unsupported_audio"])
    message: str = Field(
        description="For people; the wording may change.",
        examples=["the file holds no audio track; use an audio file"],
    )


class UploadAnswer(Answer):
    """One upload."""

    id: str = Field(
        description="Identifier of the upload.", examples=["upl_01k9zv5w3h8m2n4p6r7s9t0vwx"]
    )
    state: State = Field(
        description="receiving until all bytes are there, examining while they are looked into, "
        "then ready for jobs or rejected."
    )
    name: str = Field(description="The file's name as it was sent.", examples=["song.mp3"])
    size_bytes: int | None = Field(
        description="Bytes of the whole file, when they are known.", examples=[4_471_512]
    )
    received_bytes: int = Field(description="Bytes that are there.", examples=[4_471_512])
    sha256: str | None = Field(
        description="Of the whole file, when it is ready.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    container: str | None = Field(examples=["mp3"], description="As FFmpeg calls it.")
    codec: str | None = Field(examples=["mp3"], description="As FFmpeg calls it.")
    duration_s: float | None = Field(
        examples=[183.2], description="Length in seconds, counted by decoding all of it."
    )
    sample_rate: int | None = Field(examples=[44100], description="In Hz.")
    channels: int | None = Field(description="1 is mono.", examples=[2])
    tags: dict[str, str] = Field(
        examples=[{"artist": "Somebody", "title": "Something"}],
        description="Tags of the file, lower-case names.",
    )
    error: UploadFailure | None = Field(description="Why it was rejected.", examples=[None])
    created_at: UtcTime = Field(description="When it began.")
    expires_at: UtcTime = Field(description="When it is removed, unless a job still needs it.")


class FromAddress(Request):
    """A song to fetch."""

    url: str = Field(
        min_length=1,
        max_length=4096,
        description="An http or https address of an audio file on the public Internet.",
        examples=["https://example.org/song.mp3"],
    )
    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="A name for the file; by default the last part of the address.",
        examples=["song.mp3"],
    )
