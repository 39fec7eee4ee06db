"""What the worker and its child say to each other: one JSON object a line.

The worker writes requests to the child's standard input, the child answers on a pipe of its own
(its standard output goes to standard error, so that no library can spoil the conversation).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from stemhouse import errors
from stemhouse.errors import SeparationFailed, StemhouseError


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparationTask:
    """One song for the child.

    `name` is what people call the song, for the tags of its downloads; `model` is a name of the
    catalogue or a folder; `folder` is where the child leaves its files.
    """

    task_id: str
    name: str
    source: str
    folder: str
    model: str
    quality: str = "standard"
    stems: tuple[str, ...] | None = None
    residual: bool = False
    max_duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class ChildEvent:
    """What the child reports: ``ready``, ``progress``, ``used``, ``file``, ``done`` or ``error``.

    ``used`` is told beside progress and before the end, with what the song took until then.
    """

    kind: str
    task_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def encode_task(task: SeparationTask) -> str:
    """Return the request line that starts a task."""
    return json.dumps({"op": "separate", "task": asdict(task)}) + "\n"


def encode_cancel(task_id: str) -> str:
    """Return the request line that stops a task between two blocks."""
    return json.dumps({"op": "cancel", "task_id": task_id}) + "\n"


def decode_task(data: Mapping[str, Any]) -> SeparationTask:
    """Return the task of a request line."""
    stems = data["stems"]
    return SeparationTask(**{**data, "stems": None if stems is None else tuple(stems)})


def encode_event(event: ChildEvent) -> str:
    """Return the line that reports an event."""
    return json.dumps({"event": event.kind, "task_id": event.task_id, "data": event.data}) + "\n"


def decode_event(line: str) -> ChildEvent:
    """Return the event of a line."""
    message = json.loads(line)
    return ChildEvent(message["event"], message["task_id"], message["data"])


def error_data(error: StemhouseError) -> dict[str, Any]:
    """Return an error as it crosses the pipe, is stored and is shown."""
    return {"code": error.code, "message": error.message, "details": error.details}


def rebuild_error(data: Mapping[str, Any]) -> StemhouseError:
    """Return the error that `error_data` described, as an instance of its own class."""
    kind = _KINDS.get(data["code"], SeparationFailed)
    return kind(data["message"], **data["details"])


def _all_kinds(kind: type[StemhouseError]) -> Iterator[type[StemhouseError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _all_kinds(narrower)


_KINDS = {kind.code: kind for kind in _all_kinds(errors.StemhouseError)}
