"""OpenVINO, imported without telling its maker, and without its tools.

On import OpenVINO sends a report of its use, from a forked process, if the package
`openvino_telemetry` can be imported; its own installation always brings that package along. Nothing
may leave this machine that its owner did not ask for, a fork of a process with threads may hang,
and the report takes a tenth of a second of every start. It also imports its converter of models of
other frameworks, which takes as long as all the rest of it. Where these packages cannot be imported
OpenVINO does without, so for the time of this import they cannot be. Afterwards the converter is
there for whoever asks for it. A program that has imported OpenVINO before us keeps what it has.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

_CONVERTER = "openvino.tools.ovc"
_HIDDEN = [name for name in ("openvino_telemetry", _CONVERTER) if name not in sys.modules]

for _name in _HIDDEN:
    sys.modules[_name] = None  # type: ignore[assignment]
try:
    import openvino
finally:
    for _name in _HIDDEN:
        del sys.modules[_name]


def _converter(name: str) -> Any:
    """Give whoever asks for `openvino.convert_model` what importing OpenVINO would have given."""
    if name != "convert_model":
        raise AttributeError(f"module 'openvino' has no attribute {name!r}")
    return import_module(_CONVERTER).convert_model


if not hasattr(openvino, "convert_model"):
    openvino.__getattr__ = _converter

__all__ = ["openvino"]
