"""The folder of weights on this machine: find, fetch, check, add and remove them.

Below the store's root each model has one folder, named like its card::

    models/spleeter-2stems/model.index
                           model.data-00000-of-00001
                           derived/        graphs and compiled blobs made from these weights

A folder appears under its name complete and checked, or not at all.
"""

from __future__ import annotations

import contextlib
from hashlib import sha256
from pathlib import Path

import platformdirs

from stemhouse.engine.checkpoint import read_checkpoint
from stemhouse.engine.model_card import FileDigest, ModelCard
from stemhouse.engine.weights_errors import checksum_mismatch, not_installed, storage_errors
from stemhouse.engine.weights_progress import FetchCallback, FetchProgress
from stemhouse.engine.weights_stamp import (
    DERIVED,
    Stamp,
    describe,
    hash_file,
    read_stamp,
    write_stamp,
)
from stemhouse.errors import ModelChecksumMismatch, ModelError, ModelNotFound

# What fetches and installs is imported where it is used: a start with the weights in place needs
# none of it, and it takes longer to import than the weights to locate.

__all__ = ["FetchCallback", "FetchProgress", "ModelStore", "default_root"]


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
    is located. Hashing 80 to 200 MB costs 0.1 to 0.5 s, and more from a slow disk; to spare every
    start that, a stamp in the folder of derived artefacts (size, modification time, inode and
    SHA-256 of each file) vouches for files that have not changed since they were last hashed.
    `verify` never trusts the stamp.

    *Safety.* Any number of processes may use one root at once. Changes are made under a lock file,
    in a temporary folder beside the final one, and published by renaming.

    Examples
    --------
    >>> from pathlib import Path
    >>> from stemhouse.engine.catalogue import find_card
    >>> from stemhouse.engine.weights import ModelStore
    >>> store = ModelStore(Path("no-such-folder"))
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
        from stemhouse.engine.weights_install import install, locked
        from stemhouse.engine.weights_sources import ways_to

        ways = ways_to(card, source, progress)
        with locked(self.root, card):
            # Another process may have done the work while this one waited for the lock.
            with contextlib.suppress(ModelError):
                return self.locate(card)
            install(self.root, card, ways)
        return self.locate(card)

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
        from stemhouse.engine.weights_install import install, locked
        from stemhouse.engine.weights_sources import way_from

        way = way_from(from_path)
        with locked(self.root, card):
            install(self.root, card, [way])
        return self.locate(card)

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
        from stemhouse.engine.weights_install import locked, uninstall

        if not self._folder(card).is_dir():
            raise not_installed(card)
        with locked(self.root, card):
            return uninstall(self.root, card)

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
        folder = self._folder(card) / DERIVED
        with storage_errors(folder.parent):
            folder.mkdir(exist_ok=True)
        return folder

    def check_folder(self, card: ModelCard, folder: Path) -> Path:
        """Check weights that lie in a folder outside the store; return that folder.

        Raises
        ------
        ModelNotFound
            A file is missing or cannot be read.
        ModelChecksumMismatch
            A file is not what `card` promises.
        """
        self._hash_files(card, folder)
        return folder

    def derived_of_folder(self, card: ModelCard) -> Path:
        """Return a folder for what is made from weights outside the store, told apart by hash."""
        digests = "".join(digest.sha256 for _, digest in sorted(card.files.items()))
        folder = self.root / ".outside" / sha256(digests.encode()).hexdigest()[:16]
        with storage_errors(self.root):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _folder(self, card: ModelCard) -> Path:
        return self.root / card.name

    def _stamp_vouches(self, card: ModelCard) -> bool:
        folder = self._folder(card)
        stamp = read_stamp(folder / DERIVED)
        with contextlib.suppress(OSError):
            return all(
                stamp.get(name) == describe(folder / name, digest.sha256)
                for name, digest in card.files.items()
            )
        return False

    def _hash_all(self, card: ModelCard) -> Path:
        folder = self._folder(card)
        write_stamp(folder / DERIVED, self._hash_files(card, folder))
        return folder

    def _hash_files(self, card: ModelCard, folder: Path) -> Stamp:
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
        return stamp


def _damaged_here(card: ModelCard, error: ModelChecksumMismatch) -> ModelChecksumMismatch:
    message = f"{error.message}. Fetch it again with `stemhouse models pull {card.name}`"
    return ModelChecksumMismatch(message, **error.details)
