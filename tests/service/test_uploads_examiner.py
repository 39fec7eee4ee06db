# Looking into files of strangers: what the child may use, and what its end means.

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from stemhouse.domains.uploads.examine import ExamineLimits, Examiner
from stemhouse.errors import AudioTooLong, CorruptAudio, StemhouseError, UnsupportedAudio
from tests.service.test_uploads import RATE, song

LIMITS = ExamineLimits(max_duration_s=60.0, cpu_s=10.0)


@pytest.fixture
def examiner() -> Iterator[Examiner]:
    examiner = Examiner()
    yield examiner
    examiner.close()


def file_of(data: bytes) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(data)
    return file  # type: ignore[return-value]


def children() -> list[int]:
    found = Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children").read_text()
    return [int(one) for one in found.split()]


def test_several_files_one_after_the_other(examiner: Examiner) -> None:
    with file_of(song(1.5)) as wav, file_of(song(2.5, "FLAC")) as flac:
        first = examiner.examine(wav, LIMITS)
        second = examiner.examine(flac, LIMITS)

    assert (first.container, first.duration_s, first.sample_rate) == ("wav", 1.5, RATE)
    assert (second.container, second.duration_s) == ("flac", 2.5)


def test_a_file_beyond_the_limits_of_memory_or_time_is_refused(examiner: Examiner) -> None:
    little = ExamineLimits(max_duration_s=9e9, memory_bytes=100_000, cpu_s=10.0)
    brief = ExamineLimits(max_duration_s=9e9, cpu_s=0.02)
    long_silence = song(4 * 3600.0, "FLAC", silent=True)

    for limits in (little, brief):
        with file_of(long_silence) as file, pytest.raises(UnsupportedAudio) as raised:
            examiner.examine(file, limits)
        assert raised.value.details == {"reason": "limits"}


def test_a_song_beyond_the_plan_is_refused(examiner: Examiner) -> None:
    with file_of(song(3.0)) as file, pytest.raises(AudioTooLong):
        examiner.examine(file, ExamineLimits(max_duration_s=2.0))


def test_a_child_that_was_ended_while_it_waited_is_replaced(examiner: Examiner) -> None:
    before = set(children())
    with file_of(song()) as file:
        examiner.examine(file, LIMITS)
    (spare,) = set(children()) - before

    os.kill(spare, signal.SIGKILL)
    # It has ended and nobody has asked how.
    os.waitid(os.P_PID, spare, os.WEXITED | os.WNOWAIT)
    with file_of(song()) as file:
        found = examiner.examine(file, LIMITS)

    assert found.duration_s == 2.0


def test_a_file_that_brings_the_decoder_down_is_damaged(examiner: Examiner) -> None:
    before = set(children())
    with file_of(song(2 * 3600.0, "FLAC", silent=True)) as file:
        outcome: list[StemhouseError] = []

        def run() -> None:
            try:
                examiner.examine(file, ExamineLimits(max_duration_s=9e9))
            except StemhouseError as error:
                outcome.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        deadline = time.monotonic() + 60
        while not (new := set(all_children()) - before) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        os.kill(min(new), signal.SIGSEGV)
        thread.join()

    assert [type(error) for error in outcome] == [CorruptAudio]
    assert outcome[0].details == {"reason": "crash"}


def all_children() -> list[int]:
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    return [int(one) for task in tasks for one in (task / "children").read_text().split()]


def test_the_child_knows_no_secret_and_goes_with_its_parent(
    examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEMHOUSE_SECRET_KEY", "secret")
    before = set(children())
    with file_of(song()) as file:
        examiner.examine(file, LIMITS)
    (spare,) = set(children()) - before

    environment = Path(f"/proc/{spare}/environ").read_bytes()
    examiner.close()

    assert b"secret" not in environment
    assert not Path(f"/proc/{spare}").exists()
