"""The log: one line per event, as JSON or text, with the request or job it belongs to.

Secrets, names of songs and people's addresses do not get there: parameters of statements are
hidden by the database's engine, addresses of requests are logged as the route's pattern, what has
the shape of one of our secrets is blackened, and what a request names as private is too.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from stemhouse.settings import Settings

_STANDARD = frozenset(
    (*vars(logging.makeLogRecord({})), "message", "asctime", "color_message", "taskName")
)
_SECRETS: Final = re.compile(
    # At the beginning of a word (wrk_ is none), of which JSON writes the one before as \n.
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))(?:shk_|whsec_|sk_|rk_)[A-Za-z0-9_\-+/=]{8,}"
    r"|(?<=Bearer )[^\s\"']+"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # user and password in an address
    r"|[\w.+-]+@[\w-]+\.[\w.-]+",  # an e-mail address
)
_BLACK: Final = "[hidden]"

_facts: ContextVar[dict[str, Any]] = ContextVar("stemhouse_log_facts", default={})  # noqa: B039
_private: ContextVar[list[str] | None] = ContextVar("stemhouse_log_private", default=None)


@contextmanager
def log_facts(**facts: Any) -> Iterator[None]:
    """Add facts, such as ``job_id``, to every line that is logged inside."""
    before = _facts.set({**_facts.get(), **facts})
    private = _private.set([*(_private.get() or ())])
    try:
        yield
    finally:
        _facts.reset(before)
        _private.reset(private)


def keep_private(*texts: str) -> None:
    """Blacken texts, such as the name of a song, in what the present request or job logs."""
    kept = _private.get()
    if kept is not None:
        kept.extend(text for text in texts if len(text) > 2)


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        values: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            values["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        return _blacken(json.dumps(values, default=str, ensure_ascii=False))


class TextLines(logging.Formatter):
    """Lines for people in front of a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback after it."""
        extras = " ".join(f"{name}={value}" for name, value in _extras(record).items())
        time = _moment(record)[11:19]
        line = f"{time} {record.levelname.lower():<7} {record.getMessage()} {extras}".rstrip()
        if record.exc_info and record.exc_info[1] is not None:
            line += "\n" + "".join(traceback.format_exception(record.exc_info[1]))
        return _blacken(line)


def configure_logging(settings: Settings) -> None:
    """Set up the log of this process; for entry points only."""
    as_text = settings.log_format == "text" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextLines() if as_text else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("stemhouse").setLevel(settings.log_level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # Its lines hold whole addresses, with identifiers and signatures in them.
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(True)


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    own = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return {**_facts.get(), **own}


def _blacken(line: str) -> str:
    for text in _private.get() or ():
        line = line.replace(text, _BLACK).replace(json.dumps(text)[1:-1], _BLACK)
    return _SECRETS.sub(_BLACK, line)
