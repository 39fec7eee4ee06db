"""What `stemhouse separate` will most likely need is begun before its words are understood.

To understand them takes as long as to compile the network, and a second core is idle meanwhile. So
the usual model is compiled while the command line, the codecs and the song are being opened. The
words that decide otherwise are looked for by their spelling alone. A wrong guess costs time and is
never used: the model is handed over only to whoever asked for just that.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stemhouse.engine.loading import LoadedModel
    from stemhouse.engine.runtime.options import RuntimeOptions

_DECIDING = (
    *("--model", "-m", "--models-dir", "--help", "-h"),
    *("--provider", "--device", "--precision", "--threads", "--allow-fallback"),
)
_QUALITY = ("--quality", "-q")
_USUAL_QUALITY = "standard"

MODELS_DIR_VARIABLE = "STEMHOUSE_MODELS_DIR"
"""What the service calls its folder of weights: every command then means the same folder."""


def likely_quality(words: Sequence[str]) -> str | None:
    """Return the quality that these words most likely ask for; None if they are not usual."""
    if not words or words[0] != "separate" or len(words) == 1:
        return None
    quality = _USUAL_QUALITY
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, given, value = word.partition("=")
        if not word.startswith("--"):  # -q fast or -qfast
            name, given, value = word[:2], word[2:], word[2:]
        if name in _DECIDING:
            return None
        if name in _QUALITY:
            quality = value if given else following
    return quality


def usual_models_dir(environment: Mapping[str, str]) -> Path | None:
    """Return the folder of weights that the environment names, as ``--models-dir`` reads it."""
    named = environment.get(MODELS_DIR_VARIABLE)
    return Path(named) if named else None


class EarlyStart:
    """Loads the default model for a quality, in a thread, from its making on.

    Parameters
    ----------
    quality : str
        As typed; one that does not exist loads nothing.
    models_dir : Path, optional
        Where weights are kept, if not in the user's cache.
    """

    def __init__(self, quality: str, models_dir: Path | None = None) -> None:
        self._quality = quality
        self._models_dir = models_dir
        self._imported = threading.Event()
        thread = ThreadPoolExecutor(1, "stemhouse-early")
        self._loading = thread.submit(self._load)
        thread.shutdown(wait=False)
        # Imports side by side only take turns; compiling, which comes next, needs no turn.
        self._imported.wait()

    def take(
        self, model: str, models_dir: Path | None, runtime: RuntimeOptions, quality: str
    ) -> LoadedModel | None:
        """Return the loaded model if it is what is asked for, waiting until it is there.

        None if it is not, or if it could not be loaded: whoever loads it again learns why.
        """
        from stemhouse.engine.loading import DEFAULT_MODEL
        from stemhouse.engine.runtime.options import RuntimeOptions

        asked = (model, models_dir, runtime, quality)
        begun = (DEFAULT_MODEL, self._models_dir, RuntimeOptions(), self._quality)
        if asked != begun or self._loading.exception():
            return None
        return self._loading.result()

    def _load(self) -> LoadedModel:
        try:
            from stemhouse.engine.loading import DEFAULT_MODEL, LoadedModel
            from stemhouse.engine.recipes import RECIPES
            from stemhouse.engine.runtime import openvino  # noqa: F401 - the longest of them
            from stemhouse.engine.runtime.options import RuntimeOptions
            from stemhouse.engine.weights import ModelStore

            store = ModelStore(self._models_dir)
            loaded = LoadedModel(DEFAULT_MODEL, RuntimeOptions(), store, allow_download=False)
            recipe = RECIPES[self._quality]  # type: ignore[index]
            loaded.find_weights()
        finally:
            self._imported.set()
        loaded.network(recipe)
        return loaded
