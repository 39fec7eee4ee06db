import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemhouse.cli.main import run

TINY = Path(__file__).resolve().parent.parent / "data" / "tiny-2stems"
MODEL = ["--model", str(TINY), "--quality", "fast"]
PATIENCE_S = 120.0  # with what ends by itself: machines that test are busy machines


def make_song(path: Path, duration_s: float = 0.5, sample_rate: int = 8_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(7).standard_normal((round(duration_s * sample_rate), 2))
    soundfile.write(path, 0.1 * noise, sample_rate)
    return path


def separate(*arguments: object) -> int:
    return run(["separate", *MODEL, *(str(one) for one in arguments)])


def files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def command(*arguments: object) -> list[str]:
    typed = (str(one) for one in arguments)
    return [sys.executable, "-m", "stemhouse", "separate", *MODEL, *typed]


def process(*arguments: object, **settings: object) -> "subprocess.Popen[str]":
    # The tests may themselves run where signals are ignored, as in a script's background job.
    return subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,
        **settings,
    )  # type: ignore[call-overload]


def heed_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_signal_that_was_ignored_from_outside_stays_ignored(tmp_path: Path):
    make_song(tmp_path / "a.wav", 60.0)
    running = subprocess.Popen(
        command("a.wav", "-o", "out"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert running.stderr is not None
    running.stderr.readline()  # the handlers are in place when it says that it is loading

    running.send_signal(signal.SIGHUP)
    running.communicate(timeout=PATIENCE_S)

    assert running.returncode == 0
    assert len(files(Path("out"))) == 2


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return make_song(tmp_path / "song.wav")


def test_a_song_comes_apart(song: Path, capsys: pytest.CaptureFixture[str]):
    code = separate(song, "-o", "out")

    said = capsys.readouterr()
    assert code == 0
    assert files(Path("out")) == ["song/accompaniment.wav", "song/vocals.wav"]
    assert soundfile.info("out/song/vocals.wav").frames == soundfile.info(song).frames
    assert "song.wav: vocals, accompaniment (0:00 in " in said.out
    assert said.err == "loading the model\nseparating song.wav\n"


def test_without_a_folder_the_results_are_in_separated(song: Path):
    assert separate(song) == 0

    assert files(Path("separated")) == ["song/accompaniment.wav", "song/vocals.wav"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--stems", "vocals"], ["vocals.wav"]),
        (["--stems", "vocals,accompaniment"], ["accompaniment.wav", "vocals.wav"]),
        (["--stems", "vocals", "--stems", "accompaniment"], ["accompaniment.wav", "vocals.wav"]),
        (["--stems", "vocals", "--residual"], ["residual.wav", "vocals.wav"]),
        (["--format", "flac24"], ["accompaniment.flac", "vocals.flac"]),
        (["-f", "mp3", "--bitrate", "128"], ["accompaniment.mp3", "vocals.mp3"]),
        (["-q", "standard"], ["accompaniment.wav", "vocals.wav"]),
        (["--no-tags", "--threads", "1"], ["accompaniment.wav", "vocals.wav"]),
    ],
)
def test_what_comes_out_can_be_chosen(song: Path, options: list[str], expected: list[str]):
    code = separate(song, "-o", "out", *options)

    assert code == 0
    assert files(Path("out/song")) == expected


def test_names_follow_the_template(song: Path):
    code = separate(song, "-o", "out", "--template", "{index} {song} - {stem} ({quality}).{ext}")

    assert code == 0
    assert files(Path("out")) == [
        "1 song - accompaniment (fast).wav",
        "1 song - vocals (fast).wav",
    ]


@pytest.mark.parametrize("name", ["🎸 solo 👨‍👩‍👧", "日本語", "-dash", "a.b.c", "[x] {y} *"])
def test_names_of_all_kinds_are_kept_or_made_safe(tmp_path: Path, name: str):
    make_song(tmp_path / f"{name}.wav")

    code = separate("-o", "out", "--", f"{name}.wav")

    assert code == 0
    assert files(Path("out"))[1] == f"{name.replace('*', '_')}/vocals.wav"


def test_standard_input_is_a_song(song: Path):
    with song.open("rb") as file:
        result = subprocess.run(command("-", "-o", "out"), stdin=file, capture_output=True)

    assert result.returncode == 0, result.stderr
    assert files(Path("out")) == ["stdin/accompaniment.wav", "stdin/vocals.wav"]


def test_a_folder_of_forty_songs_comes_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for number in range(40):
        make_song(tmp_path / "music" / f"cd{number % 2}" / f"{number}.wav", 0.1)
    (tmp_path / "music" / "cover.jpg").write_bytes(b"x")

    code = separate("music", "-o", "out", "--jobs", 3)

    said = capsys.readouterr()
    assert code == 0
    assert len(files(Path("out"))) == 80
    assert "skipped: cover.jpg (is not audio)" in said.err
    assert "40 of 40 songs separated" in said.out


def test_jobs_do_not_change_the_samples(tmp_path: Path):
    for number in range(4):
        make_song(tmp_path / "music" / f"{number}.wav", 0.3 + number / 10)

    separate("music", "-o", "one", "--jobs", 1)
    separate("music", "-o", "four", "--jobs", 4)

    for name in files(Path("one")):
        assert Path("one", name).read_bytes() == Path("four", name).read_bytes()


def test_existing_files_are_refused_and_left_alone(song: Path, capsys: pytest.CaptureFixture[str]):
    Path("out/song").mkdir(parents=True)
    Path("out/song/vocals.wav").write_bytes(b"mine")

    code = separate(song, "-o", "out")

    assert code == 6
    assert Path("out/song/vocals.wav").read_bytes() == b"mine"
    assert capsys.readouterr().err == (
        "error: out/song/vocals.wav is there already: use --skip-existing or --overwrite\n"
    )


def test_existing_files_can_be_overwritten(song: Path):
    Path("out/song").mkdir(parents=True)
    Path("out/song/vocals.wav").write_bytes(b"old")

    assert separate(song, "-o", "out", "--overwrite") == 0

    assert Path("out/song/vocals.wav").stat().st_size > 1000


def test_a_second_run_skips_what_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    make_song(tmp_path / "music" / "a.wav")
    separate("music", "-o", "out")
    made = Path("out/a/vocals.wav").stat().st_mtime_ns
    make_song(tmp_path / "music" / "b.wav")
    capsys.readouterr()

    code = separate("music", "-o", "out", "--skip-existing")

    said = capsys.readouterr()
    assert code == 0
    assert Path("out/a/vocals.wav").stat().st_mtime_ns == made
    assert "skipped: a.wav (is done already)" in said.err
    assert "1 of 2 songs separated, 1 skipped" in said.out


def test_a_song_half_done_is_done_again(song: Path):
    separate(song, "-o", "out")
    Path("out/song/accompaniment.wav").unlink()
    Path("out/song/vocals.wav").write_bytes(b"old")

    assert separate(song, "-o", "out", "--skip-existing") == 0

    assert Path("out/song/accompaniment.wav").exists()
    assert Path("out/song/vocals.wav").stat().st_size > 1000


def write_bad_inputs(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "text.mp3").write_text("This is not sound.\n" * 50)
    (folder / "empty.wav").write_bytes(b"")
    good = make_song(folder / "cut.flac", 2.0).read_bytes()
    (folder / "cut.flac").write_bytes(good[: len(good) // 2])
    soundfile.write(folder / "nothing.wav", np.zeros((0, 2)), 44_100)


@pytest.mark.parametrize("name", ["text.mp3", "empty.wav", "cut.flac", "nothing.wav", "gone.wav"])
def test_a_bad_input_is_one_clear_line_and_exit_code_3(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
):
    write_bad_inputs(tmp_path / "bad")

    code = separate(f"bad/{name}", "-o", "out", "--quiet")

    said = capsys.readouterr()
    assert code == 3
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert name in said.err
    assert said.err.count("\n") == 1
    assert files(Path("out")) == []


def test_a_batch_goes_on_after_bad_songs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_bad_inputs(tmp_path / "music")
    make_song(tmp_path / "music" / "good.wav")

    code = separate("music", "-o", "out")

    said = capsys.readouterr()
    assert code == 7
    assert files(Path("out")) == ["good/accompaniment.wav", "good/vocals.wav"]
    assert said.err.count("error: ") == 4
    assert "1 of 5 songs separated, 4 failed" in said.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["folder"], 3, "no audio files in folder: the folder is empty"),
        (["*.ogg"], 3, "no file matches *.ogg"),
        (["https://example.org/a.mp3"], 2, "download the file first"),
        (["song.wav", "-o", "song.wav"], 6, "song.wav is not a folder"),
        (["song.wav", "-o", "song.wav/below"], 6, "song.wav is not a folder"),
        (["song.wav", "--stems", "kazoo"], 2, "no stem 'kazoo'; it has vocals, accompaniment"),
        (["song.wav", "--format", "midi"], 2, "'midi' is not an output format"),
        (["song.wav", "--bitrate", "128"], 2, "WAV takes no bit rate"),
        (["song.wav", "--quality", "perfect"], 2, "quality must be one of"),
        (["song.wav", "--device", "abacus"], 2, "device must be one of"),
        (["song.wav", "--template", "../{stem}.{ext}"], 2, "inside the output folder"),
        (["song.wav", "--template", "{nope}.{ext}"], 2, "{nope}, which is not known"),
        (["song.wav", "--max-duration", "0.1"], 3, "song"),
        (["song.wav", "--max-duration", "-1"], 2, "max_duration_s"),
        (["song.wav", "--skip-existing", "--overwrite"], 2, "contradict"),
        (["song.wav", "--model", "nope"], 4, "there is no model 'nope'"),
        (["song.wav", "--model", "folder"], 4, "card.toml"),
        (["song.wav", "a/song.wav"], 2, "would both be written to"),
    ],
)
def test_mistakes_are_one_line_with_the_mend_and_leave_nothing(
    song: Path, arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
):
    Path("folder").mkdir()
    make_song(Path("a/song.wav"))
    before = files(Path())

    result = run(["separate", *MODEL, "--quiet", *arguments])

    heard = capsys.readouterr()
    assert (result, heard.out) == (code, "")
    assert heard.err.startswith("error: ")
    assert said in heard.err
    assert heard.err.count("\n") == 1
    assert files(Path()) == before


def test_damaged_weights_are_an_error_before_any_song(
    song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in TINY.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    data = bytearray((broken / "model.data-00000-of-00001").read_bytes())
    data[1000] ^= 0xFF
    (broken / "model.data-00000-of-00001").write_bytes(data)

    code = run(["separate", "--model", str(broken), "--quiet", str(song), "-o", "out"])

    assert code == 4
    assert capsys.readouterr().err.count("\n") == 1
    assert files(Path("out")) == []


def test_json_is_one_object_per_song_and_one_at_the_end(
    song: Path, capsys: pytest.CaptureFixture[str]
):
    Path("bad.wav").write_bytes(b"")

    code = separate(song, "bad.wav", "-o", "out", "--json")

    said = capsys.readouterr()
    good, bad, summary = (json.loads(line) for line in said.out.splitlines())
    assert code == 7
    assert (good["type"], good["status"]) == ("song", "done")
    assert good["audio_s"] == pytest.approx(0.5)
    assert good["result"]["model"] == "tiny-2stems"
    assert (bad["status"], bad["error"]["code"]) == ("failed", "empty_audio")
    assert bad["error"]["exit_code"] == 3
    assert (summary["type"], summary["exit_code"]) == ("summary", 7)
    assert (summary["done"], summary["failed"]) == (1, 1)
    assert said.err.count("error: ") == 1


def test_json_tells_an_early_end_too(song: Path, capsys: pytest.CaptureFixture[str]):
    code = separate(song, "--format", "midi", "--json")

    said = json.loads(capsys.readouterr().out)
    assert code == 2
    assert (said["type"], said["error"]["code"]) == ("error", "invalid_option")


def test_quiet_says_nothing_when_all_is_well(song: Path, capsys: pytest.CaptureFixture[str]):
    assert separate(song, "-o", "out", "--quiet") == 0

    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_an_ascii_terminal_is_no_obstacle(tmp_path: Path):
    make_song(tmp_path / "日本.wav")

    result = subprocess.run(
        command("日本.wav", "-o", "out"),
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )

    assert result.returncode == 0
    assert b"\\u65e5" in result.stdout


def test_a_song_that_is_long_gone_after_a_kill_leaves_no_visible_file(tmp_path: Path):
    make_song(tmp_path / "long.wav", 1200.0)
    running = process("long.wav", "-o", "out")
    wait_for_temporary_files(running)

    running.kill()
    running.communicate()

    assert [name for name in files(Path("out")) if not Path(name).name.startswith(".")] == []


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "code", "jobs"),
    [(signal.SIGINT, 130, 1), (signal.SIGINT, 130, 2), (signal.SIGTERM, 143, 1)],
)
def test_a_signal_stops_at_once_and_leaves_no_file(
    tmp_path: Path, number: signal.Signals, code: int, jobs: int
):
    for name in ("a", "b", "c"):
        make_song(tmp_path / f"{name}.wav", 1200.0)
    running = process("a.wav", "b.wav", "c.wav", "-o", "out", "--jobs", jobs)
    wait_for_temporary_files(running)

    running.send_signal(number)
    _output, said = running.communicate(timeout=PATIENCE_S)

    assert running.returncode == code
    assert "Traceback" not in said
    # Not even the song that it was at, twenty minutes long, was brought to its end.
    assert not Path("out").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("between_s", [0.02, 0.06, 0.1, 0.14])
def test_an_impatient_second_ctrl_c_leaves_no_file_either(tmp_path: Path, between_s: float):
    make_song(tmp_path / "a.wav", 1200.0)
    running = process("a.wav", "-o", "out")
    wait_for_temporary_files(running)

    running.send_signal(signal.SIGINT)
    time.sleep(between_s)
    running.send_signal(signal.SIGINT)
    _output, said = running.communicate(timeout=PATIENCE_S)

    assert running.returncode == 130
    assert "Traceback" not in said
    assert not Path("out").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.2, 0.4, 0.6])
def test_a_signal_at_any_time_ends_without_traceback(tmp_path: Path, delay_s: float):
    make_song(tmp_path / "a.wav", 1200.0)
    running = process("a.wav", "-o", "out")
    time.sleep(delay_s)

    running.send_signal(signal.SIGINT)
    _output, said = running.communicate(timeout=PATIENCE_S)

    if "Traceback" in said:  # allowed while Python itself is starting, before our first line
        assert "frozen site" in said or "runpy" in said
    else:
        assert running.returncode in (130, -signal.SIGINT), said
    assert files(Path("out")) == []


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_leaves_stops_the_work(tmp_path: Path):
    for name in ("a", "b", "c"):
        make_song(tmp_path / f"{name}.wav")
    reading, writing = os.pipe()
    os.close(reading)

    result = subprocess.run(
        command("a.wav", "b.wav", "c.wav", "--json", "-o", "out"),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)

    assert result.returncode == 141
    assert result.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_output_for_which_there_is_no_room_is_no_fault_of_ours(tmp_path: Path):
    make_song(tmp_path / "a.wav")

    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            command("a.wav", "--json", "-o", "out"), stdout=full, stderr=subprocess.PIPE, text=True
        )

    assert result.returncode == 5
    assert "no room where the output is written to" in result.stderr
    assert "internal" not in result.stderr
    assert "Exception ignored" not in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="closed files of POSIX")
def test_songs_are_separated_without_any_output(tmp_path: Path):
    make_song(tmp_path / "a.wav")

    result = subprocess.run(
        command("a.wav", "-o", "out"), preexec_fn=lambda: os.close(1), stderr=subprocess.PIPE
    )

    assert result.returncode == 0
    assert b"Traceback" not in result.stderr


def test_what_a_killed_run_left_is_removed_by_the_next(song: Path):
    folder = Path("out/song")
    folder.mkdir(parents=True)
    old, young = folder / ".stemhouse-0123456789abcdef.part", folder / ".stemhouse-ff.part"
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))

    assert separate(song, "-o", "out") == 0

    assert not old.exists()
    assert young.exists()  # another run may be writing it


def wait_for_temporary_files(running: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not any(Path("out").rglob(".stemhouse-*.part")):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_error_names_its_file_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    broken = tmp_path / "live" / "text.mp3"
    broken.parent.mkdir()
    broken.write_text("hello\n" * 200)

    assert separate(broken, "-o", tmp_path / "out") != 0

    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert line.startswith("error: text.mp3 is not an audio file")
    assert line.count("text.mp3") == 1
