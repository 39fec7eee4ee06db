"""Tags on their way out of a file and into another."""

from __future__ import annotations

from collections.abc import Mapping

_DROPPED = frozenset(
    {
        # Facts about the old file that would be lies in the new one.
        *("encoder", "encoded_by_tool", "major_brand", "minor_version", "compatible_brands"),
        *("duration", "handler_name", "vendor_id", "creation_time", "language_code"),
        *("metadata_block_picture", "coverart", "itunsmpb", "replaygain_track_gain"),
        *("replaygain_track_peak", "replaygain_album_gain", "replaygain_album_peak"),
        *("r128_track_gain", "r128_album_gain", "bps", "waveformatextensible_channel_mask"),
    }
)

_LONGEST_VALUE = 65_536
"""Longest value written, in characters: lyrics fit, an accident of megabytes does not."""


def clean_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return `tags` as they can be written.

    Keys become lower case; what describes the old file instead of the song is left out (encoder,
    container brands, replay gain, gapless data); NUL and lone surrogates, which no format can
    carry, are replaced; empty values are left out.
    """
    cleaned: dict[str, str] = {}
    for key, value in tags.items():
        name = key.strip().lower()
        text = str(value).replace("\0", "").encode("utf-8", "replace").decode("utf-8")
        if name and text and name not in _DROPPED and "=" not in name:
            cleaned[name] = text[:_LONGEST_VALUE]
    return cleaned
