"""OpenVINO, imported without telling its maker.

On import OpenVINO sends a report of its use, from a forked process, if the package
`openvino_telemetry` can be imported; its own installation always brings that package along. Nothing
may leave this machine that its owner did not ask for, a fork of a process with threads may hang,
and the report takes a tenth of a second of every start. Where the package cannot be imported
OpenVINO does without, so for the time of this import it cannot be. A program that has imported
either of them before us keeps what it has.
"""

from __future__ import annotations

import sys

_REPORTER = "openvino_telemetry"

_hidden = _REPORTER not in sys.modules
if _hidden:
    sys.modules[_REPORTER] = None  # type: ignore[assignment]
try:
    import openvino
finally:
    if _hidden:
        del sys.modules[_REPORTER]

__all__ = ["openvino"]
