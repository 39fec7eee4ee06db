"""What must be said about a result but is not an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing a caller should know: a down-mix, a resampling, clipped samples, a silent stem.

    Attributes
    ----------
    code : str
        Stable identifier, such as ``downmixed`` or ``clipped``.
    message : str
        One sentence for people.
    details : Mapping
        JSON-serialisable facts for programs.

    Examples
    --------
    >>> from stemhouse import Notice
    >>> Notice("clipped", "3 samples were limited", {"clipped_samples": 3}).code
    'clipped'
    """

    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
