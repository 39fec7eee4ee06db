# Rules about the text of the whole repository, whatever the file.

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

IN_THE_ROOT = {
    *(".ci", ".editorconfig", ".gitignore", "Makefile", "pyproject.toml", "requirements"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "THIRD_PARTY.md"),
    *("bench", "deploy", "docs", "examples", "sites", "src", "tests", "tools", "ui"),
}
# Put together here, so that this file does not hold what it looks for.
REGISTRIES = re.compile("|".join([r"pypi\." + "org", "python" + "hosted", r"npmjs\." + "org"]))
HOME_FOLDERS = re.compile(r"/(?:root|home/[a-z]+|Users/[A-Za-z]+)/")
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout: there is no list of tracked files")
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def holding(tracked: list[Path], pattern: re.Pattern[str]) -> list[str]:
    texts = {path: (ROOT / path).read_bytes().decode("utf-8", "ignore") for path in tracked}
    return [str(path) for path, text in texts.items() if pattern.search(text)]


def test_no_file_names_a_package_registry(tracked: list[Path]) -> None:
    assert not holding(tracked, REGISTRIES)


def test_no_file_names_a_folder_of_one_machine(tracked: list[Path]) -> None:
    assert not holding(tracked, HOME_FOLDERS)


def test_the_root_stays_clean(tracked: list[Path]) -> None:
    assert {path.parts[0] for path in tracked} <= IN_THE_ROOT


def test_modules_are_named_for_what_they_hold(tracked: list[Path]) -> None:
    names = {part.removesuffix(".py") for path in tracked for part in path.parts}

    assert not names & EMPTY_NAMES


def test_no_weights_and_no_pickles_are_tracked(tracked: list[Path]) -> None:
    large = [path for path in tracked if (ROOT / path).stat().st_size > 3_000_000]
    pickles = [path for path in tracked if path.suffix in {".pkl", ".pickle", ".pt", ".pth"}]

    assert not large
    assert not pickles


def test_requirement_files_are_current_hashed_and_free_of_addresses() -> None:
    check = [sys.executable, "tools/requirements.py", "--check"]

    answer = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)

    assert answer.returncode == 0, answer.stderr


def test_python_versions_agree_everywhere() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    finder = (ROOT / "tools" / "make-venv.sh").read_text()

    assert 'requires-python = ">=3.11,<3.14"' in project
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in finder


def test_the_changelog_has_unreleased_on_top_with_upgrade_notes() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    sections = re.findall(r"(?m)^## (.+)$", text)
    bodies = re.split(r"(?m)^## .+$", text)[1:]

    assert sections[0] == "Unreleased"
    assert all("### Upgrading" in body for body in bodies)


def test_every_decision_says_how_it_is_enforced() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [int(path.name[:4]) for path in decisions]
    silent = [path.name for path in decisions if "## How it is enforced" not in path.read_text()]

    assert numbers == list(range(1, len(numbers) + 1))
    assert not silent


def test_every_package_of_the_default_install_is_listed_with_its_licence() -> None:
    pinned = re.findall(r"(?m)^([a-z0-9-]+)==", (ROOT / "requirements" / "run.txt").read_text())
    listed = re.findall(r"(?m)^\| ([a-z][a-z0-9-]*) +\|", (ROOT / "THIRD_PARTY.md").read_text())

    assert set(pinned) == set(listed) - {
        "package",
        "weights",
        "file",
        "font",
        "script",
    }  # heads of the tables
