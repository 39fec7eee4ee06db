"""``stemhouse remote separate``: songs in, stems out, and the work is a server's."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from stemhouse.cli.separate import choose_existing, stem_names
from stemhouse.errors import Cancelled, StemhouseError

if TYPE_CHECKING:
    from stemhouse.engine.options import Quality

app = typer.Typer(no_args_is_help=True, help="Let a server do the work.")


@app.callback()
def remote() -> None:
    """Let a server do the work."""


@app.command()
def separate(
    songs: Annotated[
        list[str],
        typer.Argument(
            metavar="SONG...",
            help="Audio or video files, folders (searched to the bottom), patterns such as "
            "'*.flac', or - for standard input.",
            show_default=False,
        ),
    ],
    server: Annotated[
        str,
        typer.Option(
            "--server",
            metavar="URL",
            envvar="STEMHOUSE_SERVER",
            help="Address of the server, such as https://stems.example.org.",
            show_default=False,
        ),
    ],
    key: Annotated[
        str,
        typer.Option(
            "--key",
            envvar="STEMHOUSE_KEY",
            help="An API key. Better in the variable: others can read what you type.",
            show_default=False,
        ),
    ] = "",
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.")
    ] = Path("separated"),
    template: Annotated[
        str, typer.Option(metavar="TEMPLATE", help="Names of the files, as for separate.")
    ] = "{song}/{stem}.{ext}",
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave songs out whose files exist.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist.")
    ] = False,
    stems: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="Stems to write, as in vocals,drums; may be repeated. [default: all]",
            show_default=False,
        ),
    ] = None,
    residual: Annotated[
        bool,
        typer.Option("--residual", help="Also write everything that is not in --stems."),
    ] = False,
    format: Annotated[
        str,
        typer.Option(
            "--format", "-f", metavar="FORMAT", help="wav, flac24, mp3-320, m4a, ogg, opus, …"
        ),
    ] = "wav",
    quality: Annotated[
        str, typer.Option("--quality", "-q", metavar="QUALITY", help="fast, standard or best.")
    ] = "standard",
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="A model of the server. [default: its usual one]",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=64, help="Songs at the same time.")
    ] = 2,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per song; no progress.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print what happens inside.")] = False,
) -> None:
    """Separate songs into their stems on a server. Exit codes are those of stemhouse separate."""
    from stemhouse.cli.console import choose_reporter, print_json
    from stemhouse.cli.outcome import error_fields
    from stemhouse.cli.signals import Interrupts

    if verbose:
        logging.basicConfig(level=logging.DEBUG, format="%(name)s: %(message)s")
    reporter = choose_reporter(as_json=as_json, quiet=quiet)
    try:
        with Interrupts() as interrupts:
            from stemhouse.cli.remote_request import RemoteRequest, run_remote_request
            from stemhouse.engine.codec import parse_format
            from stemhouse.engine.options import Options

            request = RemoteRequest(
                server=server,
                key=key,
                songs=songs,
                output=output,
                template=template,
                existing=choose_existing(skip=skip_existing, overwrite=overwrite),
                model=model,
                options=Options(
                    stems=stem_names(stems), residual=residual, quality=cast("Quality", quality)
                ),
                format=parse_format(format),
                format_name=format,
                jobs=jobs,
            )
            code = run_remote_request(request, reporter, interrupts, verbose=verbose)
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
