"""Finding sound that is lost: truncated files and holes, which decoders pass over in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stemhouse.engine.codec.source import Input
from stemhouse.errors import CorruptAudio

if TYPE_CHECKING:
    from av.audio import AudioFrame, AudioStream
    from av.container import InputContainer


class Watch:
    """Follows one stream from packet to packet and says when sound is missing."""

    def __init__(self, source: Input, container: InputContainer, stream: AudioStream) -> None:
        self._source = source
        self._stream = stream
        self._container = container

    def see_packet(self, packet: Any) -> None:
        """Look at a packet before it is decoded."""
        if packet.is_corrupt:
            raise CorruptAudio(
                f"{self._source.name} is damaged or cut off; use an intact copy of the file"
            )

    def see_frame(self, frame: AudioFrame, done_samples: int) -> None:
        """Look at a decoded frame; `done_samples` came before it."""

    def finish(self, done_samples: int) -> None:
        """Look at the whole; `done_samples` were decoded."""


def watch(source: Input, container: InputContainer, stream: AudioStream) -> Watch:
    """Return the watch that suits the container."""
    return Watch(source, container, stream)


def stored_bits(source: Input, stream: AudioStream) -> int | None:
    """Return the significant bits of one stored sample, or None for lossy codecs."""
    name = stream.codec_context.name
    if name.startswith("pcm_"):
        digits = "".join(character for character in name[4:7] if character.isdigit())
        return int(digits) if digits else 8
    if name in ("flac", "alac", "tta", "wavpack"):
        return 16 if stream.codec_context.format.name.startswith("s16") else 24
    return None


def at(done_samples: int, stream: AudioStream) -> str:
    """Return where in the song something happened, in words."""
    rate = stream.codec_context.sample_rate or 1
    return f"after {done_samples / rate:.1f} s"
