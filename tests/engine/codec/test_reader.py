import io
import os
import tracemalloc

import numpy as np
import pytest
import soundfile

from stemhouse.engine.audio import Audio
from stemhouse.engine.codec import open_source
from stemhouse.errors import (
    AudioTooLong,
    CorruptAudio,
    EmptyAudio,
    InvalidOption,
    SourceNotFound,
    UnsupportedAudio,
)

from .sounds import OneWay, encode, encode_with, pcm_fields, read_all, wav_of

LOSSLESS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "PCM_32"),
    ("WAV", "FLOAT"),
    ("WAV", "DOUBLE"),
    ("WAV", "PCM_U8"),
    ("AIFF", "PCM_16"),
    ("AIFF", "PCM_24"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
]


def write_with_soundfile(samples, rate, container, subtype):
    file = io.BytesIO()
    soundfile.write(file, samples.T, rate, format=container, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(("container", "subtype"), LOSSLESS)
def test_lossless_files_are_read_to_the_bit(song, container, subtype):
    data = write_with_soundfile(song, 44_100, container, subtype)
    expected, _ = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)

    samples = read_all(io.BytesIO(data))

    np.testing.assert_array_equal(samples, expected.T.astype(np.float32))


def test_alac_is_read_to_the_bit(song):
    whole = np.rint(song * 32_767).astype(np.int16)

    samples = read_all(io.BytesIO(encode_with("ipod", "alac", "s16p", song)))

    np.testing.assert_array_equal(samples, whole.astype(np.float32) / 32_768)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("length", [1, 4_095, 65_537])
def test_rate_and_length_are_kept(song, rate, length):
    data = write_with_soundfile(song[:1, :length], rate, "FLAC", "PCM_16")

    with open_source(io.BytesIO(data)) as reader:
        lengths = [block.shape[1] for block in reader.blocks()]

    assert sum(lengths) == length == reader.info.length_samples
    assert max(lengths) <= 65_536
    assert (reader.info.sample_rate, reader.output_channels) == (rate, 1)


@pytest.mark.parametrize("text", ["wav", "flac", "mp3", "mp3-v2", "m4a", "ogg", "opus"])
def test_sources_that_cannot_seek_sound_the_same(song, text):
    data = encode(song, 48_000, text)
    if text == "m4a":  # with its index first, as streams have it
        data = encode(song, 48_000, text, OneWay())

    np.testing.assert_array_equal(read_all(OneWay(data)), read_all(io.BytesIO(data)))


def test_a_stream_with_its_index_at_the_end_is_refused_with_advice(song):
    with pytest.raises(UnsupportedAudio, match="save it as a file"):
        read_all(OneWay(encode(song, 44_100, "m4a")))


@pytest.mark.parametrize(
    ("container", "codec"), [("asf", "wmav2"), ("matroska", "aac"), ("adts", "aac")]
)
def test_other_lossy_files_are_read(song, container, codec):
    samples = read_all(io.BytesIO(encode_with(container, codec, "fltp", song)))

    # FFmpeg's own WMA decoder gives one block less than was encoded.
    assert abs(samples.shape[1] - song.shape[1]) <= 2_048


def test_a_path_gives_its_name_whatever_the_letters(song, tmp_path):
    path = tmp_path / "Ünï 🎸 שיר.v2.flac"
    path.write_bytes(encode(song, 44_100, "flac"))

    with open_source(path) as reader:
        assert reader.info.name == "Ünï 🎸 שיר.v2"
        assert (reader.info.container, reader.info.codec) == ("flac", "flac")
        assert reader.info.bits_per_sample == 16


def test_facts_about_the_old_file_are_not_tags(song):
    data = encode(song, 44_100, "m4a", tags={"title": "Song"})

    with open_source(io.BytesIO(data)) as reader:
        assert reader.info.tags == {"title": "Song"}


def test_a_name_that_is_not_unicode_is_read(song, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    path.write_bytes(encode(song, 44_100, "wav"))

    with open_source(path) as reader:
        assert reader.info.name.encode()


def test_a_name_is_never_taken_for_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SourceNotFound):
        open_source("concat:a.wav|b.wav")


def test_a_playlist_cannot_make_it_open_other_files(song, tmp_path):
    (tmp_path / "secret.wav").write_bytes(encode(song, 44_100, "wav"))
    path = tmp_path / "song.mp3"
    path.write_text(f"#EXTM3U\n#EXTINF:3,\nfile://{tmp_path}/secret.wav\n#EXT-X-ENDLIST\n")

    with pytest.raises(UnsupportedAudio):
        open_source(path)


def test_memory_is_read_without_being_changed(song):
    audio = Audio(song, 44_100)

    np.testing.assert_array_equal(read_all(audio), song)
    assert song.flags.writeable


def test_the_sound_of_a_video_is_read(song, video):
    samples = read_all(io.BytesIO(video(song)))

    np.testing.assert_allclose(samples, song, atol=2e-5)


def test_surround_is_mixed_down_and_said(song):
    quiet = np.zeros((6, 44_100), np.float32)
    quiet[2] = 0.5  # the centre, in WAVE order
    data = write_with_soundfile(quiet, 44_100, "WAV", "PCM_24")

    with open_source(io.BytesIO(data)) as reader:
        mixed = np.concatenate(list(reader.blocks()), axis=1)

    assert reader.info.channels == 6
    assert reader.output_channels == 2
    assert [notice.code for notice in reader.notices] == ["downmixed"]
    np.testing.assert_allclose(mixed, 0.5 * np.sqrt(0.5) / (1 + np.sqrt(2)), rtol=1e-6)


@pytest.mark.parametrize("channels", range(3, 9))
def test_a_down_mix_cannot_clip_by_itself(channels):
    loud = Audio(np.ones((channels, 100), np.float32), 44_100)

    mixed = read_all(loud)

    assert mixed.shape == (2, 100)
    assert 0.9 < mixed.max() <= 1.0 + 1e-6


def test_the_low_frequency_channel_is_left_out():
    effects = np.zeros((6, 100), np.float32)
    effects[3] = 1.0

    assert not read_all(Audio(effects, 44_100)).any()


def test_a_wav_whose_length_was_left_open_is_read_to_its_end(song):
    data = wav_of(pcm_fields(1, 8_000), bytes(2 * 1_000), data_size=0xFFFF_FFFF)

    assert read_all(io.BytesIO(data)).shape == (1, 1_000)


@pytest.mark.parametrize(
    ("text", "seconds"), [("flac", 200), ("mp3", 200), ("ogg", 200), ("opus", 30)]
)
def test_long_silence_takes_little_memory(text, seconds):
    data = encode(np.zeros((1, 8_000 * seconds), np.float32), 8_000, text)
    tracemalloc.start()

    with open_source(io.BytesIO(data)) as reader:
        total = sum(block.shape[1] for block in reader.blocks())
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert total == seconds * reader.info.sample_rate
    assert peak < 3_000_000  # all of it would be 6 MB


def test_the_limit_stops_a_long_file_before_it_is_read():
    data = encode(np.zeros((1, 80_000), np.float32), 8_000, "flac")

    with pytest.raises(AudioTooLong, match="9 s"):
        open_source(io.BytesIO(data), max_duration_s=9.0)


def test_the_limit_stops_a_file_whose_header_lies():
    data = bytearray(encode(np.zeros((1, 800_000), np.float32), 8_000, "flac"))
    data[21] &= 0xF0  # STREAMINFO: 36 bits of total samples
    data[22:26] = (8_000).to_bytes(4, "big")

    with open_source(io.BytesIO(bytes(data)), max_duration_s=9.0) as reader:
        blocks = reader.blocks()
        next(blocks)

        with pytest.raises(AudioTooLong):
            next(blocks)


def test_a_file_as_long_as_the_limit_passes():
    data = encode(np.zeros((1, 80_000), np.float32), 8_000, "flac")

    with open_source(io.BytesIO(data), max_duration_s=10.0) as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 80_000


@pytest.mark.parametrize("limit", [0, -1.0, float("nan")])
def test_a_limit_must_be_positive(limit):
    with pytest.raises(InvalidOption):
        open_source(io.BytesIO(b"x"), max_duration_s=limit)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(SourceNotFound, match=r"gone\.wav"):
        open_source(tmp_path / "gone.wav")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(UnsupportedAudio, match="folder"):
        open_source(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = tmp_path / "mine.wav"
    path.write_bytes(b"RIFF")
    path.chmod(0)

    with pytest.raises(SourceNotFound, match="permissions"):
        open_source(path)


def test_an_empty_file_is_empty(tmp_path):
    path = tmp_path / "nothing.mp3"
    path.touch()

    with pytest.raises(EmptyAudio):
        open_source(path)


def test_audio_without_samples_is_empty():
    with pytest.raises(EmptyAudio):
        open_source(io.BytesIO(encode(np.zeros((2, 0), np.float32), 44_100, "wav")))
    with pytest.raises(EmptyAudio):
        open_source(Audio(np.zeros((2, 0), np.float32), 44_100))


@pytest.mark.parametrize(
    "data", [b"Dear diary, today I sang.\n" * 100, bytes(10_000), b"%PDF-1.7\n" + bytes(500)]
)
def test_what_is_not_audio_is_refused_whatever_its_name(tmp_path, data):
    path = tmp_path / "song.mp3"
    path.write_bytes(data)

    with pytest.raises((UnsupportedAudio, CorruptAudio)):
        open_source(path)


def test_random_bytes_never_pass_for_a_song():
    random = np.random.default_rng(7)

    for _ in range(20):
        with pytest.raises((UnsupportedAudio, CorruptAudio)):
            read_all(io.BytesIO(random.bytes(20_000)))


@pytest.mark.parametrize("mime", ["image/png", "image/jpeg"])
def test_a_picture_is_refused(picture, mime):
    with pytest.raises(UnsupportedAudio, match="picture"):
        open_source(io.BytesIO(picture(mime).data))


def test_a_video_without_sound_is_refused(video):
    with pytest.raises(UnsupportedAudio, match="video without sound"):
        open_source(io.BytesIO(video(None)))


@pytest.mark.parametrize(
    ("channels", "rate"), [(0, 44_100), (9, 44_100), (200, 44_100), (1, 1), (1, 1_000_000), (1, 0)]
)
def test_absurd_shapes_are_refused(channels, rate):
    data = wav_of(pcm_fields(channels, rate), bytes(3_600))

    with pytest.raises((UnsupportedAudio, CorruptAudio)):
        read_all(io.BytesIO(data))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_found(song, value):
    broken = song.copy()
    broken[1, 70_000] = value
    data = write_with_soundfile(broken, 44_100, "WAV", "FLOAT")

    with pytest.raises(CorruptAudio, match="NaN or infinite") as caught:
        read_all(io.BytesIO(data))
    assert caught.value.details["offset_samples"] == 70_000


def test_values_beyond_full_scale_are_kept(song):
    data = write_with_soundfile(song * 8, 44_100, "WAV", "FLOAT")

    np.testing.assert_array_equal(read_all(io.BytesIO(data)), song * 8)


def test_a_chain_of_different_songs_is_refused(song):
    data = encode(song, 44_100, "ogg") + encode(song[:1], 22_050, "ogg")

    with pytest.raises((UnsupportedAudio, CorruptAudio)):
        read_all(io.BytesIO(data))


def test_a_read_error_is_told():
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 100_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    data = encode(np.zeros((2, 400_000), np.float32), 44_100, "wav")

    with pytest.raises(Exception, match="cannot be read") as caught:
        read_all(Failing(data))
    assert caught.value.code in ("resource_error", "corrupt_audio")


def test_a_text_stream_is_refused():
    with pytest.raises(InvalidOption):
        open_source(io.StringIO("song"))
