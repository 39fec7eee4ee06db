"""``stemhouse config``: the settings as they count, secrets hidden."""

from __future__ import annotations

import typer

from stemhouse.cli.console import print_json
from stemhouse.cli.entry import ConfigOption, JsonOption, read_settings


def config(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print the effective settings; of secrets, only whether they are set."""
    from stemhouse.settings_view import shown_settings

    shown = shown_settings(read_settings(config))
    if as_json:
        print_json(shown)
        return
    width = max(map(len, shown))
    for name, value in shown.items():
        typer.echo(f"{name:<{width}} = {value}")
