"""Finding sound that is lost: truncated files and holes, which decoders pass over in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stemhouse.engine.codec import promises
from stemhouse.engine.codec.source import Input
from stemhouse.errors import CorruptAudio

if TYPE_CHECKING:
    from av.audio import AudioFrame, AudioStream
    from av.packet import Packet

_LOSSLESS = ("pcm_", "flac", "alac")
_HEADER_KINDS = ("wav", "flac", "aiff", "caf", "mp3", "mp4")
_CONTINUOUS_KINDS = ("ogg", "flac", "asf")
"""Containers whose time stamps count samples: a jump is a hole. Others may pause on purpose."""

_VORBIS_JITTER_SAMPLES = 2_048

_LOSSY_TOLERANCE_SAMPLES = 2_400
"""Encoders disagree whether delay, padding and the header's own frame count: two frames of MP3."""


_KINDS = {
    "w64": "wav",
    "mov,mp4,m4a,3gp,3g2,mj2": "mp4",
    "matroska,webm": "matroska",
    "asf_o": "asf",
}


def kind_of(stream: AudioStream) -> str:
    """Return the family of container that FFmpeg found, in the words of `Input.kind`."""
    name = stream.container.format.name
    return _KINDS.get(name, name)


class Watch:
    """Follows one stream from packet to packet and says when sound is missing.

    Parameters
    ----------
    source : Input
        The bytes.
    stream : AudioStream
        The stream that is decoded.
    """

    def __init__(self, source: Input, stream: AudioStream) -> None:
        self._source, self._stream = source, stream
        self._kind = kind_of(stream)
        self._open_end = self._kind == "wav" and promises.wav_length_is_open(source.head)
        self._lossless = stream.codec_context.name.startswith(_LOSSLESS)
        self._short_packet = False
        self._error: Exception | None = None
        self._first_time: int | None = None

    def see_packet(self, packet: Packet[AudioStream]) -> None:
        """Look at a packet before it is decoded."""
        if packet.is_corrupt and not self._open_end:
            raise self._lost("is cut off or damaged")
        if self._kind == "mp3" and packet.size:
            whole = promises.mp3_frame_bytes(bytes(memoryview(packet)[:4]))
            self._short_packet = whole is not None and packet.size < whole

    def see_frame(self, frame: AudioFrame, done: int) -> None:
        """Look at a decoded frame; `done` samples came before it."""
        if self._error is not None:
            raise self._lost(f"is damaged {self._at(done)}") from self._error
        if self._kind in _CONTINUOUS_KINDS and frame.pts is not None and frame.time_base:
            tick = float(frame.time_base) * frame.sample_rate
            now = frame.pts * tick
            if self._first_time is None:
                self._first_time = round(now) - done
            hole = now - self._first_time - done
            if hole > self._jitter(frame) + 2 * tick:
                raise self._lost(
                    f"is damaged {self._at(done)}: {hole / frame.sample_rate:.2f} s are missing"
                )

    def see_error(self, error: Exception, done: int) -> None:
        """Look at a packet that could not be decoded."""
        if self._kind != "mp3":
            raise self._lost(f"is damaged {self._at(done)}") from error
        # What follows an MP3's last frame is often not sound: it is damage if sound comes after.
        self._error = error

    def finish(self, done: int) -> None:
        """Look at the whole; `done` samples were decoded."""
        expected = self._expected()
        # MP4's edit lists round to milliseconds; what is cut off there shows in the boxes.
        exact = self._lossless and self._kind != "mp4"
        tolerance = 0 if exact else _LOSSY_TOLERANCE_SAMPLES
        if expected is not None and done < expected - tolerance:
            seconds = (expected - done) / (self._stream.codec_context.sample_rate or 1)
            raise self._lost(f"is cut off or damaged: the last {seconds:.2f} s are missing")
        if done == 0 and self._stream.duration:
            raise self._lost("is damaged: nothing in it can be decoded")
        if self._short_packet and expected is None:
            raise self._lost("is cut off in its last frame")
        if self._kind == "ogg" and not promises.ogg_end(self._source.ending())[0]:
            raise self._lost("is cut off: its last page is missing")
        size = {"asf": promises.asf_size, "matroska": promises.matroska_size}.get(self._kind)
        stated = size(self._source.head) if size else None
        if stated is not None and self._source.size_seen() < stated:
            raise self._lost("is cut off: bytes are missing at its end")

    def _jitter(self, frame: AudioFrame) -> float:
        # FFmpeg guesses Vorbis time stamps inside a page, and errs where block sizes change.
        vorbis = self._stream.codec_context.name == "vorbis"
        return _VORBIS_JITTER_SAMPLES if vorbis else 0.75 * frame.samples

    def _expected(self) -> int | None:
        stream = self._stream
        if self._kind not in _HEADER_KINDS or self._open_end or not stream.duration:
            return None
        if self._kind == "mp3" and not promises.mp3_has_frame_count(self._source.first_frame):
            return None
        if self._kind == "wav" and not self._lossless:  # ADPCM and others: a guess of FFmpeg's
            return None
        if stream.time_base is None:
            return None
        return int(stream.duration * stream.time_base * stream.codec_context.sample_rate)

    def _lost(self, what: str) -> CorruptAudio:
        return CorruptAudio(f"{self._source.name} {what}; use an intact copy of the file")

    def _at(self, done: int) -> str:
        return f"after {done / (self._stream.codec_context.sample_rate or 1):.1f} s"
