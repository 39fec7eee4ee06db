"""``stemhouse sites``: the branded services of this installation."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemhouse.cli.console import print_json
from stemhouse.cli.entry import ConfigOption, DataOption, JsonOption, read_settings

if TYPE_CHECKING:
    from stemhouse.settings import Settings
    from stemhouse.sites.findings import Problem

app = typer.Typer(no_args_is_help=True, help="Begin, check and list sites.")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="What programs call it: choir.")],
    title: Annotated[
        str | None, typer.Option("--title", help="The brand.", show_default="made of the name")
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Its host.", show_default="NAME.localhost")
    ] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Write a good first file for a new site. A service that runs takes it up at once."""
    from stemhouse.sites.hosts import address_of
    from stemhouse.sites.loading import load_site
    from stemhouse.sites.place import sites_folder
    from stemhouse.sites.starting import new_site

    settings = read_settings(config, data_dir=data_dir)
    before = sites_folder(settings)
    path = new_site(settings, name, title, host)
    if sites_folder(settings) != before:
        typer.echo(f"The sites that came along are now in {path.parents[1]}, to be changed.")
    typer.echo(f"Wrote {path}")
    address = address_of(load_site(path), settings.address)
    typer.echo(f"Its address, once stemhouse serve runs: {address}/")


@app.command()
def check(
    as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataOption = None
) -> None:
    """Say what is wrong with the site files, with file, line and mend."""
    problems = _problems(read_settings(config, data_dir=data_dir))
    errors = [one for one in problems if one.severity == "error"]
    for one in problems:
        if as_json:
            print_json(asdict(one) | {"file": str(one.file)})
        else:
            typer.echo(f"{one.severity}: {one}")
    if not as_json and not errors:
        typer.echo("The site files can be used.")
    if errors:
        raise typer.Exit(2)


@app.command("list")
def list_sites(
    as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataOption = None
) -> None:
    """List the sites and their addresses."""
    from stemhouse.sites.hosts import address_of
    from stemhouse.sites.place import open_book

    settings = read_settings(config, data_dir=data_dir)
    book = open_book(settings)
    for site in book.all():
        facts: dict[str, Any] = {
            "name": site.name,
            "title": site.title,
            "address": address_of(site, settings.address) + "/",
            "hosts": list(site.hosts),
            "file": str(book.file(site, "site.toml")),
        }
        if as_json:
            print_json(facts)
        else:
            typer.echo(f"{site.name:<12}  {facts['address']:<36}  {site.title}")


def _problems(settings: Settings) -> list[Problem]:
    from stemhouse.sites.book import read_all
    from stemhouse.sites.models import ModelShelf
    from stemhouse.sites.place import sites_folder

    _, problems = read_all(sites_folder(settings), ModelShelf(settings.models_dir))
    return problems
