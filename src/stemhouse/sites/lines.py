"""In which line of a TOML file each key stands; the standard library's reader does not tell.

The text has been read by ``tomllib`` before, so it is TOML: only strings, comments and brackets
have to be known here, to find where each statement begins.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

# What may hide a line break, a bracket or an equals sign: comments, then strings of four kinds.
_TOKEN = re.compile(
    r"#[^\n]*"
    r'|"""(?:[^\\]|\\.)*?"""(?!")'
    r"|'''.*?'''(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|[\[{]|[\]}]|\n|=|[^#\"'\[\]{}\n=]+|.",
    re.DOTALL,
)
# A key without quotes and spaces, as nearly all are: it need not be parsed to be taken apart.
_BARE = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


class Lines:
    """The lines of a document's keys.

    Parameters
    ----------
    text : str
        TOML that can be read.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        tables: Counter[Path] = Counter()
        above: Path = ()
        for line, statement in _statements(text):
            if statement.startswith("["):
                listed = statement.startswith("[[")
                inner = statement.strip("[] \t\r")
                above = self._resolve(_keys(inner), tables, new=listed)
                self._lines.setdefault(above, line)
            else:
                path = above + _keys(statement)
                self._lines.setdefault(path, line)

    def of(self, path: Path) -> int:
        """Return the line of a key, or of the nearest thing above it; from 1 on."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
            below = [known for known in self._lines if known[:length] == path[:length]]
            if below:
                return min(self._lines[known] for known in below)
        return 1

    @staticmethod
    def _resolve(keys: Path, tables: Counter[Path], *, new: bool) -> Path:
        """Put the numbers of entries into the path of a header: [[a]] twice is a, 0 and a, 1."""
        path: Path = ()
        for position, key in enumerate(keys):
            path += (key,)
            if new and position == len(keys) - 1:
                tables[path] += 1
            if tables[path]:
                path += (tables[path] - 1,)
        return path


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header, and what stands before each first equals sign, with its line."""
    line, depth, begun, statement, in_value = 1, 0, 1, "", False
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == "\n" and depth == 0:
            if statement.strip():
                yield begun, statement.strip()
            statement, in_value = "", False
        elif not token.startswith("#"):
            if token in "[{" or token in "]}":
                depth += 1 if token in "[{" else -1
            if token == "=" and depth == 0:
                in_value = True
            if not in_value:
                if not statement.strip():
                    statement, begun = "", line
                statement += token
        line += token.count("\n")
    if statement.strip():
        yield begun, statement.strip()


def _keys(text: str) -> Path:
    """Return the parts of a key: ``a."b.c"`` is two."""
    if _BARE.fullmatch(text):
        return tuple(text.split("."))
    table: Any = tomllib.loads(f"{text} = 0")
    keys: list[str] = []
    while isinstance(table, dict):
        key, table = next(iter(table.items()))
        keys.append(key)
    return tuple(keys)
