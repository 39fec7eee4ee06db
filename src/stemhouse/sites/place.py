"""Where site files are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from stemhouse.settings import Settings

FOLDER: Final = "sites"
_PACKED: Final = "_sites"


def sites_folder(settings: Settings) -> Path:
    """Return the folder of this installation's sites: the operator's, or those that we bring."""
    if settings.sites_dir is not None:
        return settings.sites_dir
    own = settings.data_dir / FOLDER
    return own if own.is_dir() else shipped_folder()


def shipped_folder() -> Path:
    """Return the folder of the sites that come with Stemhouse."""
    package = Path(str(files("stemhouse")))
    packed = package / _PACKED
    # In a checkout they stand at the root, beside src; a wheel has them inside the package.
    return packed if packed.is_dir() else package.parents[1] / FOLDER
