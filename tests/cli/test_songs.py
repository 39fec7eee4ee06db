from pathlib import Path

import pytest

from stemhouse.cli.songs import STDIN, find_songs
from stemhouse.errors import InvalidOption, SourceNotFound

OUTPUT = Path("separated")


@pytest.fixture
def music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("2 two.mp3", "10 ten.FLAC", "cover.jpg", "cd1/🎸 solo.opus", "cd1/notes.txt"):
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "music"


def names(*arguments: str, output: Path = OUTPUT) -> list[str]:
    return [song.path.name for song in find_songs(arguments, output).songs]


def test_a_file_is_taken_as_it_is_whatever_its_name(music: Path):
    assert names("music/cover.jpg") == ["cover.jpg"]


def test_a_folder_is_searched_to_the_bottom_in_a_natural_order(music: Path):
    assert names("music") == ["2 two.mp3", "10 ten.FLAC", "🎸 solo.opus"]


def test_a_song_knows_its_folder_below_the_one_that_was_typed(music: Path):
    found = find_songs(["music"], OUTPUT)

    assert [song.folder for song in found.songs] == ["", "", "cd1"]


def test_what_is_not_audio_is_named_with_its_reason(music: Path):
    (music / "clip.mp4").write_bytes(b"x")

    found = find_songs(["music"], OUTPUT)

    assert {(path.name, reason) for path, reason in found.skipped} == {
        ("cover.jpg", "is not audio"),
        ("notes.txt", "is not audio"),
        ("clip.mp4", "is a video (name it to separate its sound)"),
    }


@pytest.mark.parametrize("hidden", ["._song.mp3", ".DS_Store", ".git/hook.wav"])
def test_hidden_files_and_folders_are_passed_over(music: Path, hidden: str):
    (music / hidden).parent.mkdir(exist_ok=True)
    (music / hidden).write_bytes(b"x")

    found = find_songs(["music"], OUTPUT)

    assert len(found.songs) == 3
    assert len(found.skipped) == 2


@pytest.mark.parametrize(
    "head", [b"fLaC\0\0\0\x22", b"RIFF\0\0\0\0WAVEfmt ", b"ID3\x04", b"\0\0\0 ftypM4A "]
)
def test_audio_without_an_extension_is_known_by_its_content(music: Path, head: bytes):
    (music / "untitled").write_bytes(head)

    assert "untitled" in names("music")


def test_patterns_are_expanded_where_the_shell_did_not(music: Path):
    assert names("music/*.mp3", "music/**/*.opus") == ["2 two.mp3", "🎸 solo.opus"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(music: Path):
    (music / "[live] a?.mp3").write_bytes(b"x")

    assert names("music/[live] a?.mp3") == ["[live] a?.mp3"]


def test_a_song_named_twice_is_taken_once(music: Path):
    (music / "link.mp3").symlink_to(music / "2 two.mp3")

    assert names("music/2 two.mp3", "music/../music/2 two.mp3", "music/link.mp3") == ["2 two.mp3"]


def test_stems_of_an_earlier_run_are_not_songs(music: Path):
    stem = music / "separated" / "2 two" / "vocals.wav"
    stem.parent.mkdir(parents=True)
    stem.write_bytes(b"x")

    assert "vocals.wav" not in names("music", output=music / "separated")


def test_a_dash_is_standard_input(music: Path):
    assert find_songs(["-"], OUTPUT).songs[0].path == STDIN


def test_a_missing_file_is_left_to_the_engine_so_that_a_batch_goes_on(music: Path):
    assert names("music/2 two.mp3", "gone.mp3") == ["2 two.mp3", "gone.mp3"]


def test_a_pattern_without_match_is_refused(music: Path):
    with pytest.raises(SourceNotFound, match=r"no file matches .*\*\.wav"):
        find_songs(["music/*.wav"], OUTPUT)


def test_a_folder_without_audio_is_refused_with_what_lies_in_it(music: Path):
    (music / "empty").mkdir()
    (music / "text").mkdir()
    (music / "text" / "a.txt").write_bytes(b"x")

    with pytest.raises(SourceNotFound, match="no audio files in music/empty: the folder is empty"):
        find_songs(["music/empty"], OUTPUT)
    with pytest.raises(SourceNotFound, match=r"no audio files in music/text \(a.txt is not audio"):
        find_songs(["music/text"], OUTPUT)


def test_an_address_is_refused_with_the_mend(music: Path):
    with pytest.raises(InvalidOption, match="download the file first"):
        find_songs(["https://example.org/a.mp3"], OUTPUT)


def test_loops_of_links_end(music: Path):
    (music / "loop").symlink_to(music)
    (music / "self.mp3").symlink_to(music / "self.mp3")

    found = find_songs(["music"], OUTPUT)

    assert len(found.songs) == 3
    assert ("self.mp3", "is a link to nothing") in {(p.name, why) for p, why in found.skipped}
