from __future__ import annotations

import io
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemhouse import Audio, CancelToken, Options, Output, Progress
from stemhouse.engine.codec import AudioReader, open_source
from stemhouse.errors import (
    Cancelled,
    CorruptAudio,
    DiskFull,
    InvalidOption,
    OutputExists,
    OutputNotWritable,
)

WINDOW = 512 * 1024


def read(path: Path) -> np.ndarray:
    with open_source(path) as reader:
        return np.concatenate(list(reader.blocks()), axis=1)


def facts(path: Path) -> AudioReader:
    with open_source(path) as reader:
        return reader


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def after_first_report(act: Callable[[], object]) -> Callable[[Progress], None]:
    reports: list[Progress] = []

    def tell(progress: Progress) -> None:
        reports.append(progress)
        if len(reports) == 1:
            act()

    return tell


@pytest.fixture
def small_disk() -> Iterator[None]:
    # A limit on the size of files stands in for a full disk: the write fails in the same place.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


def test_every_stem_becomes_a_file_that_holds_its_samples(separator, song, tmp_path):
    audio = song(70_000, 2, 48_000)
    kept = separator().separate(audio)

    result = separator().separate_to_files(audio, tmp_path, output=Output(format="wavfloat"))

    assert everything(tmp_path) == ["audio", "audio/accompaniment.wav", "audio/vocals.wav"]
    for name, stem in result.stems.items():
        assert stem.audio is None
        assert stem.file.path == tmp_path / "audio" / f"{name}.wav"
        assert stem.file.size_bytes == stem.file.path.stat().st_size
        assert facts(stem.file.path).info.sample_rate == 48_000
        assert np.array_equal(read(stem.file.path), kept[name].audio.samples)


@pytest.mark.parametrize(
    "text", ["wav", "wav24", "flac", "flac24", "mp3", "mp3-320", "m4a", "ogg", "opus"]
)
def test_every_format_holds_the_stems_at_the_songs_length(text, separator, song, tmp_path):
    audio = song(70_000)
    output = Output(format=text)
    kept = separator().separate(audio)["vocals"].audio.samples

    result = separator().separate_to_files(audio, tmp_path, output=output)

    file = result["vocals"].file
    stored = read(file.path)
    assert file.path.suffix == f".{output.file_format.extension}"
    if output.file_format.lossless:
        step = 2.0 ** (1 - (24 if "24" in text else 16))
        np.testing.assert_allclose(stored, kept, rtol=0, atol=0.51 * step)
    elif output.file_format.exact_length:
        assert stored.shape[1] == round(70_000 * facts(file.path).info.sample_rate / 44_100)
    assert file.length_samples == 70_000


def test_only_the_tracks_that_were_asked_for_are_written(separator, song, tmp_path):
    options = Options(stems=("bass",), residual=True)

    result = separator("tiny-4stems").separate_to_files(song(20_000), tmp_path, options)

    assert list(result.stems) == ["bass", "residual"]
    assert everything(tmp_path / "audio") == ["bass.wav", "residual.wav"]


def test_stems_carry_the_songs_tags_their_name_and_what_made_them(separator, song, tmp_path):
    source = tmp_path / "in" / "Sun.flac"
    source.parent.mkdir()
    with soundfile.SoundFile(source, "w", 44_100, 2) as file:
        file.title, file.artist, file.comment = "The Sun", "Nina", "live"
        file.write(song(30_000).samples.T)

    result = separator().separate_to_files(source, tmp_path, output=Output(format="flac"))

    tags = facts(result["vocals"].file.path).info.tags
    assert result["vocals"].file.path == tmp_path / "Sun" / "vocals.flac"
    assert (tags["title"], tags["artist"]) == ("The Sun (vocals)", "Nina")
    assert tags["comment"].startswith(f"Stemhouse {result.engine_version}, tiny-2stems ")
    assert result.model_sha256[:12] in tags["comment"]
    assert tags["comment"].endswith("standard; live")


def test_without_carrying_tags_a_stem_still_says_what_it_is(separator, song, tmp_path):
    source = tmp_path / "Sun.flac"
    with soundfile.SoundFile(source, "w", 44_100, 2) as file:
        file.title, file.artist = "The Sun", "Nina"
        file.write(song(30_000).samples.T)
    output = Output(format="flac", carry_tags=False)

    result = separator().separate_to_files(source, tmp_path, output=output)

    tags = facts(result["vocals"].file.path).info.tags
    assert tags["title"].endswith("(vocals)")
    assert tags["comment"].startswith("Stemhouse")
    assert "artist" not in tags


def test_names_follow_the_template(separator, song, tmp_path):
    output = Output(template="{model}/{quality}/{index}-{stem}.{ext}", index="07")

    separator().separate_to_files(song(5_000), tmp_path, Options(quality="fast"), output)

    assert (tmp_path / "tiny-2stems" / "fast" / "07-vocals.wav").is_file()


def test_samples_beyond_full_scale_are_limited_and_said_of_each_stem(separator, song, tmp_path):
    loud = Audio(song(30_000).samples * np.float32(8), sample_rate=44_100)

    result = separator().separate_to_files(loud, tmp_path)

    clipped = {n.details["stem"]: n for n in result.notices if n.code == "clipped"}
    assert clipped
    for name, notice in clipped.items():
        assert notice.message.startswith(f"{name}: ")
        assert notice.details["clipped_samples"] == result[name].file.clipped_samples > 0


def test_a_file_that_is_there_is_kept_and_nothing_is_computed(separator, song, tmp_path):
    taken = tmp_path / "audio" / "accompaniment.wav"
    taken.parent.mkdir()
    taken.write_bytes(b"mine")

    with pytest.raises(OutputExists, match="overwrit") as refusal:
        separator().separate_to_files(song(5_000), tmp_path)

    assert refusal.value.details["path"] == str(taken)
    assert taken.read_bytes() == b"mine"
    assert everything(tmp_path) == ["audio", "audio/accompaniment.wav"]


def test_a_file_that_is_there_is_replaced_where_that_is_allowed(separator, song, tmp_path):
    taken = tmp_path / "audio" / "vocals.wav"
    taken.parent.mkdir()
    taken.write_bytes(b"mine")

    separator().separate_to_files(song(5_000), tmp_path, output=Output(overwrite=True))

    assert read(taken).shape == (2, 5_000)


def test_a_file_that_appears_meanwhile_is_kept(separator, song, tmp_path):
    taken = tmp_path / "audio" / "accompaniment.wav"
    put = after_first_report(lambda: taken.write_bytes(b"mine"))

    with pytest.raises(OutputExists):
        separator().separate_to_files(song(5_000), tmp_path, progress=put)

    assert taken.read_bytes() == b"mine"
    assert everything(tmp_path) == ["audio", "audio/accompaniment.wav"]


def test_a_name_that_cannot_be_given_takes_back_those_that_were(separator, song, tmp_path):
    blocked = tmp_path / "audio" / "accompaniment.wav"
    block = after_first_report(blocked.mkdir)
    output = Output(overwrite=True)

    with pytest.raises(OutputNotWritable):
        separator().separate_to_files(song(5_000), tmp_path, output=output, progress=block)

    assert everything(tmp_path) == ["audio", "audio/accompaniment.wav"]


@pytest.mark.parametrize("text", ["wav", "flac", "mp3", "ogg"])
def test_damage_in_the_middle_leaves_no_files_and_no_folders(
    text, separator, song, tmp_path, no_threads_left
):
    source, out = tmp_path / "song.wav", tmp_path / "out" / "deep"
    samples = song(2 * WINDOW).samples.T.copy()
    samples[2 * WINDOW - 10_000, 0] = np.nan
    soundfile.write(source, samples, 44_100, subtype="FLOAT")

    with pytest.raises(CorruptAudio):
        separator().separate_to_files(source, out, output=Output(format=text))

    assert everything(tmp_path) == ["song.wav"]


def test_cancelling_leaves_no_files_and_no_folders(separator, song, tmp_path, no_threads_left):
    token = CancelToken()

    with pytest.raises(Cancelled):
        separator().separate_to_files(
            song(20 * WINDOW),
            tmp_path / "out",
            progress=after_first_report(token.cancel),
            cancel=token,
        )

    assert everything(tmp_path) == []


def test_a_folder_that_was_there_and_what_is_in_it_stay_when_a_separation_fails(
    separator, song, tmp_path
):
    other = tmp_path / "audio" / "notes.txt"
    other.parent.mkdir()
    other.write_text("mine")
    token = CancelToken()
    token.cancel()

    with pytest.raises(Cancelled):
        separator().separate_to_files(song(5_000), tmp_path, cancel=token)

    assert everything(tmp_path) == ["audio", "audio/notes.txt"]
    assert other.read_text() == "mine"


@pytest.mark.parametrize("text", ["wav", "flac", "mp3-320"])
def test_a_full_disk_leaves_nothing(text, separator, song, tmp_path, small_disk, no_threads_left):
    audio = song(3 * WINDOW)

    with pytest.raises(DiskFull, match="room"):
        separator().separate_to_files(
            audio, tmp_path / "out", Options(quality="fast"), Output(format=text)
        )

    assert everything(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_refused(separator, song, tmp_path, no_threads_left):
    (tmp_path / "file").write_text("mine")

    with pytest.raises(OutputNotWritable):
        separator().separate_to_files(song(5_000), tmp_path / "file" / "out")

    assert everything(tmp_path) == ["file"]


def test_an_unknown_stem_leaves_nothing(separator, song, tmp_path):
    with pytest.raises(InvalidOption, match="vocals, accompaniment"):
        separator().separate_to_files(song(5_000), tmp_path / "out", Options(stems=("drums",)))

    assert everything(tmp_path) == []


def test_a_file_object_is_separated_into_files_named_for_it(separator, song, tmp_path):
    file = io.BytesIO()
    soundfile.write(file, song(5_000).samples.T, 44_100, format="WAV")
    file.seek(0)
    file.name = "upload.wav"

    separator().separate_to_files(file, tmp_path)

    assert everything(tmp_path) == ["upload", "upload/accompaniment.wav", "upload/vocals.wav"]
