from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemhouse import RuntimeOptions, Separator
from stemhouse.cli.early import EarlyStart, likely_quality, usual_models_dir
from stemhouse.engine.loading import DEFAULT_MODEL


@pytest.mark.parametrize(
    ("typed", "quality"),
    [
        ("separate a.mp3", "standard"),
        ("separate a.mp3 -q best", "best"),
        ("separate -qfast a.mp3", "fast"),
        ("separate --quality fast a.mp3 -o out", "fast"),
        ("separate --quality=fast a.mp3", "fast"),
        ("separate a.mp3 --quality", ""),
        ("separate", None),
        ("", None),
        ("models list", None),
        ("separate --help", None),
        ("separate a.mp3 -h", None),
        ("separate a.mp3 --model 4stems", None),
        ("separate a.mp3 --model=4stems", None),
        ("separate a.mp3 -m4stems", None),
        ("separate a.mp3 --threads 1", None),
        ("separate a.mp3 --models-dir there", None),
    ],
)
def test_the_quality_is_guessed_unless_something_unusual_is_asked(typed: str, quality: str | None):
    assert likely_quality(typed.split()) == quality


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("quality", ["standard", "no such quality"])
def test_what_cannot_be_loaded_is_left_to_whoever_can_tell_why(quality: str):
    early = EarlyStart(quality)

    assert early.take(DEFAULT_MODEL, None, RuntimeOptions(), quality) is None


@pytest.mark.usefixtures("no_weights")
def test_what_was_not_asked_for_is_not_handed_over(tmp_path: Path):
    early = EarlyStart("fast")

    assert early.take("4stems", None, RuntimeOptions(), "fast") is None
    assert early.take(DEFAULT_MODEL, tmp_path, RuntimeOptions(), "fast") is None
    assert early.take(DEFAULT_MODEL, None, RuntimeOptions(threads=1), "fast") is None
    assert early.take(DEFAULT_MODEL, None, RuntimeOptions(), "best") is None


def test_the_folder_that_the_service_is_given_is_begun_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    folder = usual_models_dir({"STEMHOUSE_MODELS_DIR": str(tmp_path / "there")})
    early = EarlyStart("fast", folder)

    assert folder == tmp_path / "there"
    assert usual_models_dir({}) is None
    assert usual_models_dir({"STEMHOUSE_MODELS_DIR": ""}) is None
    assert early.take(DEFAULT_MODEL, None, RuntimeOptions(), "fast") is None


def test_a_command_imports_nothing_that_it_does_not_need(tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", np.zeros((8_000, 2), np.float32), 8_000)
    tiny = Path(__file__).resolve().parent.parent / "data" / "tiny-2stems"
    code = (
        "import sys; from stemhouse.cli.main import run; status = run(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(status)"
    )
    typed = ["separate", str(tmp_path / "a.wav"), "-o", str(tmp_path), "--model", str(tiny)]

    result = subprocess.run(
        [sys.executable, "-c", code, *typed, "--quiet"], capture_output=True, text=True, timeout=120
    )

    assert result.returncode == 0
    assert {"numpy", "openvino", "av"} <= set(result.stderr.split())
    unwanted = {"pydantic", "rich", "scipy.fft", "scipy.special", "openvino.tools.ovc"}
    assert not unwanted & set(result.stderr.split())


@pytest.mark.weights
def test_the_usual_model_is_handed_over_ready():
    early = EarlyStart("fast")

    model = early.take(DEFAULT_MODEL, None, RuntimeOptions(), "fast")

    assert model is not None
    assert model.card.name == DEFAULT_MODEL
    assert Separator.of(model).card is model.card


@pytest.mark.skipif(sys.platform != "linux", reason="where the cache is differs elsewhere")
def test_missing_weights_are_told_as_ever(tmp_path: Path):
    typed = [sys.executable, "-m", "stemhouse", "separate", str(tmp_path), "--offline"]
    (tmp_path / "song.wav").write_bytes(b"")

    result = subprocess.run(
        typed,
        capture_output=True,
        text=True,
        timeout=120,
        env={"XDG_CACHE_HOME": str(tmp_path / "none"), "PATH": "/usr/bin"},
    )

    assert result.returncode == 4
    assert "Traceback" not in result.stderr
    assert "stemhouse models pull" in result.stderr


@pytest.mark.weights
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("delay_s", [0.1, 0.3, 0.6, 1.0])
def test_a_signal_while_it_begins_ends_without_traceback(tmp_path: Path, delay_s: float):
    soundfile.write(tmp_path / "a.wav", np.zeros((8_000 * 600, 2), np.float32), 8_000)
    running = subprocess.Popen(
        [sys.executable, "-m", "stemhouse", "separate", "a.wav", "-o", "out", "-q", "fast"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # The tests may themselves run where signals are ignored, as in a script's background job.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(delay_s)

    running.send_signal(signal.SIGINT)
    _output, said = running.communicate(timeout=120)

    if "Traceback" in said:  # allowed while Python itself is starting, before our first line
        assert "frozen site" in said or "runpy" in said
    else:
        assert running.returncode in (130, -signal.SIGINT), said
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.wav"]
