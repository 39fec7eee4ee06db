"""Writes docs/openapi.json from the routes, or says whether it is current (--check)."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from pydantic import SecretStr

from stemhouse.api.app import create_app
from stemhouse.settings import Settings

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


def text() -> str:
    """Return what the file should hold: the document of an installation that sells.

    Without a key for payments their addresses do not exist, nor are they in what a running service
    tells of itself at /openapi.json.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder),
            secret_key=SecretStr("x" * 32),
            stripe_secret_key=SecretStr("only for the document"),
        )
        app = create_app(settings)
        document = app.openapi()
        app.state.services.engine.dispose()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    if parser.parse_args().check:
        current = DOCUMENT.is_file() and DOCUMENT.read_text() == text()
        print("current" if current else "docs/openapi.json is old: run python tools/openapi.py")
        return 0 if current else 1
    DOCUMENT.write_text(text())
    print("wrote docs/openapi.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
