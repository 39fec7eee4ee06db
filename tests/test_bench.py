from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.cases import Case
from bench.measure import CommandFailed, measure
from bench.report import BEGIN, END, Row, save, table
from bench.song import make_song


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_song_to_measure_with_has_the_length_that_was_asked_for(tmp_path: Path) -> None:
    samples, sample_rate = soundfile.read(make_song(tmp_path / "song.wav", 7.5))

    assert samples.shape == (round(7.5 * 44_100), 2)
    assert sample_rate == 44_100
    assert np.abs(samples).max() > 0.1


def test_a_song_to_measure_with_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = make_song(tmp_path / "1.wav", 4.0), make_song(tmp_path / "2.wav", 4.0)

    assert first.read_bytes() == second.read_bytes()


def test_a_run_sees_memory_of_children_and_the_first_second(tmp_path: Path) -> None:
    output = tmp_path / "output"
    child = "import time; data = bytearray(b'x') * 60_000_000; time.sleep(0.5)"
    code = f"""
import pathlib, subprocess, sys, time
running = subprocess.Popen([sys.executable, "-c", {child!r}])
pathlib.Path({str(output)!r}, "stem.wav").write_bytes(bytes(200_000))
running.wait()
print("done")
"""

    run = measure(python(code), output)

    assert run.output == "done\n"
    assert run.peak_bytes > 60_000_000
    assert run.first_second_s is not None
    assert run.first_second_s < run.wall_s


def test_a_command_that_fails_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="no such song"):
        measure(python("raise SystemExit('no such song')"), tmp_path / "output")


def test_the_table_shows_medians_and_ratios(tmp_path: Path) -> None:
    run = measure(python("pass"), tmp_path / "output")
    row = Row(case=Case(name="nothing", command=()), runs=[run, run, run], audio_s=10.0)

    lines = table([row], reference_s=row.wall_s * 2).splitlines()

    assert lines[0].startswith("| command | wall |")
    assert "| 2.0 |" in lines[2]


def test_saving_replaces_the_last_table_and_nothing_else(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text(f"# Head\n{BEGIN}\nold\n{END}\nfoot\n")

    save(document, "new")

    assert document.read_text() == f"# Head\n{BEGIN}\nnew\n{END}\nfoot\n"
