"""The separator: one loaded model for many songs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from stemhouse._version import __version__
from stemhouse.engine.audio import Audio, Samples
from stemhouse.engine.codec import Source, open_source
from stemhouse.engine.loading import DEFAULT_MODEL, LoadedModel, ModelChoice
from stemhouse.engine.model_card import ModelCard
from stemhouse.engine.options import Options
from stemhouse.engine.output import Output, StemWriters
from stemhouse.engine.progress import CancelToken, ProgressCallback
from stemhouse.engine.recipes import RECIPES
from stemhouse.engine.result import Separation
from stemhouse.engine.runtime import RuntimeInfo, RuntimeOptions
from stemhouse.engine.stream import SeparationStream, StreamParts
from stemhouse.engine.tracks import plan_tracks
from stemhouse.engine.weights import FetchCallback, ModelStore


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
    >>> from stemhouse import Options, Output, Separator
    >>> with Separator("spleeter-2stems") as separator:
    ...     for song in ["examples/voice-over-guitars.flac"]:
    ...         result = separator.separate_to_files(
    ...             song, "stems", Options(stems=("vocals",)), Output(format="flac")
    ...         )
    ...         print(result.stems["vocals"].file.path.as_posix())
    stems/voice-over-guitars/vocals.flac
    """

    def __init__(
        self,
        model: ModelChoice = DEFAULT_MODEL,
        *,
        runtime: RuntimeOptions | None = None,
        store: ModelStore | None = None,
        allow_download: bool = True,
    ) -> None:
        self._model = LoadedModel(
            model,
            runtime or RuntimeOptions(),
            store or ModelStore(),
            allow_download=allow_download,
        )

    @classmethod
    def of(cls, model: LoadedModel) -> Self:
        """Make a separator of a model that is being loaded, or is loaded, already."""
        separator = cls()
        separator._model = model
        return separator

    @property
    def card(self) -> ModelCard:
        """The model's card: its stems, licence and network."""
        return self._model.card

    @property
    def runtime_info(self) -> RuntimeInfo:
        """What runs the network, chosen on first use."""
        return self._model.runtime.info

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
        self._model.find_weights(progress)
        self._model.network(recipe)
        return self

    def close(self) -> None:
        """Free the compiled networks. A closed separator loads again when it is used."""
        self._model.close()

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
        >>> from stemhouse import Options, Separator
        >>> separator, options = Separator(), Options(quality="fast")
        >>> with separator.stream("examples/voice-over-guitars.flac", options) as stream:
        ...     sum(block.stems["vocals"].shape[1] for block in stream)
        529200
        """
        options = options or Options()
        card, recipe = self.card, RECIPES[options.quality]
        plan = plan_tracks(card, options, complement=recipe.complement)
        self._model.find_weights()
        # Before the source is opened: a refusal must not leave it open.
        threads = self.runtime_info.threads
        reader = open_source(source, max_duration_s=options.max_duration_s)
        parts = StreamParts(
            reader=reader,
            prepare=partial(self._model.computation, recipe, plan.groups),
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

        Parameters
        ----------
        source, options, progress, cancel
            As for `stream`.

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

    def _provenance(self, options: Options | None) -> str:
        quality = (options or Options()).quality
        digest = self._model.digest[:12]
        return f"Stemhouse {__version__}, {self.card.name} {digest}, {quality}"

    def _describe(self, options: Options, facts: dict[str, Any]) -> Separation:
        return Separation(
            model=self.card.name,
            model_sha256=self._model.digest,
            engine_version=__version__,
            runtime=self.runtime_info,
            options=options,
            **facts,
        )
