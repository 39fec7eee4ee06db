"""Runs the service for those who change it: every save builds the pages and starts it anew.

Arguments go to ``stemhouse serve``. Jobs go on after a reload, as after any other end of a worker.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

ROOT = Path(__file__).resolve().parent.parent
WATCHED = [ROOT / "src" / "stemhouse", ROOT / "sites"]
ENDINGS = {".py", ".html", ".toml", ".css", ".js", ".svg", ".md"}
LOOK_S = 0.5


def sources() -> Iterator[tuple[str, int]]:
    for folder in WATCHED:
        for path in folder.rglob("*"):
            if path.suffix in ENDINGS and "_ui" not in path.parts:
                yield str(path), path.stat().st_mtime_ns


def serve(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "stemhouse", "serve", *arguments])


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def follow(arguments: list[str], ended: Event) -> None:
    seen = set(sources())
    server = serve(arguments)
    try:
        while not ended.wait(LOOK_S):
            if (now := set(sources())) == seen:
                continue
            seen = now
            print("A source has changed: the service starts anew.", flush=True)
            end(server)
            server = serve(arguments)
    finally:
        end(server)


def main() -> int:
    # Whoever ends this one ends all that it started, also what is just being started.
    ended = Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    tool = [sys.executable, str(ROOT / "tools" / "ui.py")]
    if failed := subprocess.run([*tool, "build"], check=False).returncode:
        return failed
    pages = subprocess.Popen([*tool, "watch"])
    try:
        follow(sys.argv[1:], ended)
    except KeyboardInterrupt:
        return 0
    finally:
        end(pages)
    return 0


if __name__ == "__main__":
    sys.exit(main())
