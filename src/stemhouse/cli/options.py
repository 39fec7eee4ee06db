"""Options that mean the same wherever songs are separated: here, or on a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemhouse.cli.early import MODELS_DIR_VARIABLE
from stemhouse.errors import InvalidOption

if TYPE_CHECKING:
    from stemhouse.cli.plan import Existing

WHAT, HOW, WHERE, MACHINE, TALK = (
    "What comes out",
    "How it is separated",
    "Where it goes",
    "The machine",
    "What is said",
)
"""Panels of the help, in which options stand together."""

USUAL_TEMPLATE = "{song}/{stem}.{ext}"


def _models_dir(panel: str | None) -> typer.models.OptionInfo:
    option = typer.Option(
        "--models-dir",
        metavar="DIR",
        envvar=MODELS_DIR_VARIABLE,
        help="Where weights are kept.",
        show_default="the user's cache folder",
        rich_help_panel=panel,
    )
    assert isinstance(option, typer.models.OptionInfo)
    return option


ModelsDir = Annotated[Path | None, _models_dir(None)]
ModelsDirOfMachine = Annotated[Path | None, _models_dir(MACHINE)]

Songs = Annotated[
    list[str],
    typer.Argument(
        metavar="SONG...",
        help="Audio or video files, folders (searched to the bottom), patterns such as "
        "'*.flac', or - for standard input.",
        show_default=False,
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="DIR", help="Folder for the results.", rich_help_panel=WHERE
    ),
]
Template = Annotated[
    str,
    typer.Option(
        metavar="TEMPLATE",
        help="Names of the files. Fields: {song} {stem} {ext} {model} {quality} {artist} "
        "{title} {album} {track} {index} {folder}.",
        rich_help_panel=WHERE,
    ),
]
SkipExisting = Annotated[
    bool,
    typer.Option(
        "--skip-existing", help="Leave songs out whose files exist.", rich_help_panel=WHERE
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace files that exist.", rich_help_panel=WHERE),
]
Stems = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAMES",
        help="Stems to write, as in vocals,drums; may be repeated.",
        show_default="all",
        rich_help_panel=WHAT,
    ),
]
Residual = Annotated[
    bool,
    typer.Option(
        "--residual",
        help="Also write everything that is not in --stems, as one file.",
        rich_help_panel=WHAT,
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help="wav, wav24, wavfloat, flac, flac24, mp3, mp3-192, mp3-v2, m4a, m4a-192, ogg, "
        "ogg-q6, opus, opus-128.",
        rich_help_panel=WHAT,
    ),
]
Quality = Annotated[
    str,
    typer.Option(
        "--quality",
        "-q",
        metavar="QUALITY",
        help="fast (exactly as Spleeter), standard, or best (slowest).",
        rich_help_panel=HOW,
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        max=64,
        help="Songs at the same time; they share one loaded model.",
        rich_help_panel=MACHINE,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object per song, then one about all of them; no progress.",
        rich_help_panel=TALK,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print errors only.", rich_help_panel=TALK)]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Print what happens inside.", rich_help_panel=TALK)
]


def choose_existing(*, skip: bool, overwrite: bool) -> Existing:
    """Return what happens to files that are there already."""
    if skip and overwrite:
        raise InvalidOption("--skip-existing and --overwrite contradict each other: give one")
    return "skip" if skip else "overwrite" if overwrite else "refuse"


def stem_names(values: list[str] | None) -> tuple[str, ...] | None:
    """Return the names in --stems, each once; None is all."""
    if not values:
        return None
    names = [name.strip() for value in values for name in value.split(",")]
    return tuple(dict.fromkeys(name for name in names if name))
