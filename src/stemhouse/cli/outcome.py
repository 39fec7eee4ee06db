"""What became of each song and of all of them, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from stemhouse.cli.errors import error_code, exit_code, one_line, printable

if TYPE_CHECKING:
    from stemhouse.cli.songs import Song
    from stemhouse.engine.notices import Notice
    from stemhouse.engine.progress import Progress

Status = Literal["done", "skipped", "failed", "cancelled"]


class Separated(Protocol):
    """What is told of a separated song, wherever that was done."""

    @property
    def stems(self) -> Iterable[str]: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def notices(self) -> Sequence[Notice]: ...
    def as_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one song."""

    song: Song
    status: Status
    separation: Separated | None = None
    error: BaseException | None = None
    reason: str = ""
    wall_s: float = 0.0

    @property
    def audio_s(self) -> float:
        return 0.0 if self.separation is None else self.separation.duration_s

    def as_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            "type": "song",
            "status": self.status,
            "source": printable(str(self.song.path)),
        }
        if self.separation is not None:
            values["audio_s"] = round(self.audio_s, 6)
            values["wall_s"] = round(self.wall_s, 3)
            values["result"] = self.separation.as_dict()
        if self.error is not None:
            values["error"] = error_fields(self.error)
        if self.reason:
            values["reason"] = self.reason
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of all songs."""

    outcomes: Sequence[Outcome]
    wall_s: float
    directory: str
    exit_code: int

    def count(self, status: Status) -> int:
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def audio_s(self) -> float:
        return sum(outcome.audio_s for outcome in self.outcomes)

    def as_dict(self) -> dict[str, Any]:
        counts = {
            status: self.count(status) for status in ("done", "skipped", "failed", "cancelled")
        }
        return {
            "type": "summary",
            "exit_code": int(self.exit_code),
            **counts,
            "audio_s": round(self.audio_s, 6),
            "wall_s": round(self.wall_s, 3),
            "output": printable(self.directory),
        }


def describe(outcome: Outcome) -> str:
    """Tell a separated song in a line, and each notice in one more."""
    separation = outcome.separation
    assert separation is not None
    stems = ", ".join(separation.stems)
    speed = f"{outcome.audio_s / outcome.wall_s:.1f} × real time" if outcome.wall_s > 0 else ""
    length = clock(outcome.audio_s)
    head = f"{outcome.song.shown}: {stems} ({length} in {outcome.wall_s:.1f} s, {speed})"
    return "\n".join([head, *(f"  note: {notice.message}" for notice in separation.notices)])


def describe_summary(summary: Summary) -> str:
    """Tell the end of a batch in one line."""
    done = summary.count("done")
    songs = len(summary.outcomes)
    parts = [f"{done} of {songs} {'song' if songs == 1 else 'songs'} separated"]
    if songs == done == 1:
        parts = ["done"]
    for status in ("skipped", "failed", "cancelled"):
        if count := summary.count(status):
            parts.append(f"{count} {status}")
    text = ", ".join(parts)
    if done > 1 and summary.wall_s > 0:
        speed = summary.audio_s / summary.wall_s
        text += f"; {clock(summary.audio_s)} in {summary.wall_s:.1f} s, {speed:.1f} × real time"
    return f"{text}: {printable(summary.directory)}" if done else text


def error_fields(error: BaseException) -> dict[str, Any]:
    """Return an error as programs read it."""
    return {
        "code": error_code(error),
        "message": one_line(error),
        "details": getattr(error, "details", {}),
        "exit_code": int(exit_code(error)),
    }


def clock(seconds: float) -> str:
    """Return ``3:05`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def how_far(progress: Progress) -> str:
    share, left = progress.fraction, time_left(progress)
    if share is None:
        return f"{clock(progress.done_samples / progress.sample_rate)} done"
    return f"{share:.0%}" + (f", {left}" if left else "")


def time_left(progress: Progress) -> str:
    left = progress.remaining_s
    return "" if left is None else f"{clock(left)} left"
