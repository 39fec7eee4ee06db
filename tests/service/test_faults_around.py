# What a worker stands on breaks: here, the disk.

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stemhouse.db.session import SessionFactory
from stemhouse.settings import Settings
from tests.service.disks import small_disk
from tests.service.installation import Installation, installed, noise

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SONG_S = 120.0


@pytest.fixture
def house(settings: Settings, sessions: SessionFactory) -> Iterator[Installation]:
    with installed(settings, sessions) as installation:
        yield installation


# --- the disk ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"])
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
