"""Where the sound ends exactly: the padding of the last packet, which FFmpeg leaves in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stemhouse.engine.codec import promises
from stemhouse.engine.codec.damage import kind_of
from stemhouse.engine.codec.source import Input

if TYPE_CHECKING:
    from av.audio import AudioFrame, AudioStream

LONGEST_PADDING_SAMPLES = 8_192
"""Most that is taken for padding: the longest block of Vorbis, four frames of HE-AAC."""


def trimmed(
    frames: Iterator[AudioFrame], source: Input, stream: AudioStream
) -> Iterator[tuple[AudioFrame, int]]:
    """Yield frames and how many of their samples belong to the song.

    Notes
    -----
    FFmpeg removes the encoder's delay everywhere and the padding of MP3, Opus and most Ogg. Left to
    do: MP4, where the duration of the last packet (or Apple's ``iTunSMPB`` tag) says how much of it
    is sound, short Ogg Vorbis files, where the position of the last page does, and MP3 that cannot
    be sought, by its LAME header.
    """
    waiting: deque[AudioFrame] = deque()
    held = done = 0
    kind = kind_of(stream)
    if kind not in ("mp4", "ogg") and (kind != "mp3" or source.seekable()):
        for frame in frames:
            yield frame, frame.samples
        return
    for frame in frames:
        waiting.append(frame)
        held += frame.samples
        while held - waiting[0].samples > LONGEST_PADDING_SAMPLES:
            first = waiting.popleft()
            held -= first.samples
            done += first.samples
            yield first, first.samples
    if kind == "mp4":
        surplus = _mp4_padding(waiting, done + held, stream)
    elif kind == "ogg":
        surplus = _ogg_padding(done + held, source, stream)
    else:
        surplus = _mp3_padding(done + held, source)
    left = held - surplus
    for frame in waiting:
        keep = min(frame.samples, left)
        left -= keep
        if keep:
            yield frame, keep


def _mp4_padding(waiting: deque[AudioFrame], total: int, stream: AudioStream) -> int:
    gapless = stream.container.metadata.get("iTunSMPB", "").split()
    if len(gapless) >= 4 and _is_hexadecimal(gapless[3]):
        surplus = total - int(gapless[3], 16)
        if 0 <= surplus <= LONGEST_PADDING_SAMPLES:
            return surplus
    if not waiting or not waiting[-1].time_base:
        return 0
    last = waiting[-1]
    length = round((last.duration or 0) * float(last.time_base or 0) * last.sample_rate)
    return last.samples - length if 0 < length < last.samples else 0


def _mp3_padding(total: int, source: Input) -> int:
    length = promises.mp3_length(source.first_frame)
    surplus = total - (total if length is None else length)
    return surplus if 0 < surplus <= LONGEST_PADDING_SAMPLES else 0


def _ogg_padding(total: int, source: Input, stream: AudioStream) -> int:
    _, position = promises.ogg_end(source.ending())
    if stream.codec_context.name != "vorbis" or position is None or stream.start_time:
        return 0
    surplus = total - position
    return surplus if 0 < surplus <= LONGEST_PADDING_SAMPLES and position > 0 else 0


def _is_hexadecimal(text: str) -> bool:
    return bool(text) and all(character in "0123456789abcdefABCDEF" for character in text)
