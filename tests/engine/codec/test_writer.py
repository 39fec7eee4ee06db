import errno
import io
import os
import resource
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemhouse.engine.codec import AudioWriter, Cover, open_source, parse_format
from stemhouse.engine.codec.pictures import picture_size
from stemhouse.engine.codec.wav import WavEncoder
from stemhouse.errors import DiskFull, EmptyAudio, InvalidOption, OutputNotWritable

from .sounds import OneWay, encode, read_all

FORMATS = ["wav", "wav24", "wavfloat", "flac", "flac24", "mp3", "mp3-v2", "m4a", "ogg", "opus"]
TAGS = {
    "title": "Ünï 🎸 שלום",
    "artist": "Die Ärzte; 青葉",
    "album": "Album",
    "date": "2001",
    "track": "3/9",
    "genre": "Jazz",
    "comment": "two\nlines = fine",
}


def write(path, samples, text, rate=44_100, **more):
    with AudioWriter(
        path, parse_format(text), sample_rate=rate, channels=samples.shape[0], **more
    ) as writer:
        writer.write(samples)
    return writer.close()


@pytest.mark.parametrize("text", FORMATS)
@pytest.mark.parametrize("length", [100, 4_097, 44_101])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_length_is_kept_to_the_sample(song, text, length, channels):
    samples = song[:channels, :length]
    rate = 48_000  # which Opus and MP3 have too

    decoded = read_all(io.BytesIO(encode(samples, rate, text)))

    assert decoded.shape == samples.shape


@pytest.mark.parametrize("text", [text for text in FORMATS if text != "opus"])
@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_the_rate_is_kept_where_the_format_has_it(song, text, rate):
    with open_source(io.BytesIO(encode(song[:, :9_000], rate, text))) as reader:
        assert reader.info.sample_rate == rate
        assert sum(block.shape[1] for block in reader.blocks()) == 9_000


@pytest.mark.parametrize(
    ("text", "rate", "stored"),
    [("opus", 44_100, 48_000), ("mp3", 96_000, 48_000), ("m4a", 192_000, 96_000)],
)
def test_other_rates_are_resampled_and_said(song, tmp_path, text, rate, stored):
    written = write(tmp_path / "out", song, text, rate)

    with open_source(tmp_path / "out") as reader:
        length = sum(block.shape[1] for block in reader.blocks())
    assert reader.info.sample_rate == stored
    assert length == (2 * song.shape[1] * stored + rate) // (2 * rate)
    assert [notice.code for notice in written.notices] == ["resampled"]
    assert written.length_samples == song.shape[1]


@pytest.mark.parametrize("text", ["wav", "flac", "wav24", "flac24", "wavfloat"])
def test_lossless_formats_keep_every_bit_of_the_song(song, text):
    np.testing.assert_array_equal(read_all(io.BytesIO(encode(song, 44_100, text))), song)


@pytest.mark.parametrize(
    ("text", "floor_db"), [("mp3", 20), ("m4a", 20), ("ogg", 15), ("opus", 12), ("mp3-v2", 15)]
)
def test_lossy_formats_sound_like_the_song_and_stay_in_time(song, text, floor_db):
    decoded = read_all(io.BytesIO(encode(song, 48_000, text)))

    # Waveforms that were a sample apart would not reach these ratios of signal to error.
    noise = np.mean((decoded - song) ** 2)
    assert 10 * np.log10(np.mean(song**2) / noise) > floor_db


@pytest.mark.parametrize("text", FORMATS)
def test_blocks_do_not_change_what_is_written(song, text):
    file = io.BytesIO()

    with AudioWriter(file, parse_format(text), sample_rate=44_100, channels=2) as writer:
        for start in range(0, song.shape[1], 10_007):
            writer.write(song[:, start : start + 10_007])

    whole = encode(song, 44_100, text)
    np.testing.assert_array_equal(
        read_all(io.BytesIO(file.getvalue())), read_all(io.BytesIO(whole))
    )


@pytest.mark.parametrize("text", FORMATS)
def test_tags_are_carried_in_any_script(song, text):
    with open_source(io.BytesIO(encode(song, 44_100, text, tags=TAGS))) as reader:
        found = {key: reader.info.tags.get(key) for key in TAGS}

    assert found == TAGS


@pytest.mark.parametrize("text", ["flac", "mp3", "m4a", "ogg", "opus"])
@pytest.mark.parametrize("mime", ["image/jpeg", "image/png"])
def test_the_cover_is_carried_byte_for_byte(song, picture, text, mime):
    cover = picture(mime)

    with open_source(io.BytesIO(encode(song, 44_100, text, cover=cover))) as reader:
        assert reader.info.cover == cover


@pytest.mark.parametrize("text", ["flac", "ogg", "opus", "mp3", "m4a"])
def test_a_large_cover_is_carried(song, picture, text):
    cover = type(picture("image/png"))("image/png", picture("image/png").data + bytes(700_000))

    with open_source(io.BytesIO(encode(song, 44_100, text, cover=cover))) as reader:
        assert reader.info.cover == cover
        assert sum(block.shape[1] for block in reader.blocks())


@pytest.mark.parametrize("text", FORMATS)
def test_streams_that_cannot_seek_are_written(song, text):
    data = encode(song, 48_000, text, OneWay(), tags={"title": "Ünï"})

    with open_source(io.BytesIO(data)) as reader:
        length = sum(block.shape[1] for block in reader.blocks())
        assert reader.info.tags["title"] == "Ünï"
    extra = length - song.shape[1]
    # Without its LAME header an MP3 keeps the encoder's delay and padding.
    assert 0 < extra <= 1_105 + 2 * 1_152 if text.startswith("mp3") else extra == 0


@pytest.mark.parametrize("text", ["mp3", "flac", "ogg", "opus"])
def test_streams_carry_the_cover(song, picture, text):
    data = encode(song, 48_000, text, OneWay(), cover=picture("image/jpeg"))

    with open_source(io.BytesIO(data)) as reader:
        assert reader.info.cover == picture("image/jpeg")


def test_a_cover_that_cannot_be_carried_is_said(song, picture, tmp_path):
    streamed = write(OneWay(), song, "m4a", cover=picture("image/png"))
    strange = write(tmp_path / "a.mp3", song, "mp3", cover=Cover("image/webp", b"RIFF"))

    assert [notice.code for notice in streamed.notices] == ["cover_left_out"]
    assert [notice.code for notice in strange.notices] == ["cover_left_out"]


def damaged(cover: Cover) -> list[Cover]:
    # What songs bring along: nothing, anything, and pictures of no size or of any.
    png = cover.data[:16]
    data = [
        *(b"", b"\xff\xd8", bytes(5_000), cover.data[:20]),
        *(png + size.to_bytes(4, "big") * 2 + cover.data[24:] for size in (0, 99_999, 2**32 - 1)),
    ]
    return [Cover(cover.mime, one) for one in data]


@pytest.mark.parametrize("text", ["flac", "mp3", "m4a", "ogg", "opus"])
@pytest.mark.parametrize("make_target", [io.BytesIO, OneWay])
def test_a_damaged_cover_keeps_no_song_from_being_written(song, picture, text, make_target):
    for cover in damaged(picture("image/png")):
        target = make_target()

        written = write(target, song, text, cover=cover)

        codes = [notice.code for notice in written.notices]
        assert codes.count("cover_left_out") == (text not in ("ogg", "opus"))
        assert written.length_samples == song.shape[1]


def test_a_cover_that_is_too_large_for_flac_is_said(song, picture):
    cover = picture("image/png")
    small, large = (Cover(cover.mime, cover.data + bytes(size)) for size in (2**23, 2**24))

    carried, lost = (write(io.BytesIO(), song, "flac", cover=one) for one in (small, large))

    assert carried.notices == ()
    assert [notice.code for notice in lost.notices] == ["cover_left_out"]


def test_the_size_of_a_jpeg_is_found_behind_padding(picture):
    cover = picture("image/jpeg")
    padded = Cover(cover.mime, cover.data[:2] + b"\xff\xff\xff" + cover.data[2:])

    assert picture_size(padded) == picture_size(cover) == (48, 32)


def test_a_streamed_wav_of_known_length_has_a_whole_header(song):
    streamed = encode(song, 44_100, "wav", OneWay(), length_samples=song.shape[1])

    assert streamed == encode(song, 44_100, "wav")


def test_soundfile_agrees_with_our_wav(song):
    samples, rate = soundfile.read(io.BytesIO(encode(song, 44_100, "wav24")), dtype="float32")

    assert rate == 44_100
    np.testing.assert_array_equal(samples.T, song)


def test_a_wav_beyond_four_gigabytes_becomes_rf64(monkeypatch, tmp_path, song):
    path = tmp_path / "long.wav"
    path.write_bytes(b"")
    real = WavEncoder.finish

    def grown(encoder):
        encoder._data_bytes = 5 << 30  # as if so much had been written; the file stays small
        real(encoder)

    monkeypatch.setattr(WavEncoder, "finish", grown)

    write(path, song, "wav")

    head = path.read_bytes()[:60]
    assert head[:4] == b"RF64"
    assert head[12:16] == b"ds64"
    assert int.from_bytes(head[28:36], "little") == 5 << 30


def test_what_does_not_fit_is_limited_counted_and_said(tmp_path):
    loud = np.array([[0.0, 1.5, -2.0, 1.0, -1.0, 0.99996]], np.float32)

    written = write(tmp_path / "loud.wav", loud, "wav")

    assert written.clipped_samples == 3  # +1.0 itself is one step beyond the largest integer
    assert written.peak == 2.0
    assert [notice.code for notice in written.notices] == ["clipped"]
    kept = read_all(tmp_path / "loud.wav")
    assert (kept.min(), kept.max()) == (-1.0, np.float32(32_767 / 32_768))


def test_float_files_keep_what_is_beyond_full_scale(tmp_path):
    loud = np.array([[1.5, -2.0]], np.float32)

    written = write(tmp_path / "loud.wav", loud, "wavfloat")

    assert (written.clipped_samples, written.notices) == (0, ())
    np.testing.assert_array_equal(read_all(tmp_path / "loud.wav"), loud)


def test_lossy_files_beyond_full_scale_are_said(tmp_path, song):
    written = write(tmp_path / "loud.ogg", song * 4, "ogg")

    assert [notice.code for notice in written.notices] == ["over_full_scale"]


def test_rounding_is_to_the_nearest_even_integer(tmp_path):
    halves = np.array([[0.5, 1.5, 2.5, -0.5, -1.5]], np.float32) / 32_768

    write(tmp_path / "halves.wav", halves, "wav")

    np.testing.assert_array_equal(read_all(tmp_path / "halves.wav") * 32_768, [[0, 2, 2, 0, -2]])


def test_the_samples_are_not_modified(song, tmp_path):
    before = song.copy()

    for text in FORMATS:
        write(tmp_path / text, song, text)

    np.testing.assert_array_equal(song, before)


def test_the_result_says_what_was_written(song, tmp_path):
    path = tmp_path / "out.flac"

    written = write(path, song, "flac")

    assert written.path == path
    assert written.size_bytes == path.stat().st_size
    assert written.length_samples == song.shape[1]
    assert written.peak == np.abs(song).max()


def test_until_it_is_whole_only_a_hidden_file_is_there(song, tmp_path):
    writer = AudioWriter(tmp_path / "out.wav", parse_format("wav"), sample_rate=44_100, channels=2)
    writer.write(song)
    during = [path.name for path in tmp_path.iterdir()]

    writer.close()

    assert len(during) == 1
    assert during[0].startswith(".")
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


@pytest.mark.parametrize("text", FORMATS)
def test_nothing_is_left_after_an_abort(song, tmp_path, text):
    writer = AudioWriter(tmp_path / "out", parse_format(text), sample_rate=44_100, channels=2)
    writer.write(song)

    writer.abort()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", FORMATS)
def test_nothing_is_left_after_an_error_and_the_old_file_stays(song, tmp_path, text):
    path = tmp_path / "out"
    path.write_text("old")

    def write_half():
        with AudioWriter(path, parse_format(text), sample_rate=44_100, channels=2) as writer:
            writer.write(song)
            raise KeyError

    with pytest.raises(KeyError):
        write_half()

    assert [found.name for found in tmp_path.iterdir()] == ["out"]
    assert path.read_text() == "old"


@pytest.fixture
def small_disk():
    # A limit on the size of files stands in for a full disk: the write fails in the same place.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("text", FORMATS)
def test_a_full_disk_is_told_and_nothing_is_left(song, tmp_path, text, small_disk):
    with pytest.raises(DiskFull, match="room"):
        write(tmp_path / "out", np.tile(song, 3), text)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", FORMATS)
def test_a_full_device_is_told(song, text):
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(DiskFull):
        write(OneWayTo(full), song, text)


class OneWayTo(OneWay):
    def __init__(self, file):
        super().__init__()
        self.file = file

    def write(self, data):
        return self.file.write(data)


@pytest.mark.parametrize("text", FORMATS)
def test_a_client_that_goes_away_is_told(song, text):
    class Gone(OneWay):
        def write(self, data):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(OutputNotWritable):
        write(Gone(), song, text)


def test_a_missing_folder_is_refused(tmp_path, song):
    with pytest.raises(OutputNotWritable, match="does not exist"):
        write(tmp_path / "gone" / "out.wav", song, "wav")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, song):
    (tmp_path / "file").touch()

    with pytest.raises(OutputNotWritable, match="not a folder"):
        write(tmp_path / "file" / "out.wav", song, "wav")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path, song):
    with pytest.raises(OutputNotWritable, match="is a folder"):
        write(tmp_path, song, "wav")


def test_a_name_too_long_is_refused_and_the_longest_is_not(tmp_path, song):
    write(tmp_path / ("x" * 251 + ".wav"), song, "wav")

    with pytest.raises(OutputNotWritable, match="too long"):
        write(tmp_path / ("x" * 252 + ".wav"), song, "wav")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path, song):
    tmp_path.chmod(0o500)

    with pytest.raises(OutputNotWritable, match="may not be written"):
        write(tmp_path / "out.wav", song, "wav")
    tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="there is no /proc")
def test_a_file_system_that_takes_no_files_is_refused(song):
    with pytest.raises(OutputNotWritable):
        write(Path("/proc/out.wav"), song, "wav")


@pytest.mark.parametrize("text", ["mp3", "m4a", "ogg", "opus"])
def test_a_lossy_file_without_samples_is_refused(tmp_path, text):
    with pytest.raises(EmptyAudio):
        write(tmp_path / "out", np.zeros((2, 0), np.float32), text)

    assert list(tmp_path.iterdir()) == []


def test_wrong_samples_are_refused(tmp_path, song):
    for wrong in (song[:1], song.T, song.astype(np.float64), song[0]):
        with (
            pytest.raises(InvalidOption),
            AudioWriter(
                tmp_path / "out.wav", parse_format("wav"), sample_rate=44_100, channels=2
            ) as writer,
        ):
            writer.write(wrong)
    with pytest.raises(InvalidOption, match="NaN"):
        write(tmp_path / "out.wav", np.full((2, 10), np.nan, np.float32), "wav")
    assert list(tmp_path.iterdir()) == []


def test_nothing_may_be_written_after_the_end(song):
    writer = AudioWriter(io.BytesIO(), parse_format("wav"), sample_rate=44_100, channels=2)
    writer.close()

    with pytest.raises(InvalidOption, match="closed"):
        writer.write(song)


def test_writers_in_several_threads_do_not_disturb_each_other(song, tmp_path):
    texts = ["flac", "mp3", "ogg", "m4a", "opus", "wav"]
    threads = [threading.Thread(target=write, args=(tmp_path / text, song, text)) for text in texts]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for text in texts:
        expected = read_all(io.BytesIO(encode(song, 44_100, text)))
        np.testing.assert_array_equal(read_all(tmp_path / text), expected)
