# Folders of workers: each has its own, and what the dead left goes, whatever their numbers were.

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stemhouse.jobs.scratch import own_scratch

WORKS = """
import sys
from pathlib import Path
from stemhouse.jobs.scratch import own_scratch
with own_scratch(Path(sys.argv[1])) as own:
    (own / "song").write_bytes(bytes(1000))
    print(own, flush=True)
    sys.stdin.read()
"""


def folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()]


def start(root: Path) -> tuple[subprocess.Popen[str], Path]:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKS, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    return worker, Path(worker.stdout.readline().strip())


def test_a_folder_goes_with_its_worker(tmp_path: Path) -> None:
    root = tmp_path / "scratch"

    with own_scratch(root) as first, own_scratch(root) as second:
        (first / "song").touch()

        assert {first, second} == set(folders(root))

    assert folders(root) == []


def test_what_a_killed_worker_left_is_removed_and_the_livings_files_stay(tmp_path: Path) -> None:
    dead, left = start(tmp_path)
    living, kept = start(tmp_path)
    dead.kill()
    dead.communicate()

    with own_scratch(tmp_path) as own:
        assert set(folders(tmp_path)) == {kept, own}
        assert (kept / "song").stat().st_size == 1000

    living.communicate("")
    assert left not in folders(tmp_path)
    assert folders(tmp_path) == []


def test_a_folder_of_another_container_is_left_alone(tmp_path: Path) -> None:
    # There, processes have numbers of their own: this one says nothing here.
    with own_scratch(tmp_path) as theirs:
        foreign = theirs.rename(tmp_path / "4194304")

        with own_scratch(tmp_path):
            assert foreign.is_dir()


def test_workers_that_come_and_go_at_once_do_not_hinder_each_other(tmp_path: Path) -> None:
    def work() -> None:
        for _ in range(300):
            with own_scratch(tmp_path) as own:
                (own / "song").touch()

    with ThreadPoolExecutor(4) as workers:
        for worker in [workers.submit(work) for _ in range(4)]:
            worker.result()

    assert folders(tmp_path) == []
