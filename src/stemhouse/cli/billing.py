"""``stemhouse billing``: what sites sell at Stripe, what did not arrive, what was taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemhouse.cli.entry import ConfigOption, SiteOption, opened_database, read_settings
from stemhouse.errors import InvalidOption, OutputExists

if TYPE_CHECKING:
    from stemhouse.domains.payments.till import Till
    from stemhouse.settings import Settings
    from stemhouse.sites.schema import Site

app = typer.Typer(no_args_is_help=True, help="What sites sell through Stripe, and what they take.")


@app.command()
def sync(
    config: ConfigOption = None,
    site: SiteOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
) -> None:
    """Bring products, prices, codes and the portal at Stripe to what the site files say, and have
    it send all kinds of events that this version wants.

    It shows its plan and asks first; again, it finds nothing to do. A changed price is a new one at
    Stripe, the old one is archived, and who subscribed at it keeps it.
    """
    from stemhouse.domains.payments.catalogue import Catalogue, take
    from stemhouse.domains.payments.endpoints import plan_endpoints
    from stemhouse.domains.payments.portal import plan_portal

    with _till(config) as till:
        for one in _sites(till, site):
            gateway = till.gateway(one.name)
            catalogue = Catalogue(gateway, one).plan()
            steps = [*catalogue, *plan_endpoints(gateway, one, _webhook_url(till, one))]
            # The portal names prices that may have to be made first.
            portal = plan_portal(gateway, one) if not catalogue else []
            typer.echo(f"{one.name}:")
            for step in (*steps, *portal):
                typer.echo(f"  {step.says}")
            if catalogue:
                typer.echo("  then bring the portal to these prices")
            if not (steps or portal):
                typer.echo("  everything is as the site file says")
                continue
            if dry_run or not (yes or typer.confirm("Do this at Stripe?")):
                continue
            for step in steps:
                take(step)
            for step in portal or plan_portal(gateway, one):
                take(step)
            typer.echo("  done")


@app.command()
def webhook(
    secret_file: Annotated[
        Path, typer.Argument(help="File to write the secret into; it is shown nowhere.")
    ],
    config: ConfigOption = None,
    site: SiteOption = None,
) -> None:
    """Have Stripe send a site's events to this service, and keep the secret that it signs with.

    Give the file to the service as STEMHOUSE_STRIPE_WEBHOOK_SECRET_FILE (or …__SITE_FILE).
    """
    from stemhouse.domains.payments.endpoints import make_endpoint

    with _till(config) as till:
        (one,) = _sites(till, site or _only(till))
        url = _webhook_url(till, one)
        if not url.startswith("https://") and not till.settings.stripe_api:
            raise InvalidOption("Stripe sends events to https:// alone: set STEMHOUSE_PUBLIC_URL")
        if secret_file.exists():
            raise OutputExists(f"{secret_file} is there already: choose another file")
        secret = make_endpoint(till.gateway(one.name), one, url)
        secret_file.touch(mode=0o600)
        secret_file.write_text(secret)
        typer.echo(f"Stripe sends the events of {one.name} to {url}.")
        typer.echo(f"The secret that it signs them with is in {secret_file}.")


@app.command()
def reconcile(
    config: ConfigOption = None,
    site: SiteOption = None,
    days: Annotated[
        int | None,
        typer.Option(
            "--days", min=1, max=29, help="How far back.", show_default="since the last time"
        ),
    ] = None,
) -> None:
    """Ask Stripe for what happened, and do what did not arrive; the service does it too."""
    from stemhouse.domains.payments.catching_up import act_on_due
    from stemhouse.domains.payments.catching_up import reconcile as ask

    with _till(config) as till:
        since = None if days is None else till.clock() - timedelta(days=days)
        for one in _sites(till, site):
            typer.echo(f"{one.name}: events that had not arrived: {ask(till, one.name, since)}")
        typer.echo(f"events that were waiting and are done: {act_on_due(till)}")


@app.command()
def money(
    config: ConfigOption = None,
    site: SiteOption = None,
    month: Annotated[
        str | None,
        typer.Option("--month", metavar="YYYY-MM", help="One month.", show_default="all"),
    ] = None,
) -> None:
    """Print what each site takes, month by month, as CSV."""
    from stemhouse.cli.entry import one_transaction
    from stemhouse.domains.payments.money import all_takings, as_csv
    from stemhouse.http.services import utc_now

    with one_transaction(config, read_only=True) as session:
        rows = all_takings(session, utc_now(), site)
    typer.echo(as_csv([row for row in rows if month in {None, row.month}]), nl=False)


@app.command()
def costs(config: ConfigOption = None, site: SiteOption = None) -> None:
    """Print what each site's jobs took and cost, and its margin, month by month, as CSV.

    Prices of machines are settings: STEMHOUSE_COST_CURRENCY and those beside it.
    """
    from stemhouse.cli.entry import one_transaction
    from stemhouse.domains.payments.costs import Tariff, all_costs, as_csv
    from stemhouse.http.services import utc_now
    from stemhouse.sites.place import open_book

    settings = read_settings(config)
    names = tuple(one.name for one in open_book(settings).all() if site in {None, one.name})
    with one_transaction(config, read_only=True) as session:
        rows = all_costs(session, utc_now(), names, Tariff.of(settings))
    typer.echo(as_csv(rows), nl=False)


@contextmanager
def _till(config: Path | None) -> Iterator[Till]:
    from stemhouse.db.checks import check
    from stemhouse.db.session import make_sessions
    from stemhouse.domains.payments.till import Till
    from stemhouse.http.services import utc_now
    from stemhouse.sites.place import open_book

    settings: Settings = read_settings(config)
    with opened_database(settings) as engine:
        check(engine)
        till = Till(settings, make_sessions(engine), open_book(settings), utc_now)
        try:
            yield till
        finally:
            till.close()


def _sites(till: Till, name: str | None) -> list[Site]:
    selling = till.selling_sites()
    wanted = [one for one in selling if name in {None, one.name}]
    if not wanted:
        raise InvalidOption(
            "no such site sells anything: its file needs charges = true, and the settings a key "
            "(STEMHOUSE_STRIPE_SECRET_KEY, or with __SITE after it)",
            selling=[one.name for one in selling],
        )
    return wanted


def _webhook_url(till: Till, site: Site) -> str:
    from stemhouse.sites.hosts import address_of

    return f"{address_of(site, till.settings.address)}/v1/stripe/webhooks"


def _only(till: Till) -> str:
    selling = till.selling_sites()
    if len(selling) > 1:
        names = ", ".join(one.name for one in selling)
        raise InvalidOption(f"say for which site: --site with one of {names}")
    return selling[0].name if selling else ""
