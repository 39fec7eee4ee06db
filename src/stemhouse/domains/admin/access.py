"""Who may operate: everybody else is told that there is nothing here."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from stemhouse.domains.accounts.access import CurrentPrincipal
from stemhouse.domains.admin.operator import Operator
from stemhouse.domains.payments.costs import Tariff
from stemhouse.errors import NotFound
from stemhouse.http.services import CurrentServices, CurrentSettings


def _operator(principal: CurrentPrincipal, services: CurrentServices) -> Operator:
    if principal.operates is None or "admin" not in principal.scopes:
        raise NotFound("there is nothing here")
    names = [site.name for site in services.sites.all()]
    if principal.operates == "site":
        names = [principal.site_id]
    return Operator(account_id=principal.account_id, sites=tuple(names))


# The OpenAPI document tells which scope a route needs.
_operator.scope = "admin"  # type: ignore[attr-defined]


def _tariff(settings: CurrentSettings) -> Tariff:
    return Tariff.of(settings)


TheTariff = Annotated[Tariff, Depends(_tariff)]

TheOperator = Annotated[Operator, Depends(_operator)]
