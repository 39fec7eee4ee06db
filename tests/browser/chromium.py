# The browser of the system. Nobody downloads one: Debian's package is the one that is tested.

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

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
    if found := next((path for name in NAMES if (path := shutil.which(name))), None):
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet)
        wanted = ["chromium", "fonts-dejavu-core"]
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted]
        subprocess.run(command, check=True, env=quiet, stdout=subprocess.DEVNULL)
        return shutil.which("chromium") or pytest.fail("apt installed no chromium")
    pytest.skip("there is no Chromium: install the package chromium")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
