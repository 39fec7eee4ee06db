"""What pages add to the application."""

from __future__ import annotations

from stemhouse.http.part import Part
from stemhouse.pages import assets_routes, first

PAGES = Part(name="pages", routers=(first.router, assets_routes.router, assets_routes.embedding))
