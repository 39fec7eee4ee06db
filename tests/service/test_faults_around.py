# What a worker stands on breaks: here, the disk.

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from stemhouse.db.session import SessionFactory, make_engine, make_sessions
from stemhouse.settings import Settings
from tests.service.disks import filled, grow, small_disk
from tests.service.installation import Installation, expected_digests, installed, noise

pytestmark = pytest.mark.faults

SONG_S = 120.0


@pytest.fixture
def dialect() -> str:
    return "sqlite"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    # Everything that an installation has is on it: database, files and scratch.
    with small_disk(tmp_path / "disk", 400_000):
        yield tmp_path / "disk"


@pytest.fixture
def house(settings: Settings, sessions: SessionFactory) -> Iterator[Installation]:
    with installed(settings, sessions) as installation:
        yield installation


def test_a_full_disk_ends_the_song_with_a_code_and_pays_it_back(house: Installation) -> None:
    song, owner = noise(SONG_S), house.account()
    # Room for the song and not for its stems.
    with small_disk(house.settings.data_dir / "files", 30_000):
        worker = house.start_worker()
        job_id = house.submit(owner, house.upload(owner, song, SONG_S))

        job = house.end_of(job_id)
        house.wait_until(lambda: not house.stored_files(job_id))
        next_job = house.end_of(house.submit(owner, house.upload(owner, noise(5), 5)))

        assert (job.state, job.error_code, job.attempt) == ("failed", "disk_full", 3)
        assert next_job.state == "succeeded"
        assert worker.poll() is None
        assert house.spent(owner) == 5


def test_a_full_scratch_disk_ends_the_song_with_a_code_and_pays_it_back(
    house: Installation,
) -> None:
    owner = house.account()
    # No room for the song.
    with small_disk(house.settings.data_dir / "scratch", 10_000):
        worker = house.start_worker()
        job_id = house.submit(owner, house.upload(owner, noise(SONG_S), SONG_S))

        job = house.end_of(job_id)
        next_job = house.end_of(house.submit(owner, house.upload(owner, noise(5), 5)))

        assert (job.state, job.error_code, job.attempt) == ("failed", "disk_full", 3)
        assert next_job.state == "succeeded"
        assert worker.poll() is None
        assert house.spent(owner) == 5


def test_a_song_waits_for_room_that_somebody_makes(house: Installation) -> None:
    song, owner = noise(SONG_S), house.account()
    files = house.settings.data_dir / "files"
    with small_disk(files, 30_000):
        house.start_worker()
        job_id = house.submit(owner, house.upload(owner, song, SONG_S))
        house.wait_until(lambda: "retrying" in house.events(job_id))
        grow(files, 400_000)

        job = house.end_of(job_id)

        assert (job.state, job.error_code) == ("succeeded", None)
        assert house.digests(job) == expected_digests(song)
        assert house.spent(owner) == SONG_S


@pytest.fixture
def full_house(
    disk: Path, settings: Settings, sqlite_template: Path
) -> Iterator[tuple[Installation, Path]]:
    shutil.copy(sqlite_template, disk / "service.db")
    changes = {
        "data_dir": disk / "data",
        "database_url": SecretStr(f"sqlite:///{disk}/service.db"),
    }
    settings = settings.model_copy(update=changes)
    engine = make_engine(settings.effective_database_url)
    with installed(settings, make_sessions(engine)) as installation:
        yield installation, disk
    engine.dispose()


def test_a_song_outlives_a_moment_without_any_room_at_all(
    full_house: tuple[Installation, Path],
) -> None:
    (house, disk), song = full_house, noise(SONG_S)
    owner = house.account()
    worker = house.start_worker()
    job_id = house.submit(owner, house.upload(owner, song, SONG_S))
    house.in_mid_song(job_id)
    with filled(disk):
        # Neither progress nor stems nor signs of life can be written.
        time.sleep(3)

    job = house.end_of(job_id)

    assert (job.state, job.error_code) == ("succeeded", None)
    assert house.digests(job) == expected_digests(song)
    assert house.events(job_id).count("succeeded") == 1
    assert worker.poll() is None
    assert house.spent(owner) == SONG_S
