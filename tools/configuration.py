"""Writes docs/configuration.md from the settings, or checks that it says what they say."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stemhouse.settings_view import configuration_page

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    arguments = parser.parse_args()
    page = configuration_page()
    if not arguments.check:
        PAGE.write_text(page)
    elif not PAGE.exists() or PAGE.read_text() != page:
        print("error: docs/configuration.md is stale: run tools/configuration.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
