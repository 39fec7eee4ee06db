"""What the headers of a file promise: lengths and sizes to hold the decoded sound against.

FFmpeg reads what is there and says nothing of what is missing. These few fields are read here so
that a file that was cut off is found out.
"""

from __future__ import annotations

import struct

_UNKNOWN_32 = 0xFFFF_FFFF
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_BROADCAST = 1
_MATROSKA_SEGMENT = bytes.fromhex("18538067")
_OGG_LAST_PAGE = 0x04

_MP3_BITRATES_V1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_BITRATES_V2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MP3_RATES_V1 = (44_100, 48_000, 32_000)


def wav_length_is_open(head: bytes) -> bool:
    """Whether a WAV header leaves its length open, as streams do."""
    at = head.find(b"data", 12)
    if head[:4] != b"RIFF" or at < 0 or at + 8 > len(head):
        return False
    (size,) = struct.unpack("<I", head[at + 4 : at + 8])
    return size in (0, _UNKNOWN_32, _UNKNOWN_32 - 1)


def mp3_has_frame_count(frame: bytes) -> bool:
    """Whether an MP3's first frame is a Xing, Info or VBRI header, which counts the others."""
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if at >= 0:
        return len(frame) > at + 7 and bool(frame[at + 7] & 1)
    return b"VBRI" in frame


def mp3_length(frame: bytes) -> int | None:
    """Return the samples of an MP3 by the LAME header in its first frame, or None.

    Delay and padding are not counted.

    Source: the Info tag of LAME (http://gabriel.mp3-tech.org/mp3infotag.html).
    """
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if at < 0 or len(frame) < at + 144 or not frame[at + 7] & 1:
        return None
    encoder = frame[at + 120 : at + 124]
    flags = frame[at + 4 : at + 8]
    if flags[3] != 15 or encoder not in (b"LAME", b"Lavf", b"Lavc"):
        return None
    (frames,) = struct.unpack(">I", frame[at + 8 : at + 12])
    delay = frame[at + 141] << 4 | frame[at + 142] >> 4
    padding = (frame[at + 142] & 15) << 8 | frame[at + 143]
    per_frame = 1_152 if frame[1] >> 3 & 3 == 3 else 576
    return max(0, int(frames) * per_frame - delay - padding)


def id3_bytes(head: bytes) -> int:
    """Return the size in bytes of the ID3v2 tag that `head` begins with; 0 when there is none."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    return 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))


def mp3_frame_bytes(header: bytes) -> int | None:
    """Return the length in bytes of the layer III frame that `header` begins; None if none does.

    Source: ISO/IEC 11172-3 and 13818-3, the frame header.
    """
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, rate_index = header[1] >> 3 & 3, header[2] >> 2 & 3
    bitrate_index, padding = header[2] >> 4, header[2] >> 1 & 1
    if version == 1 or rate_index == 3 or bitrate_index in (0, 15):
        return None
    first = version == 3
    bitrate = (_MP3_BITRATES_V1 if first else _MP3_BITRATES_V2)[bitrate_index] * 1000
    rate = _MP3_RATES_V1[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    return (144 if first else 72) * bitrate // rate + padding


def asf_size(head: bytes) -> int | None:
    """Return the size in bytes that an ASF (WMA) header states; None for a broadcast."""
    at = head.find(_ASF_FILE_PROPERTIES)
    if at < 0 or at + 92 > len(head):
        return None
    (size,) = struct.unpack("<Q", head[at + 40 : at + 48])
    (flags,) = struct.unpack("<I", head[at + 88 : at + 92])
    return None if flags & _ASF_BROADCAST else int(size)


def matroska_size(head: bytes) -> int | None:
    """Return the size in bytes of a Matroska or WebM file by its segment; None if left open."""
    at = head.find(_MATROSKA_SEGMENT)
    if at < 0 or at + 12 > len(head) or head[at + 4] == 0:
        return None
    width = 9 - head[at + 4].bit_length()
    value = int.from_bytes(head[at + 4 : at + 4 + width], "big") & ((1 << 7 * width) - 1)
    if value == (1 << 7 * width) - 1:
        return None
    return at + 4 + width + value


def ogg_end(tail: bytes) -> tuple[bool, int | None]:
    """Return whether an Ogg file's last page is whole and marked as the last, and its position."""
    at = tail.rfind(b"OggS")
    if at < 0 or at + 27 > len(tail):
        return False, None
    segments = tail[at + 27 : at + 27 + tail[at + 26]]
    whole = len(segments) == tail[at + 26] and at + 27 + len(segments) + sum(segments) <= len(tail)
    (position,) = struct.unpack("<q", tail[at + 6 : at + 14])
    return whole and bool(tail[at + 5] & _OGG_LAST_PAGE), position


def opus_delay(head: bytes) -> int:
    """Return the samples at 48 kHz that an Ogg Opus file says to skip; 0 for other files."""
    at = head.find(b"OpusHead", 0, 512) if head[:4] == b"OggS" else -1
    return int(struct.unpack("<H", head[at + 10 : at + 12])[0]) if at >= 0 else 0
