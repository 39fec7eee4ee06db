"""Measures Stemhouse as a user meets it: whole processes, in turns, beside Spleeter's command."""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.cases import Case, further_cases, main_cases, spleeter_case, stemhouse_case
from bench.machine import busy, describe_machine
from bench.measure import CommandFailed, Run, measure
from bench.report import Row, runtime_of, save, table
from bench.song import make_song

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
SONG_S = 180.0
WARM_UP_S = 10.0


def main() -> int:
    arguments = parse(sys.argv[1:])
    try:
        with tempfile.TemporaryDirectory(prefix="stemhouse-bench-") as folder:
            text = benchmark(arguments, Path(folder))
    except CommandFailed as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    print(f"\n{text}")
    if arguments.save:
        save(DOCUMENT, text)
        print(f"\nSaved in docs/{DOCUMENT.name}: commit it.")
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each command (default: 5)")
    parser.add_argument("--seconds", type=float, default=SONG_S, help="length of the song")
    parser.add_argument("--long", action="store_true", help="measure an hour-long song as well")
    parser.add_argument("--only", action="append", help="only commands whose name holds this")
    parser.add_argument("--no-save", dest="save", action="store_false", help="only print")
    parser.add_argument(
        "--spleeter",
        type=Path,
        default=os.environ.get("SPLEETER") or shutil.which("spleeter"),
        help="Spleeter's command; also from $SPLEETER or the path. Give it its $MODEL_PATH",
    )
    arguments = parser.parse_args(words)
    if arguments.seconds != SONG_S or arguments.only:
        arguments.save = False  # the document keeps whole tables of the same song only
    return arguments


def benchmark(arguments: argparse.Namespace, folder: Path) -> str:
    if busy() > 0.25:
        print("warning: this machine is busy; the numbers will be too high", file=sys.stderr)
    song = make_song(folder / "song.wav", arguments.seconds)
    cases = chosen(arguments)
    warm_up(cases, folder)
    rows = in_turns(cases, song, arguments.seconds, rounds=arguments.rounds)
    reference_s = next((row.wall_s for row in rows if row.case.name == "Spleeter"), None)
    parts = [
        introduction(arguments, rows),
        f"### {length(arguments.seconds)}, stereo WAV\n\n{table(rows, reference_s)}",
    ]
    if arguments.long:
        parts += [long_part(folder, duration_s) for duration_s in (3600.0, 3 * 3600.0)]
    return "\n\n".join(parts)


def chosen(arguments: argparse.Namespace) -> list[Case]:
    cases = [*main_cases(), *further_cases()]
    if arguments.spleeter:
        cases.insert(0, spleeter_case(Path(arguments.spleeter).absolute()))
    wanted = arguments.only or [""]
    return [case for case in cases if any(word in case.name for word in wanted)]


def warm_up(cases: Sequence[Case], folder: Path) -> None:
    # Compiled graphs and the files of the libraries are then where they are on any second use.
    song = make_song(folder / "warm-up.wav", WARM_UP_S)
    for case in cases:
        note(f"warming up: {case.name}")
        run(case, song)


def in_turns(cases: Sequence[Case], song: Path, audio_s: float, *, rounds: int) -> list[Row]:
    runs: dict[str, list[Run]] = {case.name: [] for case in cases}
    for number in range(1, rounds + 1):
        for case in cases:
            runs[case.name].append(run(case, song))
            note(f"round {number} of {rounds}: {case.name}: {runs[case.name][-1].wall_s:.2f} s")
    return [Row(case=case, runs=runs[case.name], audio_s=audio_s) for case in cases]


def run(case: Case, song: Path) -> Run:
    output = song.parent / "output"
    return measure(case.arguments(song, output), output, case.environment)


def long_part(folder: Path, duration_s: float) -> str:
    # Once: what matters here is memory, and it hardly varies.
    song = make_song(folder / "long.wav", duration_s)
    rows = in_turns(
        [
            stemhouse_case("stemhouse fast", "--quality", "fast"),
            stemhouse_case("stemhouse standard"),
        ],
        song,
        duration_s,
        rounds=1,
    )
    return f"### {length(duration_s)}, stereo WAV\n\n{table(rows, None)}"


def introduction(arguments: argparse.Namespace, rows: Sequence[Row]) -> str:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    lines = [*describe_machine(), f"the network ran on: {runtime_of(rows)}"]
    head = f"Measured on {today}, medians of {arguments.rounds} runs each, in turns, on:"
    return "\n".join([head, "", *(f"- {line}" for line in lines)])


def length(duration_s: float) -> str:
    minutes = duration_s / 60
    return f"{minutes:.0f} minutes" if minutes >= 1 else f"{duration_s:.0f} seconds"


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
