from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stemhouse import RuntimeOptions, Separator
from stemhouse.cli.early import EarlyStart, likely_quality
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
        timeout=60,
        env={"XDG_CACHE_HOME": str(tmp_path / "none"), "PATH": "/usr/bin"},
    )

    assert result.returncode == 4
    assert "Traceback" not in result.stderr
    assert "stemhouse models pull" in result.stderr
