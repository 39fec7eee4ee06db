import os
from pathlib import Path

import pytest

from stemhouse.cli.plan import Existing, Naming, Plan, make_plan
from stemhouse.cli.songs import STDIN, Song
from stemhouse.errors import InvalidOption, OutputExists, OutputNotWritable


def plan(
    songs: list[Song],
    directory: Path,
    template: str = "{song}/{stem}.{ext}",
    existing: Existing = "refuse",
) -> Plan:
    naming = Naming(
        directory=directory,
        template=template,
        extension="wav",
        stems=("vocals", "accompaniment"),
        model="spleeter-2stems",
        quality="fast",
        existing=existing,
    )
    return make_plan(songs, naming)


def targets(result: Plan, directory: Path) -> list[str]:
    return [
        target.relative_to(directory).as_posix() for task in result.tasks for target in task.targets
    ]


def test_files_are_named_before_anything_is_written(tmp_path: Path):
    result = plan([Song(Path("a.mp3")), Song(Path("b.mp3"))], tmp_path / "out")

    assert targets(result, tmp_path / "out") == [
        "a/vocals.wav",
        "a/accompaniment.wav",
        "b/vocals.wav",
        "b/accompaniment.wav",
    ]
    assert not (tmp_path / "out").exists()


def test_index_and_folder_are_filled_here(tmp_path: Path):
    songs = [Song(Path(f"{n}.mp3"), folder="cd1") for n in range(10)]

    result = plan(songs, tmp_path, "{folder}/{index} {song} {stem}.{ext}")

    assert targets(result, tmp_path)[:2] == ["cd1/01 0 vocals.wav", "cd1/01 0 accompaniment.wav"]
    assert targets(result, tmp_path)[-1] == "cd1/10 9 accompaniment.wav"


@pytest.mark.parametrize("second", ["other/Intro.mp3", "other/intro.flac", "other/INTRO.ogg"])
def test_two_songs_for_one_file_are_found_before_starting(tmp_path: Path, second: str):
    with pytest.raises(
        InvalidOption,
        match=r"would both be written to .*with --template '\{index\} \{song\}/\{stem\}\.\{ext\}'",
    ):
        plan([Song(Path("Intro.mp3")), Song(Path(second))], tmp_path)


def test_the_index_tells_such_songs_apart(tmp_path: Path):
    songs = [Song(Path("Intro.mp3")), Song(Path("other/Intro.mp3"))]

    result = plan(songs, tmp_path, "{index} {song}/{stem}.{ext}")

    assert len(result.tasks) == 2


def test_existing_files_are_refused_at_once_with_their_number(tmp_path: Path):
    for name in ("a/vocals.wav", "b/vocals.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")

    with pytest.raises(OutputExists, match=r"and 1 more are there already: use --skip-existing"):
        plan([Song(Path("a.mp3")), Song(Path("b.mp3")), Song(Path("c.mp3"))], tmp_path)


def test_overwriting_takes_all(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/vocals.wav").write_bytes(b"x")

    assert len(plan([Song(Path("a.mp3"))], tmp_path, existing="overwrite").tasks) == 1


def test_skipping_leaves_out_only_songs_that_are_complete(tmp_path: Path):
    for name in ("a/vocals.wav", "a/accompaniment.wav", "b/vocals.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")

    result = plan([Song(Path("a.mp3")), Song(Path("b.mp3"))], tmp_path, existing="skip")

    assert [task.song.path.name for task in result.tasks] == ["b.mp3"]
    assert [(song.path.name, why) for song, why in result.skipped] == [("a.mp3", "is done already")]


def test_a_song_is_never_its_own_output(tmp_path: Path):
    song = tmp_path / "vocals.wav"
    song.write_bytes(b"x")

    with pytest.raises(InvalidOption, match="would be overwritten while it is read"):
        plan([Song(song)], tmp_path, "{stem}.{ext}", existing="overwrite")


def test_in_a_folder_the_stems_of_another_song_are_left_out(tmp_path: Path):
    stem = tmp_path / "a" / "vocals.wav"
    stem.parent.mkdir()
    stem.write_bytes(b"x")
    songs = [Song(tmp_path / "a.mp3", "", True), Song(stem, "a", True)]

    result = plan(songs, tmp_path, existing="overwrite")

    assert [task.song.path.name for task in result.tasks] == ["a.mp3"]
    assert result.skipped[0][1] == "is a stem that this command writes"


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_an_output_that_is_no_folder_is_refused_before_starting(tmp_path: Path, place: str):
    (tmp_path / "file").write_bytes(b"x")

    with pytest.raises(OutputNotWritable, match="file is not a folder"):
        plan([Song(Path("a.mp3"))], tmp_path / place)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused_before_starting(tmp_path: Path):
    tmp_path.chmod(0o500)

    with pytest.raises(OutputNotWritable, match="may not be written to"):
        plan([Song(Path("a.mp3"))], tmp_path / "out")


def test_tags_are_read_for_templates_that_use_them(tmp_path: Path, demo_song: Path):
    result = plan([Song(demo_song)], tmp_path, "{artist}/{stem}.{ext}")

    assert targets(result, tmp_path)[0].count("/") == 1


def test_a_song_that_cannot_be_opened_for_its_tags_fails_alone(tmp_path: Path, demo_song: Path):
    text = tmp_path / "text.mp3"
    text.write_text("no sound")

    result = plan([Song(text), Song(demo_song)], tmp_path, "{title}/{stem}.{ext}")

    assert [task.song.path for task in result.tasks] == [demo_song]
    assert [song.path for song, _error in result.failed] == [text]


def test_standard_input_has_a_name_but_no_tags_yet(tmp_path: Path):
    assert targets(plan([Song(STDIN)], tmp_path), tmp_path)[0] == "stdin/vocals.wav"
    with pytest.raises(InvalidOption, match="standard input is read only once"):
        plan([Song(STDIN)], tmp_path, "{title}/{stem}.{ext}")
