"""``stemhouse separate``: songs in, stems out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from stemhouse.cli import options
from stemhouse.cli.early import EarlyStart
from stemhouse.cli.talk import run_and_tell

if TYPE_CHECKING:
    from stemhouse.cli.console import Reporter
    from stemhouse.cli.signals import Interrupts
    from stemhouse.engine.codec import OutputFormat
    from stemhouse.engine.options import Quality
    from stemhouse.engine.runtime.options import Device, Precision, Provider


def separate(
    context: typer.Context,
    songs: options.Songs,
    output: options.Output = Path("separated"),
    template: options.Template = options.USUAL_TEMPLATE,
    skip_existing: options.SkipExisting = False,
    overwrite: options.Overwrite = False,
    stems: options.Stems = None,
    residual: options.Residual = False,
    format: options.Format = "wav",
    bitrate: Annotated[
        int | None,
        typer.Option(
            metavar="KBPS",
            help="Bit rate of mp3, m4a or opus in kbit/s.",
            show_default=False,
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    no_tags: Annotated[
        bool,
        typer.Option(
            "--no-tags", help="Do not carry tags and cover art over.", rich_help_panel=options.WHAT
        ),
    ] = False,
    quality: options.Quality = "standard",
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="A model's name (see: stemhouse models list), or a folder with a card.toml "
            "and its weights.",
            rich_help_panel=options.HOW,
        ),
    ] = "spleeter-2stems",
    max_duration: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Refuse longer songs.",
            show_default="no limit",
            rich_help_panel=options.HOW,
        ),
    ] = None,
    jobs: options.Jobs = 1,
    provider: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="auto, openvino or onnxruntime.", rich_help_panel=options.MACHINE
        ),
    ] = "auto",
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="auto, cpu, cuda or coreml.", rich_help_panel=options.MACHINE
        ),
    ] = "auto",
    precision: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="auto, float32, bfloat16 or float16.",
            rich_help_panel=options.MACHINE,
        ),
    ] = "auto",
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads for the network.",
            show_default="all cores",
            rich_help_panel=options.MACHINE,
        ),
    ] = None,
    allow_fallback: Annotated[
        bool,
        typer.Option(
            "--allow-fallback",
            help="Use another runtime, and say so, where the wanted one is missing.",
            rich_help_panel=options.MACHINE,
        ),
    ] = False,
    models_dir: options.ModelsDirOfMachine = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Never fetch weights that are missing.",
            rich_help_panel=options.MACHINE,
        ),
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Separate songs into their stems.

    Exit codes: 0 all done, 1 a fault of Stemhouse, 2 wrong use, 3 input, 4 model or weights,
    5 disk or memory, 6 output exists or is not writable, 7 some songs failed, 130 interrupted.
    """

    def work(reporter: Reporter, interrupts: Interrupts) -> int:
        from stemhouse.cli.request import Request, run_request
        from stemhouse.engine.options import Options
        from stemhouse.engine.runtime.options import RuntimeOptions

        request = Request(
            songs=songs,
            output=output,
            template=template,
            existing=options.choose_existing(skip=skip_existing, overwrite=overwrite),
            model=model,
            models_dir=models_dir,
            options=Options(
                stems=options.stem_names(stems),
                residual=residual,
                quality=cast("Quality", quality),
                max_duration_s=max_duration,
            ),
            runtime=RuntimeOptions(
                provider=cast("Provider", provider),
                device=cast("Device", device),
                precision=cast("Precision", precision),
                threads=threads,
                allow_fallback=allow_fallback,
            ),
            format=_format(format, bitrate),
            tags=not no_tags,
            jobs=jobs,
            offline=offline,
            early=context.find_object(EarlyStart),
        )
        return run_request(request, reporter, interrupts, verbose=verbose)

    run_and_tell(work, as_json=as_json, quiet=quiet, verbose=verbose)


def _format(text: str, bitrate: int | None) -> OutputFormat:
    from stemhouse.engine.codec import parse_format

    chosen = parse_format(text)
    if bitrate is None:
        return chosen
    return replace(chosen, bitrate_kbps=bitrate)
