"""Which commands are measured."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.measure import Run

FORMATS = ("wav24", "flac", "mp3", "m4a", "ogg", "opus")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command under a name; `{song}` and `{output}` in it stand for paths."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    streams_wav: bool = True

    def arguments(self, song: Path, output: Path) -> list[str]:
        return [part.format(song=song, output=output) for part in self.command]


def stemhouse_case(name: str, *options: str) -> Case:
    command = (
        *(sys.executable, "-m", "stemhouse", "separate", "{song}", "-o", "{output}"),
        *("--json", *options),
    )
    return Case(name=name, command=command, streams_wav="--format" not in options)


def spleeter_case(program: Path) -> Case:
    # Spleeter stops at ten minutes unless told otherwise; the songs of this table are shorter.
    command = (str(program), "separate", "-p", "spleeter:2stems", "-o", "{output}", "{song}")
    models = os.environ.get("MODEL_PATH")
    return Case(
        name="Spleeter",
        command=command,
        environment={"MODEL_PATH": models} if models else {},
    )


def main_cases() -> list[Case]:
    return [
        stemhouse_case(f"stemhouse {quality}", "--quality", quality)
        for quality in ("fast", "standard", "best")
    ]


def further_cases() -> list[Case]:
    return [
        stemhouse_case("fast, float32", "--quality", "fast", "--precision", "float32"),
        stemhouse_case("fast, vocals only", "--quality", "fast", "--stems", "vocals"),
        *(stemhouse_case(f"standard, to {f}", "--format", f) for f in FORMATS),
    ]


def reported(run: Run) -> dict[str, Any]:
    """Return what `stemhouse separate --json` said about the song, or nothing for others."""
    for line in run.output.splitlines():
        if line.startswith("{"):
            message = json.loads(line)
            if message.get("type") == "song" and "result" in message:
                return dict(message["result"])
    return {}
