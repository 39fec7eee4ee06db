"""What accounts add to the application."""

from __future__ import annotations

from stemhouse.domains.accounts.routes import router
from stemhouse.http.part import Part

ACCOUNTS = Part(name="accounts", routers=(router,))
