# Debian's packages, where tests may install what is missing.

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import filelock


def may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str) -> bool:
    # True where they are there afterwards. Processes of one run of the tests wait for each other:
    # apt-get serves one at a time.
    if not may_install():
        return False
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wanted = ["install", "-qq", "-y", "--no-install-recommends", *packages]
    with filelock.FileLock(Path(tempfile.gettempdir(), "stemhouse-tests-apt.lock")):
        answers = [
            subprocess.run(
                ["apt-get", *words], env=quiet, capture_output=True, timeout=600, check=False
            )
            for words in (["update", "-qq"], wanted)
        ]
    return answers[-1].returncode == 0
