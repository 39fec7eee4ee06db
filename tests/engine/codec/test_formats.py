import dataclasses

import pytest

from stemhouse.engine.codec import FORMATS, OutputFormat, parse_format
from stemhouse.errors import InvalidOption


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wav", OutputFormat(name="wav", bit_depth=16)),
        ("wav24", OutputFormat(name="wav", bit_depth=24)),
        ("wavfloat", OutputFormat(name="wav", bit_depth="float")),
        ("flac", OutputFormat(name="flac", bit_depth=16)),
        ("flac24", OutputFormat(name="flac", bit_depth=24)),
        ("mp3", OutputFormat(name="mp3", bitrate_kbps=320)),
        ("MP3-192 ", OutputFormat(name="mp3", bitrate_kbps=192)),
        ("mp3-v2", OutputFormat(name="mp3", vbr_quality=2)),
        ("m4a-256", OutputFormat(name="m4a", bitrate_kbps=256)),
        ("aac", OutputFormat(name="m4a")),
        ("ogg", OutputFormat(name="ogg", vbr_quality=6)),
        ("ogg-q7.5", OutputFormat(name="ogg", vbr_quality=7.5)),
        ("opus-128", OutputFormat(name="opus", bitrate_kbps=128)),
    ],
)
def test_names_are_understood(text, expected):
    assert parse_format(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "wma", "wav32", "wav8", "flacfloat", "mp3-", "mp3-100", "mp3-999", "mp3-v10"),
        *("mp324", "ogg-128", "opus-v3", "wav-128", "m4a-5000", "ogg-q11", "mp3-v2-320"),
        *("flac-16", "mp3;rm"),
    ],
)
def test_other_names_are_refused(text):
    with pytest.raises(InvalidOption):
        parse_format(text)


@pytest.mark.parametrize(
    "text", ["wav", "wav24", "wavfloat", "flac24", "mp3-192", "mp3-v2", "opus"]
)
def test_a_format_is_shown_as_it_is_read(text):
    assert str(parse_format(text)) == text


def test_every_format_has_what_files_need():
    for name in FORMATS:
        chosen = OutputFormat(name=name)

        assert chosen.extension == name
        assert chosen.mime.startswith("audio/")
        assert chosen.lossless == (name in ("wav", "flac"))


@pytest.mark.parametrize(
    ("name", "rate", "stored"),
    [
        ("wav", 192_000, 192_000),
        ("flac", 8_001, 8_001),
        ("mp3", 44_100, 44_100),
        ("mp3", 40_000, 44_100),
        ("mp3", 96_000, 48_000),
        ("m4a", 88_200, 88_200),
        ("ogg", 96_000, 96_000),
        ("opus", 44_100, 48_000),
    ],
)
def test_every_format_says_the_rate_it_stores(name, rate, stored):
    assert OutputFormat(name=name).sample_rate_for(rate) == stored


def test_a_format_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        OutputFormat(name="wav").name = "mp3"


def test_a_bit_rate_and_a_quality_exclude_each_other():
    with pytest.raises(InvalidOption, match="not both"):
        OutputFormat(name="mp3", bitrate_kbps=320, vbr_quality=2)
