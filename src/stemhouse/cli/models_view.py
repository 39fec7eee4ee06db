"""What ``stemhouse models`` shows: tables, JSON and the progress of a download."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table

from stemhouse.engine.catalogue import ModelCard
from stemhouse.engine.weights import FetchProgress, ModelStore


def print_catalogue(cards: Sequence[ModelCard], store: ModelStore, *, as_json: bool) -> None:
    if as_json:
        _print_json([_facts(card, store) for card in cards])
        return
    table = Table(
        Column("Name", no_wrap=True),
        Column("Stems", overflow="fold", min_width=13),  # a long stem still whole in 80 columns
        *("Installed", "Size", "Licence", "May be\nsold"),
    )
    for card in cards:
        table.add_row(
            card.name,
            ", ".join(card.stems),
            _yes_no(store.installed(card)),
            megabytes(card.size_bytes),
            card.licence,
            _yes_no(card.may_be_sold),
        )
    Console().print(table)


def print_card(card: ModelCard, store: ModelStore, *, as_json: bool) -> None:
    facts = _facts(card, store)
    if as_json:
        _print_json(facts)
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in facts.items():
        table.add_row(key.replace("_", " "), _plain(value))
    # Without markup: a card's brackets are text, not colours.
    Console(markup=False, highlight=False).print(table)


def _facts(card: ModelCard, store: ModelStore) -> dict[str, Any]:
    return {
        "name": card.name,
        "title": card.title,
        "aliases": list(card.aliases),
        "stems": list(card.stems),
        "installed": store.installed(card),
        "folder": str(store.root / card.name),
        "size_bytes": card.size_bytes,
        "licence": card.licence,
        "may_be_sold": card.may_be_sold,
        "licence_evidence": card.licence_evidence.text,
        "licence_evidence_where": list(card.licence_evidence.where),
        "architecture": card.architecture,
        "sample_rate": card.sample_rate,
        "sources": [getattr(source, "url", source.file_name) for source in card.sources],
        "sha256": {name: digest.sha256 for name, digest in card.files.items()},
    }


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return _yes_no(value)
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    if isinstance(value, dict):
        return "\n".join(f"{key}  {item}" for key, item in value.items())
    return str(value)


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:.1f} MB"


@contextlib.contextmanager
def download_bar() -> Iterator[Callable[[FetchProgress], None]]:
    # On standard error, so that standard output holds results only; gone when it is done.
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:

        def show(progress: FetchProgress) -> None:
            name = progress.file_name
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=None)
            bar.update(tasks[name], completed=progress.done_bytes, total=progress.total_bytes)

        yield show
