"""Writing FLAC, MP3, M4A and Opus with FFmpeg's encoders and muxers (through PyAV)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import av
import av.error
import numpy as np
from av.stream import Disposition

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec.encoder import EncoderJob, can_seek
from stemhouse.engine.codec.formats import OutputFormat
from stemhouse.engine.codec.info import Cover
from stemhouse.engine.codec.pictures import picture_block, picture_size
from stemhouse.engine.codec.promises import id3_bytes
from stemhouse.engine.codec.quantise import Quantiser

if TYPE_CHECKING:
    from av.audio import AudioStream
    from av.container import OutputContainer

_Native = np.ndarray[Any, np.dtype[np.float32]] | np.ndarray[Any, np.dtype[np.int32]]

_BUFFER_BYTES = 256 * 1024
PICTURE_CODECS = {"image/jpeg": "mjpeg", "image/png": "png"}
"""Pictures that FFmpeg attaches to FLAC, MP3 and M4A."""

_PICTURE_TIME = Fraction(1, 90_000)


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How one format is made."""

    container: str
    codec: str
    sample_format: str
    codec_options: Mapping[str, str] = field(default_factory=dict)
    muxer_options: Mapping[str, str] = field(default_factory=dict)
    bitrate_kbps: int | None = None
    pictures: bool = True  # as an attached stream; Opus has them among its tags


class FfmpegEncoder:
    """Writes one file through FFmpeg.

    Parameters
    ----------
    file : BinaryIO
        Target. Where it cannot seek, the file is made for streaming: FLAC without the total
        length, MP3 without the LAME header, fragmented MP4.
    job : EncoderJob
        What to write.

    Notes
    -----
    FLAC is compression level 5, at about 550 times real time the best of size and speed. LAME runs
    at quality 5 (its own default is 3, for a third more time). FFmpeg's AAC encoder keeps its
    default coder. The interpreter's lock is released inside the encoders.
    """

    def __init__(self, file: BinaryIO, job: EncoderJob) -> None:
        seekable = can_seek(file)
        recipe = _recipe(job, seekable)
        self._job = job
        self._done = 0
        self._format = recipe.sample_format
        self._layout = "mono" if job.channels == 1 else "stereo"
        self._time = Fraction(1, job.sample_rate)
        self._quantiser = Quantiser(job.format.bits) if job.format.lossless else None
        if job.format.name == "mp3" and not seekable:
            # FFmpeg would seek back into the tag to mend its size: made beforehand instead.
            file.write(_id3_tag(job))
            job = replace(job, tags={}, cover=None)
        self._container: OutputContainer = av.open(
            file,
            "w",
            format=recipe.container,
            container_options=dict(recipe.muxer_options),
            buffer_size=_BUFFER_BYTES,
        )
        try:
            self._stream = self._add_stream(recipe)
            self._begin(job, recipe)
        except BaseException:
            self.discard()
            raise

    @property
    def clipped_samples(self) -> int:
        """Samples that did not fit."""
        return self._quantiser.clipped_samples if self._quantiser else 0

    def write(self, samples: Samples, peak: float) -> None:
        """Encode `samples`, float32 (C, T)."""
        frame = av.AudioFrame.from_ndarray(self._native(samples, peak), self._format, self._layout)
        frame.sample_rate = self._job.sample_rate
        frame.time_base = self._time
        frame.pts = self._done
        self._done += samples.shape[1]
        self._container.mux(self._stream.encode(frame))

    def _native(self, samples: Samples, peak: float) -> _Native:
        if self._quantiser is not None:
            whole = self._quantiser.interleave(samples, peak).reshape(1, -1)  # (T, C) -> (1, T * C)
            # FFmpeg keeps 24 bits in the upper bytes of 32.
            return cast(_Native, whole if self._job.format.bits == 16 else whole << 8)
        if self._format.endswith("p"):
            return cast(_Native, np.ascontiguousarray(samples))
        return cast(_Native, np.ascontiguousarray(samples.T).reshape(1, -1))  # (C, T) -> (1, T * C)

    def finish(self) -> None:
        """Flush the encoder and let the muxer mend its header."""
        if self._done:
            self._container.mux(self._stream.encode(None))
        else:
            self._container.start_encoding()
        self._container.close()

    def discard(self) -> None:
        """Close without caring for the result."""
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError):
            pass  # the file is thrown away, perhaps because writing to it fails

    def _add_stream(self, recipe: _Recipe) -> AudioStream:
        stream = cast(
            "AudioStream",
            self._container.add_stream(
                recipe.codec, rate=self._job.sample_rate, options=dict(recipe.codec_options)
            ),
        )
        context = stream.codec_context
        context.layout = self._layout
        context.format = recipe.sample_format
        context.time_base = self._time
        if recipe.bitrate_kbps is not None:
            context.bit_rate = recipe.bitrate_kbps * 1000
        return stream

    def _begin(self, job: EncoderJob, recipe: _Recipe) -> None:
        if recipe.container == "opus":  # tags of an Ogg stream, which is where players look
            self._stream.metadata.update(job.tags)
            if job.cover is not None:
                self._stream.metadata["METADATA_BLOCK_PICTURE"] = picture_block(job.cover)
        else:
            self._container.metadata.update(job.tags)
        if job.cover is not None and recipe.pictures:
            self._attach(job.cover)

    def _attach(self, cover: Cover) -> None:
        width, height = picture_size(cover)
        codec = PICTURE_CODECS[cover.mime]
        stream = self._container.add_mux_stream(codec, rate=1, width=width, height=height)
        stream.disposition = Disposition.attached_pic
        stream.metadata["comment"] = "Cover (front)"
        packet = av.Packet(cover.data)
        packet.stream = stream
        packet.pts = packet.dts = 0
        packet.time_base = _PICTURE_TIME
        packet.is_keyframe = True
        self._container.start_encoding()
        self._container.mux(packet)


def _recipe(job: EncoderJob, seekable: bool) -> _Recipe:
    chosen = job.format
    if chosen.name == "flac":
        kind = "s16" if chosen.bit_depth == 16 else "s32"
        return _Recipe("flac", "flac", kind, {"compression_level": "5"})
    if chosen.name == "mp3":
        muxer = {"id3v2_version": "4"} if seekable else {"id3v2_version": "0", "write_xing": "0"}
        return _Recipe(
            "mp3", "libmp3lame", "fltp", _lame_options(chosen), muxer, chosen.bitrate_kbps
        )
    if chosen.name == "m4a":
        # A time scale of the sample rate makes the edit list exact to the sample.
        muxer = {"movie_timescale": str(job.sample_rate), "brand": "M4A "}
        if not seekable:
            muxer |= {
                "movflags": "frag_keyframe+delay_moov+default_base_moof",
                "frag_duration": "2000000",
            }
        bitrate = _per_channel(chosen.bitrate_kbps, job.channels)
        return _Recipe("mp4", "aac", "fltp", {}, muxer, bitrate, pictures=seekable)
    bitrate = _per_channel(chosen.bitrate_kbps, job.channels)
    return _Recipe("opus", "libopus", "flt", {}, {}, bitrate, pictures=False)


def _per_channel(bitrate_kbps: int | None, channels: int) -> int | None:
    # Bit rates are meant for stereo; one channel needs half.
    return bitrate_kbps if bitrate_kbps is None or channels == 2 else max(16, bitrate_kbps // 2)


def _lame_options(chosen: OutputFormat) -> dict[str, str]:
    options = {"compression_level": "5"}
    if chosen.vbr_quality is not None:
        lambdas_per_step = 118  # FFmpeg's FF_QP2LAMBDA
        quality = round(chosen.vbr_quality * lambdas_per_step)
        options |= {"flags": "+qscale", "global_quality": str(quality)}
    return options


def _id3_tag(job: EncoderJob) -> bytes:
    """Return the ID3v2 tag of `job`, cut from the beginning of a very short MP3."""
    if not job.tags and job.cover is None:
        return b""
    file = io.BytesIO()
    encoder = FfmpegEncoder(file, job)
    encoder.write(np.zeros((job.channels, 1152), np.float32), 0.0)
    encoder.finish()
    data = file.getvalue()
    return data[: id3_bytes(data)]
