"""A model on its way from a name to a compiled network."""

from __future__ import annotations

import logging
import threading
from functools import partial
from os import PathLike
from pathlib import Path

from stemhouse.engine.catalogue import find_card, load_card
from stemhouse.engine.graph_version import GRAPH_VERSION
from stemhouse.engine.model_card import ModelCard
from stemhouse.engine.recipes import Recipe
from stemhouse.engine.runtime import Network, Runtime, RuntimeOptions, choose_runtime
from stemhouse.engine.separation import Computation
from stemhouse.engine.spectral import Stft
from stemhouse.engine.weights import FetchCallback, ModelStore
from stemhouse.engine.windows import WindowGrid
from stemhouse.errors import OutputNotWritable

DEFAULT_MODEL = "spleeter-2stems"
"""The model that is meant where none is named."""

CARD_NAME = "card.toml"
"""File name of the card in a folder that holds a model of the caller's own."""

ModelChoice = str | PathLike[str] | ModelCard
"""A name of the catalogue, a folder with a model of one's own, or a card."""

log = logging.getLogger(__name__)


class LoadedModel:
    """Card, weights, runtime and networks of one model, each found when it is first needed.

    Parameters
    ----------
    choice : str, path or ModelCard
        Which model.
    runtime : RuntimeOptions
        What should compute it.
    store : ModelStore
        Where weights are kept.
    allow_download : bool
        Whether missing weights may be fetched.

    Notes
    -----
    May be used by several threads; what one of them loads serves all.
    """

    def __init__(
        self,
        choice: ModelChoice,
        runtime: RuntimeOptions,
        store: ModelStore,
        *,
        allow_download: bool,
    ) -> None:
        self._choice, self._options, self._store = choice, runtime, store
        self._allow_download = allow_download
        self._loading = threading.RLock()
        self._card: ModelCard | None = None
        self._runtime: Runtime | None = None
        self._weights: Path | None = None
        self._networks: dict[int, Network] = {}

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        if self._card is None:
            self._card = _card_of(self._choice)
        return self._card

    @property
    def digest(self) -> str:
        """SHA-256 of the weights: of the largest file of the model."""
        return max(self.card.files.values(), key=lambda file: file.size_bytes).sha256

    @property
    def runtime(self) -> Runtime:
        """The runtime, chosen on first use."""
        with self._loading:
            if self._runtime is None:
                self._runtime = choose_runtime(self._options)
            return self._runtime

    def find_weights(self, progress: FetchCallback | None = None) -> Path:
        """Return the folder of the checked weights, fetching them if that is allowed."""
        with self._loading:
            if self._weights is None:
                folder = _own_folder(self._choice)
                if folder is None:
                    self._weights = self._store.ensure(
                        self.card, allow_download=self._allow_download, progress=progress
                    )
                else:
                    self._weights = self._store.check_folder(self.card, folder)
            return self._weights

    def computation(self, recipe: Recipe, groups: tuple[tuple[int, ...], ...]) -> Computation:
        """Return what computes `groups` of stems by `recipe`, its network compiled."""
        card, frames = self.card, self.card.window_frames
        grid = WindowGrid(
            stft=Stft(card.frame_length, card.frame_step),
            frames=frames,
            hop_frames=recipe.hop_frames,
        )
        return Computation(
            network=self.network(recipe),
            grid=grid,
            recipe=recipe,
            bins=_bins(card, recipe),
            groups=groups,
        )

    def network(self, recipe: Recipe) -> Network:
        """Return the network for a recipe's windows, compiled once."""
        bins = _bins(self.card, recipe)
        with self._loading:
            if bins not in self._networks:
                folder = self.find_weights()
                self._networks[bins] = self.runtime.compile(
                    self._stored_graph(),
                    (self.card.channels, self.card.window_frames, bins),
                    partial(_build, self.card, folder),
                )
            return self._networks[bins]

    def close(self) -> None:
        """Free the networks; they are compiled again when they are needed."""
        with self._loading:
            self._networks.clear()

    def _stored_graph(self) -> Path | None:
        """Where the graph is kept between runs, without suffix; None if it cannot be kept."""
        own = _own_folder(self._choice) is not None
        try:
            folder = (self._store.derived_of_folder if own else self._store.derived)(self.card)
        except OutputNotWritable as refusal:
            # Weights on a read-only disk: the graph is built at each start instead.
            log.info("the network's graph is not kept: %s", refusal)
            return None
        return folder / f"network-{GRAPH_VERSION}-{self.digest[:12]}"


def _card_of(choice: ModelChoice) -> ModelCard:
    if isinstance(choice, ModelCard):
        return choice
    folder = _own_folder(choice)
    return find_card(str(choice)) if folder is None else load_card(folder / CARD_NAME)


def _own_folder(choice: ModelChoice) -> Path | None:
    """Return the folder of a model of the caller's own; None for one of the catalogue."""
    if isinstance(choice, ModelCard):
        return None
    folder = Path(choice)
    return folder if (folder / CARD_NAME).is_file() else None


def _bins(card: ModelCard, recipe: Recipe) -> int:
    if recipe.band == "trained":
        return card.bins
    wide = min(card.bins * 5 // 4, card.frame_length // 2)
    # Six layers halve them.
    return wide // 64 * 64


def _build(card: ModelCard, folder: Path) -> bytes:
    # Imported where it is used: a start with a stored graph needs neither.
    from stemhouse.engine.checkpoint import read_checkpoint
    from stemhouse.engine.unet import build_graph

    return bytes(build_graph(read_checkpoint(folder), card).SerializeToString())
