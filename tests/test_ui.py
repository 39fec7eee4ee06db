# The working parts of the pages: what is generated and what is built is current.

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(action: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/ui.py", action]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)


def test_the_types_of_the_api_follow_from_its_description() -> None:
    answer = run("compare-types")

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_what_is_built_follows_from_its_sources() -> None:
    assert run("fresh").returncode == 0


def test_the_lock_file_has_hashes_and_no_addresses() -> None:
    text = (ROOT / "ui" / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]

    unhashed = [name for name, facts in packages.items() if name and "integrity" not in facts]

    assert '"resolved"' not in text
    assert len(packages) > 1
    assert not unhashed
