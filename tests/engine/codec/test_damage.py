import io

import numpy as np
import pytest
import soundfile

from stemhouse.engine.codec import Cover
from stemhouse.errors import CorruptAudio, InputError

from .sounds import OneWay, encode, encode_with, read_all

FORMATS = ["wav", "wav24", "flac", "mp3", "mp3-v2", "m4a", "ogg", "opus"]
OTHERS = {
    "wma": ("asf", "wmav2", "fltp"),
    "alac": ("ipod", "alac", "s16p"),
    "mka": ("matroska", "aac", "fltp"),
    "wavpack": ("matroska", "wavpack", "s16p"),
}


@pytest.fixture(scope="module")
def files(song):
    made = {text: encode(song, 44_100, text) for text in FORMATS}
    made |= {name: encode_with(*how, song) for name, how in OTHERS.items()}
    made["mp3 without a header"] = encode(song, 44_100, "mp3", OneWay())
    made["fragmented m4a"] = encode(song, 44_100, "m4a", OneWay())
    aiff = io.BytesIO()
    soundfile.write(aiff, song.T, 44_100, format="AIFF")
    made["aiff"] = aiff.getvalue()
    return made


ALL = [*FORMATS, *OTHERS, "mp3 without a header", "fragmented m4a", "aiff"]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("share", [0.31, 0.57, 0.93])
def test_a_file_that_was_cut_off_is_refused(files, name, share):
    data = files[name][: int(len(files[name]) * share)]

    with pytest.raises(CorruptAudio) as caught:
        read_all(io.BytesIO(data))
    assert "copy" in caught.value.message


@pytest.mark.parametrize("name", ["wav", "flac", "ogg", "opus", "aiff", "wma", "alac"])
def test_one_missing_byte_at_the_end_is_noticed(files, name):
    with pytest.raises(CorruptAudio):
        read_all(io.BytesIO(files[name][:-1]))


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "opus"])
def test_a_stream_that_was_cut_off_is_refused(files, name):
    with pytest.raises(CorruptAudio):
        read_all(OneWay(files[name][: len(files[name]) // 2]))


@pytest.mark.parametrize("name", [name for name in ALL if not name.startswith(("wav", "aiff"))])
def test_a_hole_in_the_middle_is_noticed(files, name):
    data = files[name]
    middle = len(data) // 2

    with pytest.raises(CorruptAudio):
        read_all(io.BytesIO(data[:middle] + bytes(5_000) + data[middle + 5_000 :]))


@pytest.mark.parametrize("name", ["flac", "wavpack"])
def test_a_changed_bit_is_noticed_where_blocks_have_checksums(files, name):
    data = files[name]

    for place in np.linspace(len(data) // 4, len(data) * 3 // 4, 12, dtype=int):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(CorruptAudio):
            read_all(io.BytesIO(bytes(changed)))


def test_a_cut_off_mp3_is_refused_whatever_the_size_of_its_cover(song, picture):
    cover = Cover("image/png", picture("image/png").data + bytes(300_000))
    data = encode(song, 44_100, "mp3", OneWay(), cover=cover)

    with pytest.raises(CorruptAudio):
        read_all(io.BytesIO(data[:-30]))


@pytest.mark.parametrize("name", ALL)
def test_a_header_alone_is_refused(files, name):
    with pytest.raises(InputError):
        read_all(io.BytesIO(files[name][:40]))


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "m4a", "ogg", "opus"])
def test_bytes_after_the_end_do_no_harm(files, name):
    whole = read_all(io.BytesIO(files[name]))

    padded = read_all(io.BytesIO(files[name] + bytes(500)))

    np.testing.assert_array_equal(padded, whole)
