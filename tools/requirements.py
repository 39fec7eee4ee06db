"""Resolves the hashed requirement files from pyproject.toml, or checks that they are current.

One resolution serves Python 3.11 to 3.13 on Linux, macOS and Windows: where versions must differ,
the lines carry markers. The files name no package index, so every user's own settings apply.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
FINGERPRINT = "# inputs sha256:"


def wanted(project: dict[str, Any]) -> dict[str, list[str]]:
    """Return what each file is resolved from; later files agree with the earlier ones."""
    package, groups = project["project"], project["dependency-groups"]
    extras = package["optional-dependencies"]
    return {
        "run": package["dependencies"],
        "build": [*project["build-system"]["requires"]],
        "ui": [*groups["ui"]],
        "dev": [
            *package["dependencies"],
            *extras["onnxruntime"],
            *extras["redis"],
            *extras["otel"],
            *project["build-system"]["requires"],
            *groups["test"],
            *groups["check"],
        ],
    }


def fingerprint(requirements: list[str], requires_python: str) -> str:
    text = json.dumps([requires_python, sorted(requirements)])
    return hashlib.sha256(text.encode()).hexdigest()


def resolve(name: str, requirements: list[str], header: str, *, upgrade: bool) -> None:
    target = FOLDER / f"{name}.txt"
    constraints = [FOLDER / f"{other}.txt" for other in ("run", "build") if name == "dev"]
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, f"{name}.in"), Path(folder, f"{name}.txt")
        source.write_text("\n".join(requirements) + "\n")
        if target.exists() and not upgrade:
            result.write_text(target.read_text())
        command = [
            *(sys.executable, "-m", "uv", "pip", "compile", str(source)),
            *("--universal", "--python-version", "3.11", "--generate-hashes"),
            *("--no-annotate", "--no-header", "--no-emit-index-url", "--quiet"),
            *("--output-file", str(result)),
        ]
        for constraint in constraints:
            command += ["--constraint", str(constraint)]
        subprocess.run(command, check=True)
        target.write_text(header + result.read_text())


def problems(name: str, expected: str) -> list[str]:
    """Return what is wrong with a requirement file: stale, without hashes, naming an index."""
    path = FOLDER / f"{name}.txt"
    text = path.read_text() if path.exists() else ""
    found = []
    if FINGERPRINT + expected not in text:
        found.append(f"{path.name} does not follow from pyproject.toml: run make requirements")
    for entry in re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", text)):
        if entry.strip() and "--hash=sha256:" not in entry:
            found.append(f"{path.name}: no hash for {entry.splitlines()[0]}")
    if "://" in text or re.search(r"(?m)^\s*(-i|-f|--(extra-)?index-url|--find-links)", text):
        found.append(f"{path.name} names a package index")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether they are current")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    arguments = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    requires_python = project["project"]["requires-python"]
    found = []
    for name, requirements in wanted(project).items():
        digest = fingerprint(requirements, requires_python)
        if not arguments.check:
            header = f"# Made by: make requirements\n{FINGERPRINT}{digest}\n"
            resolve(name, requirements, header, upgrade=arguments.upgrade)
        found += problems(name, digest)
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
