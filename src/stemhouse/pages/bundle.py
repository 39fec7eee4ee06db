"""The scripts and styles that Vite built: which files an entry point needs, and the files."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

import stemhouse

BUILT: Final = Path(stemhouse.__file__).parent / "_ui"
_ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}
_SERVED: Final = frozenset(
    {".css", ".js", ".svg", ".woff2", ".png", ".webp", ".jpg", ".flac", ".mp3"}
)


class BundleMissing(RuntimeError):
    """The pages were not built: a fault of the installation, not of a request."""


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """One file, as it is and compressed."""

    name: str
    data: bytes
    compressed: dict[str, bytes]

    def encoded_for(self, accepted: str) -> tuple[str, bytes]:
        """Return the encoding to answer with, "" for none, and the bytes."""
        names = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
        for encoding, data in self.compressed.items():
            if encoding in names:
                return encoding, data
        return "", self.data


@dataclass(slots=True)
class Bundle:
    """A folder that Vite wrote; read again when it was built again, as developers do."""

    folder: Path
    _manifest: dict[str, dict[str, Any]] = field(default_factory=dict)
    _files: dict[str, BuiltFile] = field(default_factory=dict)
    _built_ns: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tags(self, entry: str, root: str = "") -> Markup:
        """Return the tags of an entry point such as ``src/app/site.ts``, for the head of a page.

        ``root`` is the site's root path: "" or ``/s/NAME``.
        """
        self._refresh()
        base = f"{root}/assets/"
        return Markup("\n").join(self._tags(entry, base))

    def file(self, name: str) -> BuiltFile | None:
        """Return a built file; None where there is none of that name."""
        self._refresh()
        return self._files.get(name)

    def named(self, beginning: str) -> str:
        """Return the name of the built file that begins so, its hash aside."""
        self._refresh()
        found = next((name for name in self._files if name.startswith(f"{beginning}-")), None)
        if found is None:
            raise BundleMissing(f"nothing that was built is called {beginning}: run make ui")
        return found

    def _tags(self, entry: str, base: str) -> Iterator[Markup]:
        if entry not in self._manifest:
            raise BundleMissing(f"{entry} is no entry point of the pages' scripts")
        chunks = [self._manifest[key] for key in self._with_imports(entry)]
        first, *imported = chunks
        styles = [name for chunk in chunks for name in chunk.get("css", [])]
        if first["file"].endswith(".css"):
            yield _style(base + first["file"])
            return
        yield from (_style(base + name) for name in dict.fromkeys(styles))
        yield Markup('<script type="module" src="{}"></script>').format(base + first["file"])
        for chunk in imported:
            yield Markup('<link rel="modulepreload" href="{}">').format(base + chunk["file"])

    def _with_imports(self, entry: str) -> list[str]:
        found: dict[str, None] = {}
        waiting = [entry]
        while waiting:
            key = waiting.pop(0)
            if key not in found:
                found[key] = None
                waiting += self._manifest[key].get("imports", [])
        return list(found)

    def _refresh(self) -> None:
        path = self.folder / "manifest.json"
        try:
            built_ns = path.stat().st_mtime_ns
        except FileNotFoundError:
            raise BundleMissing("the scripts of the pages are not built: run make ui") from None
        if built_ns == self._built_ns:
            return
        with self._lock:
            self._manifest = json.loads(path.read_bytes())
            self._files = {
                one.name: _read(one) for one in self.folder.iterdir() if one.suffix in _SERVED
            }
            self._built_ns = built_ns


def _style(address: str) -> Markup:
    return Markup('<link rel="stylesheet" href="{}">').format(address)


def _read(path: Path) -> BuiltFile:
    compressed = {
        encoding: beside.read_bytes()
        for encoding, ending in _ENCODINGS.items()
        if (beside := path.with_name(path.name + ending)).exists()
    }
    return BuiltFile(path.name, path.read_bytes(), compressed)


_BUNDLE: Final = Bundle(BUILT)


def bundle(entry: str, root: str = "") -> Markup:
    """Return the tags of an entry point of this installation; templates call it."""
    return _BUNDLE.tags(entry, root)


def built_file(name: str) -> BuiltFile | None:
    """Return a built file of this installation."""
    return _BUNDLE.file(name)


def built_font(beginning: str) -> str:
    """Return the name of a built font, such as ``figtree-latin-wght-normal-D_ZTVpCC.woff2``."""
    return _BUNDLE.named(beginning)
