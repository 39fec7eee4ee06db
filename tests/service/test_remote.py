# The command that lets a server do the work, against a real one.

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from stemhouse.cli.main import run
from stemhouse.client import Client
from tests.service.installation import noise
from tests.service.serving import Served, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Served) -> str:
    key = server.key()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEMHOUSE_KEY", key)
    return key


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    path.write_bytes(noise(1))
    return path


def separate(server: Served, *arguments: object) -> int:
    typed = [str(one) for one in arguments]
    return run(["remote", "separate", "--server", server.url, "--quality", "fast", *typed])


def files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def test_a_song_comes_apart(server: Served, song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = separate(server, song, "-o", "out")

    said = capsys.readouterr()
    assert code == 0
    assert files(Path("out")) == ["song/accompaniment.wav", "song/vocals.wav"]
    assert soundfile.info("out/song/vocals.wav").frames == 44_100
    assert "song.wav: vocals, accompaniment (0:01 in " in said.out
    assert said.err.startswith("separating song.wav\n")


def test_stems_formats_and_names_are_as_for_separate(server: Served, song: Path) -> None:
    code = separate(
        server,
        *(song, "-o", "out", "--stems", "vocals", "--residual", "-f", "flac24"),
        *("--template", "{stem}-{song}.{ext}"),
    )

    assert code == 0
    assert files(Path("out")) == ["residual-song.flac", "vocals-song.flac"]
    assert soundfile.info("out/vocals-song.flac").subtype == "PCM_24"


def test_many_songs_each_have_their_outcome(
    server: Served, song: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("notes.wav").write_text("just text, no music")
    Path("other.wav").write_bytes(noise(1, seed=1))

    code = separate(server, song, "notes.wav", "other.wav", "--json")

    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    outcomes = {line["source"]: line for line in lines[:-1]}
    assert code == 7
    assert outcomes["notes.wav"]["error"]["code"] == "unsupported_audio"
    assert outcomes["notes.wav"]["error"]["exit_code"] == 3
    assert outcomes["other.wav"]["result"]["status"] == "succeeded"
    assert (lines[-1]["done"], lines[-1]["failed"]) == (2, 1)
    assert "error: notes.wav: " in said.err


def test_standard_input_is_sent_too(server: Served, song: Path, elsewhere: str) -> None:
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "stemhouse", "remote", "separate", "-"),
            *("--server", server.url, "-q", "fast"),
        ],
        input=song.read_bytes(),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )

    assert answer.returncode == 0
    assert files(Path("separated")) == ["stdin/accompaniment.wav", "stdin/vocals.wav"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing.wav"], 3, "missing.wav"),
        (["song.wav", "--model", "nothing"], 4, "no model 'nothing'"),
        (["song.wav", "--stems", "drums"], 2, "no stem 'drums'"),
        (["song.wav", "--quality", "perfect"], 2, "perfect"),
        (["song.wav", "--format", "8track"], 2, "8track"),
        (["song.wav", "--skip-existing", "--overwrite"], 2, "contradict"),
        (["song.wav", "--server", "nowhere"], 2, "no address"),
        (["song.wav", "--key", "shk_wrong"], 3, "the API key is wrong"),
    ],
)
def test_refusals_have_the_exit_codes_of_separate(
    arguments: list[str],
    code: int,
    said: str,
    server: Served,
    song: Path,
    *,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert separate(server, *arguments) == code

    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert said in error
    assert not Path("separated").exists()


def test_files_that_are_there_are_kept(server: Served, song: Path) -> None:
    there = Path("separated/song/vocals.wav")
    there.parent.mkdir(parents=True)
    there.write_text("mine")

    refused = separate(server, song)
    replaced = separate(server, song, "--overwrite")
    skipped = separate(server, song, "--skip-existing")

    assert (refused, replaced, skipped) == (6, 0, 0)
    assert soundfile.info(there).frames == 44_100


def test_a_server_that_is_away_is_told(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["remote", "separate", str(song), "--server", "http://127.0.0.1:9"])

    assert code == 5
    assert "the server cannot be reached" in capsys.readouterr().err


def test_ctrl_c_stops_the_job_on_the_server(server: Served, elsewhere: str, tmp_path: Path) -> None:
    Path("long.wav").write_bytes(noise(100))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "stemhouse", "remote", "separate", "long.wav"),
            *("--server", server.url, "-q", "best"),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=subprocess.PIPE,
    )
    with Client(server.url, elsewhere) as client:
        while not (jobs := list(client.list_jobs())):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        ended = client.wait(jobs[0].id, timeout_s=60)

    assert process.returncode == 130
    assert ended.status == "canceled"
    assert not Path("separated").exists()
