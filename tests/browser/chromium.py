# The browser of the system. Nobody downloads one: Debian's package is the one that is tested.

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.service.debian import install, may_install

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
    if not may_install():
        pytest.skip(MISSING)
    install("chromium", "fonts-dejavu-core")
    return installed() or pytest.fail("apt installed no chromium")


def installed() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


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
