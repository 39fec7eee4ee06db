"""Decoding one audio stream with FFmpeg (through PyAV), in big blocks, strictly."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import av
import av.error
import numpy as np
from av.stream import Discard, Disposition

from stemhouse.engine.audio import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Samples
from stemhouse.engine.codec.boxes import check_boxes
from stemhouse.engine.codec.convert import frame_samples, is_known, to_float32
from stemhouse.engine.codec.damage import Watch
from stemhouse.engine.codec.ending import trimmed
from stemhouse.engine.codec.info import Cover
from stemhouse.engine.codec.promises import opus_delay
from stemhouse.engine.codec.source import Input, read_failure
from stemhouse.engine.codec.tags import clean_tags
from stemhouse.errors import CorruptAudio, EmptyAudio, InputError, UnsupportedAudio

if TYPE_CHECKING:
    from av.audio import AudioFrame, AudioStream
    from av.codec import CodecContext
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

BLOCK_SAMPLES = 65_536
"""Largest block handed on, in samples per channel: 1.5 s at 44.1 kHz, 512 KiB of stereo."""

_BUFFER_BYTES = 256 * 1024
"""FFmpeg's read buffer: few calls into Python, little memory."""

_REFUSED_FORMATS = {
    # These open further files or addresses named in the input, or build their own: never wanted.
    *("hls", "dash", "concat", "image2", "lavfi", "sdp", "rtp", "rtsp", "tedcaptions"),
    *("webm_dash_manifest", "imf", "fifo", "ffmetadata", "alsa", "oss", "fbdev", "kmsgrab"),
    *("x11grab", "video4linux2,v4l2", "rtsp", "sap", "redir", "tee"),
}

_CHECKED_CODECS = frozenset({"flac", "wavpack"})
"""Which have a checksum in every block."""

_COVER_MIMES = {
    "mjpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "webp": "image/webp",
    "tiff": "image/tiff",
}

_ALLOWED_FORMATS = ",".join(
    sorted(name for name in av.formats_available if name not in _REFUSED_FORMATS)
)


class Decoder:
    """The audio stream of one opened input.

    Parameters
    ----------
    source : Input
        The bytes. Closed with the decoder.

    Attributes
    ----------
    sample_rate, channels : int
        What the decoder really gives, known from the first frame.
    speakers : tuple of str
        One speaker name per channel.

    Raises
    ------
    UnsupportedAudio, CorruptAudio, EmptyAudio
        As `AudioReader` documents.
    """

    def __init__(self, source: Input) -> None:
        self._source = source
        self.cover: Cover | None = None
        self._check_boxes()
        self._container = self._open()
        try:
            self._stream = self._choose_stream()
            _check_checksums(self._stream)
            self._damage = Watch(source, self._stream)
            self._frames = self._decode()
            self._first = self._read_first()
            self._check_shape()
        except BaseException:
            self.close()
            raise

    # -- facts ---------------------------------------------------------------------------------

    @property
    def container_name(self) -> str:
        """FFmpeg's name of the container."""
        return self._container.format.name

    @property
    def codec_name(self) -> str:
        """FFmpeg's name of the codec."""
        return self._stream.codec_context.codec.canonical_name

    @property
    def bits_per_sample(self) -> int | None:
        """Significant bits of one stored sample, or None for lossy codecs."""
        return _stored_bits(self._stream)

    @property
    def length_samples(self) -> int | None:
        """Length by the headers' word, or None."""
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None and stream.duration > 0:
            length = round(stream.duration * stream.time_base * self.sample_rate)
            return max(0, length - opus_delay(self._source.head))
        if self._container.duration is not None and self._container.duration > 0:
            return round(self._container.duration * self.sample_rate / av.time_base)
        return None

    @property
    def tags(self) -> dict[str, str]:
        """The container's tags and the stream's, cleaned; the stream's win."""
        both = clean_tags({**self._container.metadata, **self._stream.metadata})
        if both.get("language") == "und":  # what MP4 says when nobody said anything
            del both["language"]
        return both

    # -- samples -------------------------------------------------------------------------------

    def blocks(self) -> Iterator[Samples]:
        """Yield float32 blocks, shape (C, T), 1 <= T <= 65,536, to the end of the stream."""
        block = np.empty((self.channels, BLOCK_SAMPLES), np.float32)
        filled = 0
        for frame, length in trimmed(self._all_frames(), self._source, self._stream):
            kind = frame.format.name
            native = frame_samples(frame, self.channels)
            start = 0
            while start < length:
                size = min(length - start, BLOCK_SAMPLES - filled)
                to_float32(native[:, start : start + size], kind, block[:, filled : filled + size])
                start += size
                filled += size
                if filled == BLOCK_SAMPLES:
                    yield block
                    block = np.empty((self.channels, BLOCK_SAMPLES), np.float32)
                    filled = 0
        if filled:
            yield block[:, :filled]

    def close(self) -> None:
        """Free the decoder and close the input."""
        self._container.close()
        self._source.close()

    # -- inside --------------------------------------------------------------------------------

    def _check_boxes(self) -> None:
        if self._source.kind() != "mp4" or not self._source.seekable():
            return
        try:
            check_boxes(self._source)
        except BaseException:
            self._source.close()
            raise

    def _open(self) -> InputContainer:
        name = self._source.name
        try:
            return av.open(
                self._source,
                "r",
                options=_options_for(self._source.kind()),
                metadata_errors="replace",
                buffer_size=_BUFFER_BYTES,
            )
        except av.error.FFmpegError as error:
            self._source.close()
            if self._source.kind() is None:
                raise UnsupportedAudio(
                    f"{name} is not an audio file, whatever its name says; "
                    "WAV, FLAC, MP3, M4A, Ogg, Opus, WMA, AIFF or a video with sound are"
                ) from error
            raise self._unreadable("is damaged or cut off in its header") from error
        except OSError as error:
            self._source.close()
            raise read_failure(name, error) from error

    def _unreadable(self, what: str) -> InputError:
        name = self._source.name
        if self._source.kind() == "mp4" and not self._source.seekable():
            return UnsupportedAudio(
                f"{name} has its index at the end, so it cannot be read from a stream; "
                "save it as a file first"
            )
        return CorruptAudio(f"{name} {what}; use an intact copy of the file")

    def _choose_stream(self) -> AudioStream:
        name = self._source.name
        stream = self._container.streams.best("audio")
        if stream is None:
            raise UnsupportedAudio(f"{name} {_what_instead(self._container)}")
        if stream.codec_context is None:
            raise UnsupportedAudio(
                f"{name} is encoded in a way that cannot be decoded (copy-protected files are not "
                "supported); convert it to WAV, FLAC or MP3 first"
            )
        for other in self._container.streams:
            if other.index != stream.index and not _is_cover(other):
                other.discard = Discard.all
        return cast("AudioStream", stream)

    def _read_first(self) -> AudioFrame:
        first = next(self._frames, None)
        if first is None:
            self._damage.finish(0)
            raise EmptyAudio(f"{self._source.name} holds no samples")
        self.sample_rate: int = first.sample_rate
        self.channels: int = first.layout.nb_channels
        self.layout_name: str = first.layout.name
        self.speakers = tuple(channel.name for channel in first.layout.channels)
        return first

    def _check_shape(self) -> None:
        name = self._source.name
        if not MIN_SAMPLE_RATE <= self.sample_rate <= MAX_SAMPLE_RATE:
            raise UnsupportedAudio(
                f"{name} has a sample rate of {self.sample_rate} Hz; "
                f"{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz are supported",
                sample_rate=self.sample_rate,
            )
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise UnsupportedAudio(
                f"{name} has {self.channels} channels; 1 to {MAX_CHANNELS} are supported",
                channels=self.channels,
            )
        if not is_known(self._first.format.name):
            raise UnsupportedAudio(
                f"{name} decodes to samples of the type {self._first.format.name}, "
                "which is not supported; convert it to WAV or FLAC first"
            )

    def _all_frames(self) -> Iterator[AudioFrame]:
        first = self._first
        del self._first
        for frame in chain([first], self._frames):
            if frame.sample_rate != self.sample_rate or frame.layout.nb_channels != self.channels:
                raise UnsupportedAudio(
                    f"{self._source.name} changes from {self.channels} channels at "
                    f"{self.sample_rate} Hz to {frame.layout.nb_channels} at {frame.sample_rate} "
                    "Hz in the middle; split it into one file per part"
                )
            yield frame

    def _decode(self) -> Iterator[AudioFrame]:
        """Decode to the end, watching for lost sound. Covers met on the way are kept."""
        name, done = self._source.name, 0
        pictures = [other for other in self._container.streams if _is_cover(other)]
        try:
            for packet in self._container.demux(self._stream, *pictures):
                if packet.stream.index != self._stream.index:
                    self._keep_cover(packet)
                    continue
                sound = cast("Packet[AudioStream]", packet)
                self._damage.see_packet(sound)
                for frame in self._decode_packet(sound, done):
                    self._damage.see_frame(frame, done)
                    done += frame.samples
                    if frame.samples:
                        yield frame
        except av.error.FFmpegError as error:
            raise self._unreadable("cannot be read to its end") from error
        except OSError as error:
            raise read_failure(name, error) from error
        self._damage.finish(done)

    def _decode_packet(self, packet: Packet[AudioStream], done: int) -> list[AudioFrame]:
        try:
            return self._stream.decode(packet)
        except av.error.FFmpegError as error:
            self._damage.see_error(error, done)
            return []

    def _keep_cover(self, packet: Any) -> None:
        if self.cover is None and packet.size:
            mime = _COVER_MIMES.get(packet.stream.codec_context.name)
            self.cover = Cover(mime, bytes(packet)) if mime else None


def _options_for(kind: str | None) -> dict[str, str]:
    options = {"format_whitelist": _ALLOWED_FORMATS, "protocol_whitelist": "none"}
    if kind == "wav":
        # Packets of a whole block instead of a thousand samples: an eighth of the time. FFmpeg
        # looks for DTS inside 16-bit WAV; with packets this large, one is enough for that.
        options |= {"max_size": str(4 * BLOCK_SAMPLES), "max_probe_packets": "1"}
    return options


def _check_checksums(stream: AudioStream) -> None:
    # Left to itself FFmpeg plays what they say is damaged.
    if stream.codec_context.name in _CHECKED_CODECS:
        stream.codec_context.options = {"err_detect": "crccheck+explode"}


def _stored_bits(stream: AudioStream) -> int | None:
    name = stream.codec_context.name
    if name.startswith("pcm_"):
        digits = "".join(character for character in name[4:] if character.isdigit())
        return int(digits) if digits else 8  # A-law and mu-law
    if name in ("flac", "alac", "tta", "wavpack"):
        return 16 if stream.codec_context.format.name.startswith("s16") else 24
    return None


def _is_cover(stream: Stream) -> bool:
    # A picture in a format that FFmpeg cannot decode has no codec context, whatever the types say.
    codec: CodecContext | None = stream.codec_context
    return (
        stream.type == "video"
        and codec is not None
        and bool(stream.disposition & Disposition.attached_pic)
    )


def _what_instead(container: InputContainer) -> str:
    videos = container.streams.video
    still = container.format.name.endswith("_pipe") or container.format.name in ("gif", "ico")
    if videos and (still or all(_is_cover(video) for video in videos)):
        return "holds a picture but no sound; use an audio file"
    if videos:
        return "is a video without sound; use a file with an audio track"
    return "holds no audio track; use an audio file"
