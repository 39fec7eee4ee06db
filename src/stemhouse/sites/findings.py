"""What can be wrong with a site file, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stemhouse.errors import InvalidSites
from stemhouse.sites.lines import Lines
from stemhouse.sites.lines import Path as Keys
from stemhouse.sites.schema import Site

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a site that is wrong, or that its operator should know."""

    key: Keys
    message: str
    mend: str
    severity: Severity = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A finding with its place: what people are told."""

    file: Path
    line: int
    key: str
    message: str
    mend: str
    severity: Severity = "error"

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.file}:{self.line}: {key}{self.message} ({self.mend})"


def placed(file: Path, lines: Lines | None, findings: Sequence[Finding]) -> list[Problem]:
    """Find the lines of findings."""
    return [
        Problem(
            file=file,
            line=1 if lines is None else lines.of(one.key),
            key=".".join(map(str, one.key)),
            message=one.message,
            mend=one.mend,
            severity=one.severity,
        )
        for one in findings
    ]


def refusal(problems: Sequence[Problem]) -> InvalidSites:
    """Return the error that names what is wrong."""
    told = [str(problem) for problem in problems if problem.severity == "error"]
    return InvalidSites("site files cannot be used: " + "; ".join(told), problems=told)


def explain(errors: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Turn what pydantic found into findings with mends."""
    for error in errors:
        key = tuple(part for part in error["loc"] if part != "[key]")
        yield Finding(key=key, message=_message(error), mend=_mend(key, str(error["type"])))


def _message(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such key"
    if error["type"] == "missing":
        return "is missing"
    text = str(error["msg"])
    return f"{text[:1].lower()}{text[1:]}, not {_shortened(error['input'])}"


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _mend(key: Keys, kind: str) -> str:
    table, field = _schema_at(key)
    if kind == "extra_forbidden" and table is not None:
        known = list(table.model_fields)
        close = difflib.get_close_matches(str(key[-1]), known, 1)
        return f"did you mean {close[0]}?" if close else f"known are: {', '.join(sorted(known))}"
    if field is not None and field.description:
        return f"it says: {field.description}"
    return "docs/sites.md describes every key"


def _schema_at(key: Keys) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """Return the table that a key is in, and the key's field where there is one."""
    table: type[BaseModel] | None = Site
    field: FieldInfo | None = None
    inside: Any = None
    for part in key:
        if table is not None and inside is None:
            field = table.model_fields.get(str(part))
            if field is None:
                return table, None
            inside = field.annotation
        else:
            inside = _entry(inside)
        found = _table_in(inside)
        if found is not None:
            table, inside = found, None
    return table, field


def _entry(annotation: Any) -> Any:
    """Return what a list or table of something holds."""
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


def _table_in(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *get_args(annotation)):
        direct = get_origin(annotation) not in {dict, tuple}
        if direct and isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None
