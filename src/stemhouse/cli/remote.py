"""``stemhouse remote separate``: songs in, stems out, and the work is a server's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from stemhouse.cli import options
from stemhouse.cli.talk import run_and_tell

if TYPE_CHECKING:
    from stemhouse.cli.console import Reporter
    from stemhouse.cli.signals import Interrupts
    from stemhouse.engine.options import Quality

app = typer.Typer(no_args_is_help=True, help="Let a server do the work.")


@app.callback()
def remote() -> None:
    """Let a server do the work."""


@app.command()
def separate(
    songs: options.Songs,
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
    output: options.Output = Path("separated"),
    template: options.Template = options.USUAL_TEMPLATE,
    skip_existing: options.SkipExisting = False,
    overwrite: options.Overwrite = False,
    stems: options.Stems = None,
    residual: options.Residual = False,
    format: options.Format = "wav",
    quality: options.Quality = "standard",
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="A model of the server.",
            show_default="its usual one",
            rich_help_panel=options.HOW,
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            max=64,
            help="Songs at the same time.",
            rich_help_panel=options.MACHINE,
        ),
    ] = 2,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Separate songs into their stems on a server. Exit codes are those of stemhouse separate."""

    def work(reporter: Reporter, interrupts: Interrupts) -> int:
        from stemhouse.cli.remote_request import RemoteRequest, run_remote_request
        from stemhouse.engine.codec import parse_format
        from stemhouse.engine.options import Options

        request = RemoteRequest(
            server=server,
            key=key,
            songs=songs,
            output=output,
            template=template,
            existing=options.choose_existing(skip=skip_existing, overwrite=overwrite),
            model=model,
            options=Options(
                stems=options.stem_names(stems),
                residual=residual,
                quality=cast("Quality", quality),
            ),
            format=parse_format(format),
            format_name=format,
            jobs=jobs,
        )
        return run_remote_request(request, reporter, interrupts, verbose=verbose)

    run_and_tell(work, as_json=as_json, quiet=quiet, verbose=verbose)
