"""Stemhouse takes songs apart.

The public engine API, and nothing else. Two doors: `separate` for one song, `Separator` for many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stemhouse._version import __version__

if TYPE_CHECKING:
    from stemhouse.engine.api import separate
    from stemhouse.engine.audio import Audio
    from stemhouse.engine.notices import Notice
    from stemhouse.engine.options import Options
    from stemhouse.engine.output import Output
    from stemhouse.engine.progress import CancelToken, Progress
    from stemhouse.engine.result import Separation, Stem, StemBlock
    from stemhouse.engine.runtime import RuntimeOptions
    from stemhouse.engine.separator import Separator
    from stemhouse.errors import StemhouseError

_HOMES = {
    "separate": "stemhouse.engine.api",
    "Audio": "stemhouse.engine.audio",
    "Notice": "stemhouse.engine.notices",
    "Options": "stemhouse.engine.options",
    "Output": "stemhouse.engine.output",
    "CancelToken": "stemhouse.engine.progress",
    "Progress": "stemhouse.engine.progress",
    "Separation": "stemhouse.engine.result",
    "Stem": "stemhouse.engine.result",
    "StemBlock": "stemhouse.engine.result",
    "RuntimeOptions": "stemhouse.engine.runtime",
    "Separator": "stemhouse.engine.separator",
    "StemhouseError": "stemhouse.errors",
}

__all__ = [
    "Audio",
    "CancelToken",
    "Notice",
    "Options",
    "Output",
    "Progress",
    "RuntimeOptions",
    "Separation",
    "Separator",
    "Stem",
    "StemBlock",
    "StemhouseError",
    "__version__",
    "separate",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use: `stemhouse --help` and every part of the service that only needs an
    # error or a version should not wait for numerical libraries.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'stemhouse' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(home), name)
    return value
