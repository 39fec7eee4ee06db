# Debian's packages, where tests may install what is missing.

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import filelock


def install(package: str) -> bool:
    # True where it is there afterwards. Processes of one run of the tests wait for each other.
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    with filelock.FileLock(Path(tempfile.gettempdir(), "stemhouse-tests-apt.lock")):
        answers = [
            subprocess.run(["apt-get", *words], capture_output=True, timeout=240, check=False)
            for words in (["update", "-qq"], ["install", "-qq", "-y", package])
        ]
    return answers[-1].returncode == 0
