"""The frame around separating songs: who tells of it, how it is interrupted, how it ends."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import typer

from stemhouse.errors import Cancelled, StemhouseError

if TYPE_CHECKING:
    from stemhouse.cli.console import Reporter
    from stemhouse.cli.signals import Interrupts


def run_and_tell(
    work: Callable[[Reporter, Interrupts], int], *, as_json: bool, quiet: bool, verbose: bool
) -> NoReturn:
    """Do the work, which gives the exit code, and end the command with it.

    Parameters
    ----------
    work : callable
        Imports what is heavy itself: only then can Ctrl-C interrupt that too.
    as_json, quiet, verbose : bool
        As typed.
    """
    from stemhouse.cli.console import choose_reporter, print_json
    from stemhouse.cli.outcome import error_fields
    from stemhouse.cli.signals import Interrupts

    if verbose:
        logging.basicConfig(level=logging.DEBUG, format="%(name)s: %(message)s")
    reporter = choose_reporter(as_json=as_json, quiet=quiet)
    try:
        with Interrupts() as interrupts:
            code = work(reporter, interrupts)
    except Cancelled:
        code = interrupts.exit_code
    except StemhouseError as error:
        if as_json:
            print_json({"type": "error", "error": error_fields(error)})
        raise
    finally:
        reporter.close()
    if interrupts.abandoned:  # Python would wait for the threads
        sys.stdout.flush()
        interrupts.leave_at_once()
    raise typer.Exit(code)
