"""The entry point: runs a command, turns every error into one line and an exit code.

Nothing heavy is imported before it is needed: ``stemhouse --version`` answers at once.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stemhouse.cli.early import EarlyStart


def main() -> None:
    """Run the command line of this process and exit."""
    # Nothing is begun yet: Ctrl-C during the imports shall end Python without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Nothing here multiplies large matrices: NumPy's threads for that would only spin beside ours.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251 - read when NumPy is imported
    from stemhouse.cli.early import EarlyStart, likely_quality, usual_models_dir

    quality = likely_quality(sys.argv[1:])
    models_dir = usual_models_dir(os.environ)  # noqa: TID251 - this is the entry point
    early = None if quality is None else EarlyStart(quality, models_dir)
    import stemhouse.cli.app  # noqa: F401 - the longest of them

    signal.signal(signal.SIGINT, signal.default_int_handler)
    _open_what_is_closed()
    code = run(sys.argv[1:], early)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _broken_pipe()
    except OSError as error:
        code = _report(error, verbose=False)
    _ignore_signals()
    sys.exit(code)


def run(arguments: Sequence[str], early: EarlyStart | None = None) -> int:
    """Run the command line and return the exit code.

    Parameters
    ----------
    arguments : sequence of str
        What was typed after ``stemhouse``.
    early : EarlyStart, optional
        What was begun for it already.

    Returns
    -------
    int
        As docs/cli.md lists them.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a song's name must not break an ASCII terminal
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(arguments, early)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _broken_pipe()
    except Exception as error:
        return _report(error, verbose="--verbose" in arguments)


def _run(arguments: Sequence[str], early: EarlyStart | None) -> int:
    import typer

    from stemhouse.cli.app import app

    command = typer.main.get_command(app)
    try:
        result = command.main(
            list(arguments), prog_name="stemhouse", standalone_mode=False, obj=early
        )
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f" (try '{context.command_path} --help')" if context is not None else ""
        message = " ".join(error.format_message().split()).rstrip(".")
        print(f"error: {message}{hint}", file=sys.stderr)
        return error.exit_code
    except typer.Abort:
        return 130
    except SystemExit as error:  # how typer takes a broken pipe
        if isinstance(error.__context__, BrokenPipeError):
            return _broken_pipe()
        raise
    return result if isinstance(result, int) else 0


def _report(error: Exception, *, verbose: bool) -> int:
    from stemhouse.cli.console import explain_fault, print_error
    from stemhouse.cli.errors import ExitCode, exit_code
    from stemhouse.errors import DiskFull

    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        # What writes songs says so itself: this was what is told about them.
        error = DiskFull("there is no room where the output is written to; free some and retry")
        _drop_output()
    code = exit_code(error)
    print_error(error)
    if code is ExitCode.INTERNAL:
        explain_fault(error, verbose=verbose)
    return code


def _ignore_signals() -> None:
    # Python only takes itself apart now, with the handlers that end processes: a signal would stop
    # nothing any more, and change the exit code.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _broken_pipe() -> int:
    # Whoever read our output has left.
    _drop_output()
    return 141


def _drop_output() -> None:
    # Python would complain again when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_what_is_closed() -> None:
    # Who starts us without an output (`>&-`) wants none. Python then has no stream at all.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
