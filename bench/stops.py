"""How soon work ends that nobody wants any more: Ctrl-C in a terminal, a cancelled job."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.load import quantile
from bench.server import ServiceFailed, started
from bench.song import make_song

SONG_S = 600.0
LOOK_S = 0.005


def measure_stops(
    folder: Path, rounds: int, settings: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Return the rows: what, measured, at most."""
    song = make_song(folder / "unwanted.wav", SONG_S)
    model = f"{settings['models_dir']}/{settings['model']}" if settings else None
    interrupted_s = [interrupted(song, folder / "stems", model) for _ in range(rounds)]
    cancelled_s = cancelled(song, folder / "stops", rounds, settings)
    return [
        (f"Ctrl-C to the end of the command, p95 of {rounds}", told(interrupted_s), "500 ms"),
        (f"cancelled to let go of, p95 of {rounds} jobs", told(cancelled_s), "1000 ms"),
    ]


def told(waits_s: list[float]) -> str:
    return f"{quantile(waits_s, 0.95) * 1000:.0f} ms"


def interrupted(song: Path, output: Path, model: str | None) -> float:
    """Return the seconds from the signal to the end of `stemhouse separate`."""
    words = [str(song), "-o", str(output), "--quality", "best", "--quiet"]
    command = [sys.executable, "-m", "stemhouse", "separate", *words]
    process = subprocess.Popen([*command, "--model", model] if model else command)
    wait_while(lambda: process.poll() is None and not any(output.rglob(".stemhouse-*.part")))
    began = time.perf_counter()
    process.send_signal(signal.SIGINT)
    if process.wait() != 128 + signal.SIGINT:
        raise ServiceFailed(f"the command ended with {process.returncode} instead of by Ctrl-C")
    return time.perf_counter() - began


def cancelled(song: Path, folder: Path, rounds: int, settings: Mapping[str, str]) -> list[float]:
    """Return the seconds from asking for the end of a job until its worker keeps no file of it."""
    waits_s = []
    with started(folder, **settings) as service:
        upload_id = service.upload(song)
        for _ in range(rounds):
            job_id = service.submit(upload_id, "best")
            while not (service.job(job_id)["progress"] or {}).get("done_samples"):
                time.sleep(0.05)
            began = time.perf_counter()
            service.client.post(f"/v1/jobs/{job_id}/cancel")
            wait_while(lambda: any((folder / "scratch").glob("*/song-*")))
            waits_s.append(time.perf_counter() - began)
            if (state := service.job(job_id)["status"]) != "canceled":
                raise ServiceFailed(f"the job has {state} before it could be cancelled")
    return waits_s


def wait_while(holds: Callable[[], bool]) -> None:
    while holds():
        time.sleep(LOOK_S)
