"""The models that this installation can run now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stemhouse.engine.catalogue import catalogue, load_card
from stemhouse.engine.model_card import ModelCard
from stemhouse.engine.weights import ModelStore
from stemhouse.errors import ModelNotFound, StemhouseError


@dataclass(frozen=True, slots=True)
class Model:
    """A model and where the engine finds it: its name, or a folder."""

    card: ModelCard
    locator: str

    @property
    def weights_sha256(self) -> str:
        """Digest of its weights."""
        return max(self.card.files.values(), key=lambda file: file.size_bytes).sha256


class ModelShelf:
    """Models of the catalogue whose weights are here, and folders with a ``card.toml`` beside them.

    Parameters
    ----------
    folder : Path or None
        Where weights are kept; None is the user's cache folder. A model of one's own is a folder
        in there that holds its card and its checkpoint.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._store = ModelStore(folder)

    @property
    def folder(self) -> Path:
        """Where weights are kept."""
        return self._store.root

    def all(self) -> list[Model]:
        """List what can be run."""
        known = [Model(card, card.name) for card in catalogue() if self._store.installed(card)]
        names = {card.name for card in catalogue()}
        return known + [model for model in self._own() if model.card.name not in names]

    def known(self, name: str) -> ModelCard | None:
        """Return the card of a model by its name or another name of it, installed or not."""
        cards = [*catalogue(), *(model.card for model in self._own())]
        return next((card for card in cards if name == card.name or name in card.aliases), None)

    def installed(self, name: str) -> Model | None:
        """Return a model by its name or another name of it, if it can be run now."""
        found = (m for m in self.all() if name == m.card.name or name in m.card.aliases)
        return next(found, None)

    def find(self, name: str) -> Model:
        """Return a model by its name or another name of it.

        Raises
        ------
        ModelNotFound
            It is not one that can be run here.
        """
        model = self.installed(name)
        if model is not None:
            return model
        raise ModelNotFound(
            f"there is no model {name!r} here; choose one of GET /v1/models",
            models=[model.card.name for model in self.all()],
        )

    def _own(self) -> list[Model]:
        own = []
        for path in sorted(self._store.root.glob("*/card.toml")):
            try:
                own.append(Model(load_card(path), str(path.parent)))
            except StemhouseError:
                # A card that cannot be read is not offered; `stemhouse models` says what is wrong.
                continue
        return own
