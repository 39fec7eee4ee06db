"""What operators add to the application."""

from __future__ import annotations

from stemhouse.domains.admin import routes, routes_money, routes_takedowns
from stemhouse.http.part import Part

ADMIN = Part(name="admin", routers=(routes.router, routes_takedowns.router, routes_money.router))
