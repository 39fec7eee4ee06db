"""The list of modules that hold tables, for Alembic and for whoever needs all of them.

The names are imported late, so that this package stays below the domains.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from sqlalchemy import MetaData

from stemhouse.db.base import Base

TABLE_MODULES = (
    "stemhouse.http.tables",
    "stemhouse.domains.accounts.tables",
    "stemhouse.domains.uploads.tables",
    "stemhouse.domains.separations.tables",
    "stemhouse.domains.billing.tables",
    "stemhouse.domains.payments.tables",
    "stemhouse.domains.webhooks.tables",
    "stemhouse.domains.takedowns.tables",
    "stemhouse.domains.admin.tables",
    "stemhouse.jobs.tables",
)


def all_tables() -> MetaData:
    """Import every table and return the registry that holds them."""
    for name in TABLE_MODULES:
        if find_spec(name) is not None:
            import_module(name)
    return Base.metadata
