"""The translator from errors to what a terminal understands: an exit code and one line.

The codes are a promise to scripts (docs/cli.md): they are not changed and not reused.
"""

from __future__ import annotations

import tempfile
import traceback
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path

from stemhouse.errors import (
    Cancelled,
    ExternalError,
    InputError,
    InstallationError,
    InvalidOption,
    ModelError,
    OutputExists,
    OutputNotWritable,
    ResourceError,
    ServiceError,
)


class ExitCode(IntEnum):
    OK = 0
    INTERNAL = 1
    USAGE = 2
    INPUT = 3
    MODEL = 4
    RESOURCE = 5
    OUTPUT = 6
    PARTIAL = 7
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


# The first that fits counts: the more special ones stand before their bases.
_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (InvalidOption, ExitCode.USAGE),
    (OutputExists, ExitCode.OUTPUT),
    (OutputNotWritable, ExitCode.OUTPUT),
    (InputError, ExitCode.INPUT),
    (ModelError, ExitCode.MODEL),
    (ResourceError, ExitCode.RESOURCE),
    (ExternalError, ExitCode.RESOURCE),
    (InstallationError, ExitCode.USAGE),
    (ServiceError, ExitCode.INPUT),
    (Cancelled, ExitCode.INTERRUPTED),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
    (MemoryError, ExitCode.RESOURCE),
    (BrokenPipeError, ExitCode.BROKEN_PIPE),
)


def exit_code(error: BaseException) -> ExitCode:
    """Say which exit code an error means; 1 for what nobody expected."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.INTERNAL)


def error_code(error: BaseException) -> str:
    """Say the stable identifier of an error, for programs."""
    code = getattr(error, "code", None)
    if isinstance(code, str):
        return code
    return "out_of_memory" if isinstance(error, MemoryError) else "internal_error"


def one_line(error: BaseException) -> str:
    """Tell an error in one line without control characters: file names may hold any."""
    if isinstance(error, MemoryError):
        return "there was not enough memory: close other programs or use --jobs 1"
    text = " ".join(printable(str(error)).split())
    if exit_code(error) is ExitCode.INTERNAL:
        return f"internal error: {type(error).__name__}: {text}"
    return text


def printable(text: str) -> str:
    """Return text that cannot move the cursor, change colours or break a UTF-8 terminal."""
    safe = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(
        one if one.isprintable() or one in "\n\t\u200d\u200c" else f"\\x{ord(one):02x}"
        for one in safe
    )


def batch_exit_code(codes: list[ExitCode], songs: int) -> ExitCode:
    """Say the exit code of several songs: 0, the one that all share, or 7 for partial failure."""
    if not codes:
        return ExitCode.OK
    if len(codes) == songs and len(set(codes)) == 1:
        return codes[0]
    return ExitCode.PARTIAL


def log_internal_error(error: BaseException) -> Path:
    """Keep the traceback of a fault of ours in a file that the user can send; return its path."""
    import platformdirs

    now = datetime.now(UTC)
    report = f"{now.isoformat()}\n{''.join(traceback.format_exception(error))}\n"
    path = platformdirs.user_log_path("stemhouse") / "errors.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(report)
    except OSError:  # no home, or a full one: the temporary folder is the last resort
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            errors="backslashreplace",
            prefix="stemhouse-",
            suffix=".log",
            delete=False,
        ) as last_resort:
            last_resort.write(report)
        path = Path(last_resort.name)
    return path
