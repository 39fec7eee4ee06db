"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from stemhouse import __version__
from stemhouse.cli import billing, db, key, ledger, models, remote, sites, user
from stemhouse.cli.config import config
from stemhouse.cli.doctor import doctor
from stemhouse.cli.separate import separate
from stemhouse.cli.web import serve, web
from stemhouse.cli.worker import worker

app = typer.Typer(
    name="stemhouse",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stemhouse {__version__}")
        raise typer.Exit


@app.callback()
def stemhouse(
    version: Annotated[  # acts by its callback
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Take songs apart: vocals, accompaniment, drums, bass."""


app.command("separate")(separate)
app.add_typer(models.app, name="models")
app.add_typer(remote.app, name="remote")
app.command("doctor")(doctor)
app.command("serve")(serve)
app.command("web")(web)
app.command("worker")(worker)
app.add_typer(sites.app, name="sites")
app.add_typer(db.app, name="db")
app.add_typer(user.app, name="user")
app.add_typer(key.app, name="key")
app.add_typer(ledger.app, name="ledger")
app.add_typer(billing.app, name="billing")
app.command("config")(config)
