"""``stemhouse separate``: songs in, stems out."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from stemhouse.cli.early import EarlyStart
from stemhouse.errors import Cancelled, InvalidOption, StemhouseError

if TYPE_CHECKING:
    from stemhouse.cli.plan import Existing
    from stemhouse.engine.codec import OutputFormat
    from stemhouse.engine.options import Quality
    from stemhouse.engine.runtime.options import Device, Precision, Provider

_WHAT, _HOW, _WHERE, _MACHINE, _TALK = (
    "What comes out",
    "How it is separated",
    "Where it goes",
    "The machine",
    "What is said",
)


def separate(
    context: typer.Context,
    songs: Annotated[
        list[str],
        typer.Argument(
            metavar="SONG...",
            help="Audio or video files, folders (searched to the bottom), patterns such as "
            "'*.flac', or - for standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder for the results.", rich_help_panel=_WHERE
        ),
    ] = Path("separated"),
    template: Annotated[
        str,
        typer.Option(
            metavar="TEMPLATE",
            help="Names of the files. Fields: {song} {stem} {ext} {model} {quality} {artist} "
            "{title} {album} {track} {index} {folder}.",
            rich_help_panel=_WHERE,
        ),
    ] = "{song}/{stem}.{ext}",
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing", help="Leave songs out whose files exist.", rich_help_panel=_WHERE
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace files that exist.", rich_help_panel=_WHERE),
    ] = False,
    stems: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="Stems to write, as in vocals,drums; may be repeated. [default: all]",
            show_default=False,
            rich_help_panel=_WHAT,
        ),
    ] = None,
    residual: Annotated[
        bool,
        typer.Option(
            "--residual",
            help="Also write everything that is not in --stems, as one file.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="wav, wav24, wavfloat, flac, flac24, mp3, mp3-192, mp3-v2, m4a, m4a-192, ogg, "
            "ogg-q6, opus, opus-128.",
            rich_help_panel=_WHAT,
        ),
    ] = "wav",
    bitrate: Annotated[
        int | None,
        typer.Option(
            metavar="KBPS",
            help="Bit rate of mp3, m4a or opus in kbit/s.",
            show_default=False,
            rich_help_panel=_WHAT,
        ),
    ] = None,
    no_tags: Annotated[
        bool,
        typer.Option(
            "--no-tags", help="Do not carry tags and cover art over.", rich_help_panel=_WHAT
        ),
    ] = False,
    quality: Annotated[
        str,
        typer.Option(
            "--quality",
            "-q",
            metavar="QUALITY",
            help="fast (exactly as Spleeter), standard, or best (slowest).",
            rich_help_panel=_HOW,
        ),
    ] = "standard",
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="A model's name (see: stemhouse models list), or a folder with a card.toml "
            "and its weights.",
            rich_help_panel=_HOW,
        ),
    ] = "spleeter-2stems",
    max_duration: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Refuse longer songs. [default: no limit]",
            show_default=False,
            rich_help_panel=_HOW,
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            max=64,
            help="Songs at the same time; they share one loaded model.",
            rich_help_panel=_MACHINE,
        ),
    ] = 1,
    provider: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="auto, openvino or onnxruntime.", rich_help_panel=_MACHINE
        ),
    ] = "auto",
    device: Annotated[
        str,
        typer.Option(metavar="NAME", help="auto, cpu, cuda or coreml.", rich_help_panel=_MACHINE),
    ] = "auto",
    precision: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="auto, float32, bfloat16 or float16.",
            rich_help_panel=_MACHINE,
        ),
    ] = "auto",
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads for the network. [default: all cores]",
            show_default=False,
            rich_help_panel=_MACHINE,
        ),
    ] = None,
    allow_fallback: Annotated[
        bool,
        typer.Option(
            "--allow-fallback",
            help="Use another runtime, and say so, where the wanted one is missing.",
            rich_help_panel=_MACHINE,
        ),
    ] = False,
    models_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where weights are kept. [default: the user's cache folder]",
            show_default=False,
            rich_help_panel=_MACHINE,
        ),
    ] = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", help="Never fetch weights that are missing.", rich_help_panel=_MACHINE
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object per song, then one about all of them; no progress.",
            rich_help_panel=_TALK,
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print errors only.", rich_help_panel=_TALK)
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Print what happens inside.", rich_help_panel=_TALK),
    ] = False,
) -> None:
    """Separate songs into their stems.

    Exit codes: 0 all done, 1 a fault of Stemhouse, 2 wrong use, 3 input, 4 model or weights,
    5 disk or memory, 6 output exists or is not writable, 7 some songs failed, 130 interrupted.
    """
    from stemhouse.cli.console import choose_reporter, print_json
    from stemhouse.cli.outcome import error_fields
    from stemhouse.cli.signals import Interrupts

    if verbose:
        logging.basicConfig(level=logging.DEBUG, format="%(name)s: %(message)s")
    reporter = choose_reporter(as_json=as_json, quiet=quiet)
    try:
        with Interrupts() as interrupts:
            from stemhouse.cli.request import Request, run_request
            from stemhouse.engine.options import Options
            from stemhouse.engine.runtime.options import RuntimeOptions

            request = Request(
                songs=songs,
                output=output,
                template=template,
                existing=choose_existing(skip=skip_existing, overwrite=overwrite),
                model=model,
                models_dir=models_dir,
                options=Options(
                    stems=stem_names(stems),
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
            code = run_request(request, reporter, interrupts, verbose=verbose)
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


def choose_existing(*, skip: bool, overwrite: bool) -> Existing:
    if skip and overwrite:
        raise InvalidOption("--skip-existing and --overwrite contradict each other: give one")
    return "skip" if skip else "overwrite" if overwrite else "refuse"


def stem_names(values: list[str] | None) -> tuple[str, ...] | None:
    if not values:
        return None
    names = [name.strip() for value in values for name in value.split(",")]
    return tuple(dict.fromkeys(name for name in names if name))


def _format(text: str, bitrate: int | None) -> OutputFormat:
    from stemhouse.engine.codec import parse_format

    chosen = parse_format(text)
    if bitrate is None:
        return chosen
    return replace(chosen, bitrate_kbps=bitrate)
