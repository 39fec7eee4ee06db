"""Writes docs/sites.md and docs/site.schema.json from the schema of site files, or compares them
with it (--check).
"""

from __future__ import annotations

import sys
from pathlib import Path

from stemhouse.sites.page import key_tables
from stemhouse.sites.starting import site_schema

DOCS = Path(__file__).parents[1] / "docs"
HEAD = Path(__file__).parent / "sites_head.md"


def main() -> None:
    written = {
        "sites.md": HEAD.read_text("utf-8") + "\n" + key_tables(),
        "site.schema.json": site_schema(),
    }
    for name, text in written.items():
        path = DOCS / name
        if "--check" not in sys.argv:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            sys.exit(f"error: docs/{name} is stale: run make documents")


if __name__ == "__main__":
    main()
