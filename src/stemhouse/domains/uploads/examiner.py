"""The child process of `Examiner`: ``python -m stemhouse.domains.uploads.examiner``.

Its standard input is a socket, over which it gets its limits and one open file. It says on its
standard output what the file is, and ends.
"""

from __future__ import annotations

import io
import json
import math
import os
import resource
import socket
from typing import Any, BinaryIO, cast

from stemhouse.engine.codec import open_source
from stemhouse.errors import InputError

_MAX_TAGS = 64
_MAX_TAG_CHARACTERS = 1_000
_MAX_NAME_CHARACTERS = 64
_OPEN_FILES = 32
_MAX_MESSAGE_BYTES = 4_096


def main() -> None:
    """Wait for a file, examine it within its limits, and say what it is."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries print; nothing of it may get into the answer
    with socket.socket(fileno=os.dup(0)) as parent:
        limits, files, _flags, _address = socket.recv_fds(parent, _MAX_MESSAGE_BYTES, 1)
    if not files:
        return  # the parent has gone
    wanted = json.loads(limits)
    _confine(wanted["memory_bytes"], wanted["cpu_s"])
    try:
        answer = {"findings": _findings(files[0], wanted["max_duration_s"])}
    except InputError as error:
        answer = {"refusal": {"code": error.code, "message": error.message}}
    except MemoryError:
        answer = {"refusal": {"code": "limits", "message": ""}}
    answers.write(json.dumps(answer).encode())
    answers.close()


def _confine(memory_bytes: int, cpu_s: float) -> None:
    spent = resource.getrusage(resource.RUSAGE_SELF)  # loading libraries is not the file's doing
    seconds = math.ceil(cpu_s + spent.ru_utime + spent.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    # All address space: what the imports mapped already is allowed on top.
    allowed = memory_bytes + _mapped_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))


def _mapped_bytes() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a pseudo file
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _findings(descriptor: int, max_duration_s: float) -> dict[str, Any]:
    file = io.FileIO(descriptor, "rb")
    file.name = "the file"
    with open_source(cast(BinaryIO, file), max_duration_s=max_duration_s) as reader:
        length = sum(block.shape[1] for block in reader.blocks())
        info = reader.info
    return {
        "container": info.container[:_MAX_NAME_CHARACTERS],
        "codec": info.codec[:_MAX_NAME_CHARACTERS],
        "sample_rate": info.sample_rate,
        "channels": info.channels,
        "length_samples": length,
        "tags": _modest(dict(info.tags)),
    }


def _modest(tags: dict[str, str]) -> dict[str, str]:
    short = {
        name: value[:_MAX_TAG_CHARACTERS].replace("\0", "")
        for name, value in tags.items()
        if len(name) <= _MAX_NAME_CHARACTERS
    }
    return dict(list(short.items())[:_MAX_TAGS])


if __name__ == "__main__":
    main()
