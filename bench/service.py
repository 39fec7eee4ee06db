"""Measures the service: what it adds to the engine, stops, reads, watchers, workers."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.load import Watchers, quantile, read, read_steadily, watch
from bench.machine import busy, describe_machine
from bench.report import save
from bench.server import Service, ServiceFailed, started
from bench.song import make_song
from bench.stops import measure_stops
from stemhouse.engine.output import Output
from stemhouse.engine.separator import Separator

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
MARK = "service-bench"
READS_PER_SECOND = 500
HEAD = ("what", "measured", "at most or least")

Row = tuple[str, str, str]
Measure = Callable[[argparse.Namespace, Path], list[Row]]


def main() -> int:
    arguments = parse(sys.argv[1:])
    try:
        with tempfile.TemporaryDirectory(prefix="stemhouse-bench-") as folder:
            text = benchmark(arguments, Path(folder))
    except ServiceFailed as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    print(f"\n{text}")
    if arguments.save:
        save(DOCUMENT, text, MARK)
        print(f"\nSaved in docs/{DOCUMENT.name}: commit it.")
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.service", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="songs for the overhead")
    parser.add_argument("--seconds", type=float, default=180.0, help="length of those songs")
    parser.add_argument("--starts", type=int, default=40, help="jobs for queue to start")
    parser.add_argument("--stops", type=int, default=20, help="songs that are stopped midway")
    parser.add_argument("--readers", type=int, default=16, help="clients that read at once")
    parser.add_argument("--reading", type=float, default=10.0, help="seconds that they read")
    parser.add_argument("--watchers", type=int, default=1000, help="clients that watch at once")
    parser.add_argument("--songs", type=int, default=8, help="songs for each number of workers")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="workers to try")
    parser.add_argument("--model", help="another model, and the folder it is in: NAME=FOLDER")
    parser.add_argument("--only", choices=MEASURES, action="append", help="only this")
    parser.add_argument("--no-save", dest="save", action="store_false", help="only print")
    arguments = parser.parse_args(words)
    if words:
        arguments.save = False  # the document keeps whole tables of the same measurement only
    return arguments


def benchmark(arguments: argparse.Namespace, folder: Path) -> str:
    if busy() > 0.25:
        print("warning: this machine is busy; the numbers will be too high", file=sys.stderr)
    rows: list[Row] = []
    for name, measure in MEASURES.items():
        if arguments.only is None or name in arguments.only:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            measured = measure(arguments, folder)
            for what, value, limit in measured:
                print(f"  {what}: {value}{limit and f' ({limit})'}", file=sys.stderr, flush=True)
            rows += measured
    today = datetime.datetime.now(tz=datetime.UTC).date()
    machine = "\n".join(f"- {line}" for line in describe_machine())
    return f"Measured on {today}, SQLite, files in a folder, on:\n\n{machine}\n\n{table(rows)}"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [HEAD, ("---", "---:", "---:"), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def model_settings(arguments: argparse.Namespace) -> dict[str, str]:
    if arguments.model is None:
        return {}
    name, _, folder = arguments.model.partition("=")
    return {"model": name, "models_dir": str(Path(folder).absolute())}


def overhead(arguments: argparse.Namespace, folder: Path) -> list[Row]:
    # Each song is separated three times in turn, so that a busy minute falls on all three. A song
    # a round: the same recording again would be answered from the finished result.
    songs = [
        make_song(folder / f"song-{number}.wav", arguments.seconds + number / 100)
        for number in range(arguments.rounds + 1)
    ]
    settings = model_settings(arguments)
    model = f"{settings['models_dir']}/{settings['model']}" if settings else "spleeter-2stems"
    with started(folder / "overhead", **settings) as service, Separator(model) as separator:
        # The first round loads the models.
        rounds = [served_and_bare(service, separator, song, folder) for song in songs][1:]

    def middle(value: Callable[[Overhead], float]) -> str:
        return f"{median(map(value, rounds)):.2f} s"

    length = f"{arguments.seconds:.0f} s"
    return [
        (f"song of {length}, the bare engine, model loaded, FLAC", middle(lambda r: r.flac_s), ""),
        (f"song of {length}, the same, WAV", middle(lambda r: r.wav_s), ""),
        (f"song of {length}, end of upload to succeeded", middle(lambda r: r.served_s), ""),
        (
            "what the service adds to an engine that writes FLAC",
            middle(lambda r: r.served_s - r.flac_s),
            "0.50 s",
        ),
        ("to one that writes WAV", middle(lambda r: r.served_s - r.wav_s), ""),
        (
            "what is outside the engine's own time within the job",
            middle(lambda r: r.served_s - r.reported_s),
            "",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """Seconds that one song took, by the service and by the bare engine.

    Attributes
    ----------
    served_s : float
        From the end of the upload to succeeded.
    reported_s : float
        The engine's own time within that, by the job's result.
    flac_s, wav_s : float
        The bare engine, writing what the service keeps (24-bit FLAC), and WAV.
    """

    served_s: float
    reported_s: float
    flac_s: float
    wav_s: float


def served_and_bare(service: Service, separator: Separator, song: Path, folder: Path) -> Overhead:
    upload_id = service.upload(song)
    began = time.time()
    # Looked at seldom: looking takes from the cores what is measured.
    job = service.wait(service.submit(upload_id), "succeeded", every_s=0.25)
    bare_s = {}
    for kind in ("flac24", "wav"):
        start = time.perf_counter()
        separator.separate_to_files(song, folder / kind, output=Output(format=kind))
        bare_s[kind] = time.perf_counter() - start
    return Overhead(
        served_s=timestamp(job["finished_at"]) - began,
        reported_s=job["result"]["timings"]["wall_s"],
        flac_s=bare_s["flac24"],
        wav_s=bare_s["wav"],
    )


def starts(arguments: argparse.Namespace, folder: Path) -> list[Row]:
    waits = []
    with started(folder / "starts", **model_settings(arguments)) as service:
        for number in range(arguments.starts + 1):
            song = make_song(folder / "short.wav", 1 + number / 100)
            job_id = service.submit(service.upload(song), "fast")
            # Looked at seldom, as above.
            job = service.wait(job_id, "succeeded", every_s=0.25)
            if number:
                waits.append(seconds_between(job["created_at"], job["started_at"]))
    return [
        (
            f"queue to start, p95 of {len(waits)} jobs",
            f"{quantile(waits, 0.95) * 1000:.0f} ms",
            "100 ms",
        )
    ]


def stops(arguments: argparse.Namespace, folder: Path) -> list[Row]:
    return measure_stops(folder, arguments.stops, model_settings(arguments))


def seconds_between(first: str, second: str) -> float:
    return timestamp(second) - timestamp(first)


def timestamp(moment: str) -> float:
    return datetime.datetime.fromisoformat(moment).timestamp()


def reads(arguments: argparse.Namespace, folder: Path) -> list[Row]:
    with started(folder / "reads", **model_settings(arguments)) as service:
        job_id = long_job(service, arguments, folder)
        path = f"/v1/jobs/{job_id}"
        before_s = processor_s(service.web)
        most = read(
            service.port,
            service.key,
            path,
            clients=arguments.readers,
            seconds=arguments.reading,
        )
        each_s = (processor_s(service.web) - before_s) / len(most.waits_s)
        steady = read_steadily(
            service.port,
            service.key,
            path,
            per_second=READS_PER_SECOND,
            clients=4 * arguments.readers,
            seconds=arguments.reading,
        )
        still = service.job(job_id)["status"]
        service.client.post(f"{path}/cancel")
    where = "while a song is separated" if still == "processing" else "the song ended too early"
    return [
        (
            f"GET /v1/jobs/{{id}}, {where}, {READS_PER_SECOND} a second: p50",
            f"{steady.quantile_s(0.5) * 1000:.1f} ms",
            "",
        ),
        ("p99 of these", f"{steady.quantile_s(0.99) * 1000:.1f} ms", "50 ms"),
        (
            f"as many as {arguments.readers} clients can ask, one answer after the other",
            f"{most.per_second:.0f} a second",
            f"{READS_PER_SECOND} a second",
        ),
        ("p50 of these", f"{most.quantile_s(0.5) * 1000:.1f} ms", ""),
        ("p99 of these", f"{most.quantile_s(0.99) * 1000:.1f} ms", ""),
        ("processor time of the web process for each", f"{each_s * 1000:.2f} ms", ""),
    ]


def processor_s(*processes: psutil.Process) -> float:
    """Return the processor seconds that processes have taken so far."""
    times = [process.cpu_times() for process in processes]
    return float(sum(one.user + one.system for one in times))


def long_job(service: Service, arguments: argparse.Namespace, folder: Path) -> str:
    # Best quality of a song that outlasts what is measured meanwhile.
    seconds = min(1800.0, max(5.0, arguments.reading * 120))
    song = make_song(folder / "long.wav", seconds)
    job_id = service.submit(service.upload(song), "best")
    while not (service.job(job_id)["progress"] or {}).get("done_samples"):
        time.sleep(0.05)
    return job_id


def watching(arguments: argparse.Namespace, folder: Path) -> list[Row]:
    # Each watcher is a file here and one there.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with started(folder / "watching", **model_settings(arguments)) as service:
        song = make_song(folder / "watched.wav", 600.0 if not arguments.model else 60.0)
        job_id = service.submit(service.upload(song))
        return asyncio.run(watched(arguments, service, job_id))


async def watched(arguments: argparse.Namespace, service: Service, job_id: str) -> list[Row]:
    before = service.web.memory_info().rss
    peak, watchers = before, Watchers()
    path = f"/v1/jobs/{job_id}/events"
    tasks = [
        asyncio.create_task(watch(service.port, service.key, path, watchers))
        for _ in range(arguments.watchers)
    ]
    while not all(task.done() for task in tasks):
        peak = max(peak, service.web.memory_info().rss)
        await asyncio.sleep(0.1)
    await asyncio.gather(*tasks)
    ended: dict[str, Any] = service.job(job_id)
    finished = timestamp(ended["finished_at"])
    late = quantile([at - finished for at in watchers.ended_at], 0.99)
    return [
        ("clients that watched one job in one process", f"{watchers.connected:,}", "1,000"),
        ("of them told that it ended", f"{watchers.told_end:,}", "all"),
        ("events that they were told", f"{watchers.events:,}", ""),
        ("the end was told within, p99", f"{late:.2f} s", ""),
        ("memory of the web process before", f"{before / 1e6:.0f} MB", ""),
        ("memory of the web process with them, peak", f"{peak / 1e6:.0f} MB", ""),
    ]


def throughput(arguments: argparse.Namespace, folder: Path) -> list[Row]:
    rows: list[Row] = []
    first = None
    for count in arguments.workers:
        # One thread each, so that a second worker finds a core of its own.
        settings = {**model_settings(arguments), "threads": "1"}
        commands = ("web", *["worker"] * count)
        with started(folder / f"workers-{count}", commands, **settings) as service:
            work = measure_work(arguments, service, folder, count)
        first = first or work.speed / count
        workers = f"{count} worker{'s' * (count > 1)} of one thread"
        rows += [
            (workers, f"{work.speed:.0f} × real time", f"{first * count:.0f} × if in step"),
            (f"{workers}: processor time a song", work.told(), ""),
            (
                f"{workers}: cores in use, of {os.cpu_count()}",
                f"{work.cores:.2f} by the service, {work.all_cores:.2f} by all",
                "",
            ),
        ]
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What some songs took.

    Attributes
    ----------
    songs : int
        How many.
    audio_s, wall_s : float
        Their length, and the time for all of them.
    processor_s : dict
        Processor seconds by the part of the service that took them.
    machine_s : float
        Processor seconds of the whole machine, whoever took them.
    """

    songs: int
    audio_s: float
    wall_s: float
    processor_s: dict[str, float]
    machine_s: float

    @property
    def speed(self) -> float:
        """Seconds of audio in a second."""
        return self.audio_s / self.wall_s

    @property
    def cores(self) -> float:
        """Cores that the service kept busy."""
        return sum(self.processor_s.values()) / self.wall_s

    @property
    def all_cores(self) -> float:
        """Cores that were busy at all: as many as there are, where they are used up."""
        return self.machine_s / self.wall_s

    def told(self) -> str:
        """Return what a song took of the processor, part by part."""
        each = {part: taken / self.songs for part, taken in self.processor_s.items()}
        parts = ", ".join(f"{part} {taken:.2f}" for part, taken in each.items())
        return f"{sum(each.values()):.2f} s ({parts})"


def measure_work(arguments: argparse.Namespace, service: Service, folder: Path, count: int) -> Work:
    seconds = min(60.0, arguments.seconds)
    songs = [
        make_song(folder / f"thread-{number}.wav", seconds + number / 100)
        for number in range(count + arguments.songs)
    ]
    uploads = [service.upload(song) for song in songs]
    # The first ones load the models of all workers.
    for job_id in [service.submit(upload) for upload in uploads[:count]]:
        service.wait(job_id, "succeeded")
    began, before, machine_s = time.perf_counter(), taken_s(service), machine_busy_s()
    for job_id in [service.submit(upload) for upload in uploads[count:]]:
        service.wait(job_id, "succeeded", every_s=0.1)
    wall_s = time.perf_counter() - began
    after = taken_s(service)
    return Work(
        songs=arguments.songs,
        audio_s=seconds * arguments.songs,
        wall_s=wall_s,
        processor_s={part: after[part] - before[part] for part in after},
        machine_s=machine_busy_s() - machine_s,
    )


def taken_s(service: Service) -> dict[str, float]:
    """Return the processor seconds that each part of the service has taken so far."""
    workers = [psutil.Process(process.pid) for process in service.processes[1:]]
    separating = [child for worker in workers for child in worker.children(recursive=True)]
    return {
        "separating": processor_s(*separating),
        "the workers besides": processor_s(*workers),
        "web": processor_s(service.web),
    }


def machine_busy_s() -> float:
    """Return the processor seconds that this machine has spent on anything so far."""
    times = psutil.cpu_times()
    return float(sum(times[:3]) + sum(getattr(times, name, 0.0) for name in ("irq", "softirq")))


MEASURES: dict[str, Measure] = {
    "overhead": overhead,
    "starts": starts,
    "stops": stops,
    "reads": reads,
    "watching": watching,
    "throughput": throughput,
}


if __name__ == "__main__":
    sys.exit(main())
