"""The separator: one loaded model for many songs."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from stemhouse._version import __version__
from stemhouse.engine.audio import Audio, Samples
from stemhouse.engine.catalogue import find_card, load_card
from stemhouse.engine.codec import Source, open_source
from stemhouse.engine.graph_version import GRAPH_VERSION
from stemhouse.engine.model_card import ModelCard
from stemhouse.engine.options import Options
from stemhouse.engine.output import Output, StemWriters
from stemhouse.engine.progress import CancelToken, ProgressCallback
from stemhouse.engine.recipes import RECIPES, Recipe
from stemhouse.engine.result import Separation
from stemhouse.engine.runtime import Network, Runtime, RuntimeInfo, RuntimeOptions, choose_runtime
from stemhouse.engine.separation import Computation
from stemhouse.engine.spectral import Stft
from stemhouse.engine.stream import SeparationStream, StreamParts
from stemhouse.engine.tracks import plan_tracks
from stemhouse.engine.weights import FetchCallback, ModelStore
from stemhouse.engine.windows import WindowGrid

DEFAULT_MODEL = "spleeter-2stems"

CARD_NAME = "card.toml"
"""File name of the card in a folder that holds a model of the caller's own."""


class Separator:
    """Separates songs with one model, loaded once.

    Parameters
    ----------
    model : str, path or ModelCard
        Name of a model of the catalogue, such as ``spleeter-2stems``, or a folder that holds a
        model of your own: ``card.toml`` beside the checkpoint.
    runtime : RuntimeOptions
        What computes the network, and how precisely.
    store : ModelStore, optional
        Where weights are kept; the user's cache folder by default.
    allow_download : bool
        Whether weights that are missing may be fetched. They are by default.

    Notes
    -----
    The constructor does nothing but remember. `load` finds, checks and compiles; it is called by
    the first separation if you do not. A separator may be used by several threads at once: each
    call has its own stream, and they share the processor threads of the runtime.

    Memory is that of the model (about 250 MB for two stems) and of a few windows of 12 s, however
    long the song is, unless stems are kept in memory.

    Examples
    --------
    >>> from stemhouse import Options, Separator
    >>> with Separator("spleeter-2stems") as separator:               # doctest: +SKIP
    ...     for song in ["one.mp3", "two.flac"]:
    ...         separator.separate_to_files(song, "stems", Options(stems=("vocals",)))
    """

    def __init__(
        self,
        model: str | PathLike[str] | ModelCard = DEFAULT_MODEL,
        *,
        runtime: RuntimeOptions | None = None,
        store: ModelStore | None = None,
        allow_download: bool = True,
    ) -> None:
        self._model = model
        self._options = runtime or RuntimeOptions()
        self._store = store or ModelStore()
        self._allow_download = allow_download
        self._loading = threading.Lock()
        self._card: ModelCard | None = None
        self._runtime: Runtime | None = None
        self._weights: Path | None = None
        self._graphs: Path | None = None
        self._networks: dict[int, Network] = {}

    @property
    def card(self) -> ModelCard:
        """The model's card: its stems, licence and network."""
        if self._card is None:
            self._card = _card_of(self._model)
        return self._card

    @property
    def runtime_info(self) -> RuntimeInfo:
        """What runs the network, chosen on first use."""
        return self._chosen_runtime().info

    def load(self, quality: str = "standard", *, progress: FetchCallback | None = None) -> Self:
        """Find, check and compile the network for a quality, fetching weights if need be.

        Parameters
        ----------
        quality : {"fast", "standard", "best"}
            The quality to be ready for; others are compiled when they are first used.
        progress : callable, optional
            Told how far a download is.

        Returns
        -------
        Separator
            Itself.

        Raises
        ------
        ModelNotFound, ModelDownloadFailed, ModelChecksumMismatch, ModelIncompatible
            There are no usable weights; the message says what to do.
        RuntimeUnavailable
            The runtime that was asked for cannot be had here.
        """
        recipe = RECIPES[Options(quality=quality).quality]  # type: ignore[arg-type]
        self._find_weights(progress)
        self._network(recipe)
        return self

    def close(self) -> None:
        """Free the compiled networks. A closed separator loads again when it is used."""
        with self._loading:
            self._networks.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def stream(
        self,
        source: Source,
        options: Options | None = None,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> SeparationStream:
        """Separate a song and hand out its stems block by block.

        Parameters
        ----------
        source : path, binary file object or Audio
            The song: anything FFmpeg reads, the sound of a video included.
        options : Options, optional
            What to separate and how.
        progress : callable, optional
            Called a few times a second, from the thread that reads the blocks.
        cancel : CancelToken, optional
            Stops the separation between two windows of 12 s, which take a fraction of a second.

        Returns
        -------
        SeparationStream
            Iterate over it; use it as a context manager. Blocks are float32 (C, T) at the song's
            own rate; C is 1 for a mono song and 2 for all others.

        Raises
        ------
        SourceNotFound, UnsupportedAudio, CorruptAudio, EmptyAudio, AudioTooLong
            On opening, or while reading, as the damage shows.
        InvalidOption
            The model has no such stem.
        Cancelled
            While reading, after `cancel` was used.
        SeparationFailed
            At the end: the result did not pass its checks.

        Examples
        --------
        >>> with Separator().stream("song.mp3") as stream:            # doctest: +SKIP
        ...     for block in stream:
        ...         play(block.stems["vocals"])
        """
        options = options or Options()
        card, recipe = self.card, RECIPES[options.quality]
        plan = plan_tracks(card, options, complement=recipe.complement)
        self._find_weights(None)
        # Before the source is opened: a refusal must not leave it open.
        threads = self.runtime_info.threads
        reader = open_source(source, max_duration_s=options.max_duration_s)
        parts = StreamParts(
            reader=reader,
            prepare=partial(self._computation, recipe, plan.groups),
            plan=plan,
            model_rate=card.sample_rate,
            threads=threads,
            model=card.name,
            quality=options.quality,
            describe=partial(self._describe, options),
        )
        return SeparationStream(parts, progress, cancel)

    def separate(
        self,
        source: Source,
        options: Options | None = None,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> Separation:
        """Separate a song and keep its stems in memory.

        Parameters, errors: as `stream`.

        Returns
        -------
        Separation
            Every stem's `Stem.audio` holds its samples, as long as the song: about 21 MB per
            stereo minute and stem at 44.1 kHz. For long songs use `separate_to_files` or `stream`.
        """
        with self.stream(source, options, progress=progress, cancel=cancel) as stream:
            pieces: dict[str, list[Samples]] = {name: [] for name in stream.tracks}
            for block in stream:
                for name, samples in block.stems.items():
                    pieces[name].append(samples)
            result = stream.result
        stems = {
            name: replace(
                stem, audio=Audio(np.concatenate(pieces.pop(name), axis=1), result.sample_rate)
            )
            for name, stem in result.stems.items()
        }
        return replace(result, stems=stems)

    def separate_to_files(
        self,
        source: Source,
        directory: str | PathLike[str],
        options: Options | None = None,
        output: Output | None = None,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> Separation:
        """Separate a song into files.

        Parameters
        ----------
        source, options, progress, cancel
            As for `stream`.
        directory : path
            Where the files go; made if it is not there.
        output : Output, optional
            Format and names of the files.

        Returns
        -------
        Separation
            Every stem's `Stem.file` says where it is.

        Raises
        ------
        OutputExists
            A file is there already and `Output.overwrite` is False.
        OutputNotWritable, DiskFull
            The files cannot be written.
        StemhouseError
            Everything that `stream` raises.

        Notes
        -----
        All files appear at the end, under their names, when the result has passed its checks; or
        none does.
        """
        output = output or Output()
        provenance = self._provenance(options)
        with (
            self.stream(source, options, progress=progress, cancel=cancel) as stream,
            StemWriters(stream, Path(directory), output, provenance) as writers,
        ):
            for block in stream:
                writers.write(block)
            return writers.close(stream.result)

    def _find_weights(self, progress: FetchCallback | None) -> Path:
        """Return the folder of checked weights; find out where graphs made of them are kept."""
        card = self.card
        with self._loading:
            if self._weights is None:
                folder = _own_folder(self._model)
                if folder is None:
                    self._weights = self._store.ensure(
                        card, allow_download=self._allow_download, progress=progress
                    )
                    self._graphs = self._store.derived(card)
                else:
                    self._weights = self._store.check_folder(card, folder)
                    self._graphs = self._store.derived_of_folder(card)
            return self._weights

    def _chosen_runtime(self) -> Runtime:
        if self._runtime is None:
            self._runtime = choose_runtime(self._options)
        return self._runtime

    def _computation(self, recipe: Recipe, groups: tuple[tuple[int, ...], ...]) -> Computation:
        card = self.card
        return Computation(
            network=self._network(recipe),
            grid=self._grid(recipe),
            recipe=recipe,
            bins=_bins(card, recipe),
            groups=groups,
        )

    def _grid(self, recipe: Recipe) -> WindowGrid:
        card = self.card
        frames = card.window_frames
        return WindowGrid(
            stft=Stft(card.frame_length, card.frame_step),
            frames=frames,
            hop_frames=recipe.hop_frames,
            before=frames // recipe.hop_frames - 1 if recipe.whole_passes else 0,
        )

    def _network(self, recipe: Recipe) -> Network:
        """Return the network for a recipe's window, compiled once."""
        card, folder = self.card, self._find_weights(None)
        runtime = self._chosen_runtime()
        bins = _bins(card, recipe)
        with self._loading:
            if bins not in self._networks:
                self._networks[bins] = runtime.compile(
                    self._stored_graph(),
                    (card.channels, card.window_frames, bins),
                    partial(_build, card, folder),
                )
            return self._networks[bins]

    def _stored_graph(self) -> Path:
        assert self._graphs is not None, "weights are found before graphs are made of them"
        return self._graphs / f"network-{GRAPH_VERSION}-{_weights_digest(self.card)[:12]}"

    def _provenance(self, options: Options | None) -> str:
        quality = (options or Options()).quality
        digest = _weights_digest(self.card)[:12]
        return f"Stemhouse {__version__}, {self.card.name} {digest}, {quality}"

    def _describe(self, options: Options, facts: dict[str, Any]) -> Separation:
        return Separation(
            model=self.card.name,
            model_sha256=_weights_digest(self.card),
            engine_version=__version__,
            runtime=self.runtime_info,
            options=options,
            **facts,
        )


def _card_of(model: str | PathLike[str] | ModelCard) -> ModelCard:
    if isinstance(model, ModelCard):
        return model
    folder = _own_folder(model)
    return find_card(str(model)) if folder is None else load_card(folder / CARD_NAME)


def _own_folder(model: str | PathLike[str] | ModelCard) -> Path | None:
    """Return the folder of a model of the caller's own; None for one of the catalogue."""
    if isinstance(model, ModelCard):
        return None
    folder = Path(model)
    return folder if (folder / CARD_NAME).is_file() else None


def _bins(card: ModelCard, recipe: Recipe) -> int:
    # All bins but the topmost, which would make their number odd.
    return card.bins if recipe.band == "trained" else card.frame_length // 2


def _weights_digest(card: ModelCard) -> str:
    return max(card.files.values(), key=lambda file: file.size_bytes).sha256


def _build(card: ModelCard, folder: Path) -> bytes:
    from stemhouse.engine.checkpoint import read_checkpoint
    from stemhouse.engine.unet import build_graph

    return bytes(build_graph(read_checkpoint(folder), card).SerializeToString())
