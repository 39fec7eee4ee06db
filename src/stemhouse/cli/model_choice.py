"""What ``--model`` may be: a name from the catalogue, or a folder with a card and its weights."""

from __future__ import annotations

from pathlib import Path

from stemhouse.engine.catalogue import ModelCard, find_card, load_card

CARD_FILE = "card.toml"


def choose_card(model: str) -> ModelCard:
    """Return the card that `model` means."""
    path = Path(model)
    return load_card(path / CARD_FILE) if path.is_dir() else find_card(model)


def choose_model(model: str) -> Path | ModelCard:
    """Return what a `Separator` is made from."""
    path = Path(model)
    return path if path.is_dir() else find_card(model)
