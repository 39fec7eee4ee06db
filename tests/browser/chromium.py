# The browser of the system. Nobody downloads one: Debian's package is the one that is tested.

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, sync_playwright

MISSING = "there is no Chromium: install the package chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def find_chromium() -> str:
    # Root on Debian gets it by apt, as the tests' PostgreSQL; others are told to install it.
    if found := installed():
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        # Tests run in several processes; apt-get serves one at a time.
        with FileLock(Path(tempfile.gettempdir()) / "stemhouse-chromium.lock"):
            return installed() or install()
    pytest.skip(MISSING)


def installed() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> str:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet)
    wanted = ["chromium", "fonts-dejavu-core"]
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted]
    subprocess.run(command, check=True, env=quiet, stdout=subprocess.DEVNULL)
    return installed() or pytest.fail("apt installed no chromium")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    # For make: tests that only skip would pass for tests that ran.
    try:
        find_chromium()
    except pytest.skip.Exception:
        sys.exit(f"error: {MISSING}")
