"""From runs to tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.cases import Case, reported
from bench.measure import Run

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
HEAD = (
    *("command", "wall", "spread", "× real time", "× Spleeter"),
    *("CPU time", "peak memory", "first second", "network"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A case and its runs, on a song of `audio_s` seconds."""

    case: Case
    runs: Sequence[Run]
    audio_s: float

    @property
    def wall_s(self) -> float:
        return median(run.wall_s for run in self.runs)

    def cells(self, reference_s: float | None) -> list[str]:
        walls = [run.wall_s for run in self.runs]
        firsts = [run.first_second_s for run in self.runs if run.first_second_s is not None]
        shares = [share for run in self.runs if (share := network_share(run)) is not None]
        return [
            self.case.name,
            f"{self.wall_s:.2f} s",
            f"{min(walls):.2f} to {max(walls):.2f}",
            f"{self.audio_s / self.wall_s:.0f}",
            f"{reference_s / self.wall_s:.1f}" if reference_s else "",
            f"{median(run.cpu_s for run in self.runs):.1f} s",
            f"{median(run.peak_bytes for run in self.runs) / 1e6:,.0f} MB",
            f"{median(firsts):.2f} s" if firsts and self.case.streams_wav else "",
            f"{median(shares):.0%}" if shares else "",
        ]


def network_share(run: Run) -> float | None:
    """Return the network's share of the separation's own wall time, 0 to 1."""
    share = reported(run).get("timings", {}).get("network_share")
    return None if share is None else float(share)


def runtime_of(rows: Sequence[Row]) -> str:
    """Return what ran the network, as the results say."""
    said = [reported(run).get("runtime", {}) for row in rows for run in row.runs]
    words = [
        " ".join(
            str(one[key]) for key in ("provider", "version", "device", "precision") if key in one
        )
        for one in said
    ]
    return "; ".join(dict.fromkeys(word for word in words if word))


def table(rows: Sequence[Row], reference_s: float | None) -> str:
    """Return the rows as a Markdown table; columns without any value are left out."""
    cells = [row.cells(reference_s) for row in rows]
    kept = [i for i in range(len(HEAD)) if any(line[i] for line in cells)]
    lines = [[HEAD[i] for i in kept], ["---", *["---:"] * (len(kept) - 1)]]
    lines += [[line[i] for i in kept] for line in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def save(document: Path, text: str, name: str = "bench") -> None:
    """Replace what is between the markers of this name in `document`."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = document.read_text().partition(begin)
    _, found_too, after = rest.partition(end)
    if not (found and found_too):
        raise ValueError(f"{document} lacks the markers {begin} and {end}")
    document.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}")
