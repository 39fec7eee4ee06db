"""The one start of every query for data of a user: the site and the account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Delete, Select, Update

Statement = TypeVar("Statement", Select[Any], Update, Delete)


@dataclass(frozen=True, slots=True)
class Owner:
    """An account of a site: whose something is."""

    site_id: str
    account_id: str


Value = str | BindParameter[str]
"""An identifier, or the place where it will be put."""


def owned_by(statement: Statement, site_id: Value, account_id: Value) -> Statement:
    """Narrow a statement to what one account of one site owns.

    Parameters
    ----------
    statement : Select, Update or Delete
        Its first entity is a table with ``site_id`` and ``account_id``.
    site_id, account_id : str or BindParameter
        The principal's.

    Returns
    -------
    Select, Update or Delete
        The same with both conditions.
    """
    if isinstance(statement, Select):
        entity = statement.column_descriptions[0]["entity"]
    else:
        entity = statement.entity_description["entity"]
    return statement.where(entity.site_id == site_id, entity.account_id == account_id)
