"""``stemhouse models``: the catalogue, and the weights on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemhouse.cli.options import ModelsDir

if TYPE_CHECKING:
    from stemhouse.engine.weights import ModelStore

app = typer.Typer(
    name="models",
    help="See, fetch, check and remove the weights of models.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="A model, such as spleeter-2stems or 2stems.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.command("list")
def list_models(as_json: AsJson = False, models_dir: ModelsDir = None) -> None:
    """List the models: stems, size, licence, and whether the weights are here."""
    from stemhouse.cli.models_view import print_catalogue
    from stemhouse.engine.catalogue import catalogue

    print_catalogue(catalogue(), _store(models_dir), as_json=as_json)


@app.command("info")
def info(name: Name, as_json: AsJson = False, models_dir: ModelsDir = None) -> None:
    """Show everything that is known of a model, the evidence for its licence included."""
    from stemhouse.cli.models_view import print_card
    from stemhouse.engine.catalogue import find_card

    print_card(find_card(name), _store(models_dir), as_json=as_json)


@app.command("pull")
def pull(
    name: Name,
    mirror: Annotated[
        str | None,
        typer.Option(
            "--mirror",
            metavar="URL",
            help="Fetch from here instead: an archive, or a folder that holds one "
            "(http, https or file).",
        ),
    ] = None,
    models_dir: ModelsDir = None,
) -> None:
    """Fetch the weights from where they are published, check them and keep them."""
    from stemhouse.cli.models_view import download_bar
    from stemhouse.engine.catalogue import find_card

    card, store = find_card(name), _store(models_dir)
    with download_bar() as show:
        folder = store.pull(card, mirror, progress=show)
    typer.echo(f"{card.name} is ready in {folder}")


@app.command("add")
def add(
    name: Name,
    source: Annotated[
        Path,
        typer.Option(
            "--from",
            metavar="PATH",
            help="A folder with the model's files, or a .tar.gz, wheel or zip that holds them.",
        ),
    ],
    models_dir: ModelsDir = None,
) -> None:
    """Install weights from a file or folder on this machine."""
    from stemhouse.engine.catalogue import find_card

    card, store = find_card(name), _store(models_dir)
    folder = store.add(card, source)
    typer.echo(f"{card.name} is ready in {folder}")


@app.command("verify")
def verify(
    name: Annotated[
        str | None, typer.Argument(help="A model; without one, all that are installed.")
    ] = None,
    models_dir: ModelsDir = None,
) -> None:
    """Read every byte of installed weights and compare it with what was published."""
    from stemhouse.engine.catalogue import catalogue, find_card
    from stemhouse.errors import ModelError

    store = _store(models_dir)
    if name is not None:
        cards = [find_card(name)]
    else:
        cards = [card for card in catalogue() if (store.root / card.name).exists()]
        if not cards:
            typer.echo("no weights are installed")
    first_failure: ModelError | None = None
    for card in cards:
        try:
            store.verify(card)
        except ModelError as error:
            typer.echo(f"{card.name}: wrong")
            if first_failure is not None:
                typer.echo(error.message, err=True)
            # Raised when all are checked: it decides the exit code.
            first_failure = first_failure or error
        else:
            typer.echo(f"{card.name}: ok")
    if first_failure is not None:
        raise first_failure


@app.command("remove")
def remove(name: Name, models_dir: ModelsDir = None) -> None:
    """Delete the weights of a model and everything made from them."""
    from stemhouse.cli.models_view import megabytes
    from stemhouse.engine.catalogue import find_card

    card, store = find_card(name), _store(models_dir)
    freed_bytes = store.remove(card)
    typer.echo(f"{card.name} is removed; {megabytes(freed_bytes)} freed")


def _store(models_dir: Path | None) -> ModelStore:
    # Imported here, as in every command: help and shell completion stay instant.
    from stemhouse.engine.weights import ModelStore

    return ModelStore(models_dir)
