"""What takedowns add to the application."""

from __future__ import annotations

from stemhouse.domains.takedowns.routes import router
from stemhouse.http.part import Part

TAKEDOWNS = Part(name="takedowns", routers=(router,))
