"""The parts of the application, lower domains first; whoever owns a domain adds its line."""

from __future__ import annotations

from stemhouse.domains.accounts.part import ACCOUNTS
from stemhouse.domains.admin.part import ADMIN
from stemhouse.domains.billing.part import BILLING
from stemhouse.domains.payments.part import PAYMENTS
from stemhouse.domains.separations.part import SEPARATIONS
from stemhouse.domains.takedowns.part import TAKEDOWNS
from stemhouse.domains.uploads.part import UPLOADS
from stemhouse.domains.webhooks.part import WEBHOOKS
from stemhouse.domains.worker import WORKER
from stemhouse.http.part import Part
from stemhouse.pages.part import PAGES

PARTS: tuple[Part, ...] = (
    ACCOUNTS,
    UPLOADS,
    SEPARATIONS,
    BILLING,
    PAYMENTS,
    WEBHOOKS,
    TAKEDOWNS,
    ADMIN,
    WORKER,
    PAGES,
)
