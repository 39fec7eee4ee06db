"""``stemhouse key``: API keys, made and revoked by the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stemhouse.cli.console import print_json
from stemhouse.cli.entry import ConfigOption, JsonOption, SiteOption, one_transaction, site_named
from stemhouse.errors import InvalidOption, NotFound

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from stemhouse.domains.accounts.tables import Account

app = typer.Typer(no_args_is_help=True, help="Make and revoke API keys.")


@app.command()
def create(
    email: Annotated[str, typer.Argument(help="Whose key it is to be.")],
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "made by the operator",
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What it may do; several times.", show_default="everything"),
    ] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a key for an account. It is shown this once."""
    from pydantic import ValidationError

    from stemhouse.domains.accounts.schemas import KeyRequest
    from stemhouse.domains.accounts.scopes import ALL_SCOPES
    from stemhouse.domains.accounts.service_keys import add
    from stemhouse.http.services import utc_now

    try:
        values = {"name": name, "scopes": scope or sorted(ALL_SCOPES)}
        asked = KeyRequest.model_validate(values)
    except ValidationError:
        raise InvalidOption(
            f"a key has a name and some of these scopes: {', '.join(sorted(ALL_SCOPES))}"
        ) from None
    with one_transaction(config) as session:
        account = _account(session, site_named(config, site).name, email)
        made = add(session, (account.site_id, account.id), asked, utc_now())
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    typer.echo(f"id: {made.id}\nscopes: {', '.join(made.scopes)}\nkey: {made.key}")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id: key_….")],
    config: ConfigOption = None,
) -> None:
    """Revoke a key: from now on it lets nobody in."""
    from stemhouse.domains.accounts import queries
    from stemhouse.http.services import utc_now

    with one_transaction(config) as session:
        row = session.scalars(queries.any_key(key_id)).one_or_none()
        if row is None:
            raise NotFound(f"there is no key {key_id}: stemhouse key create prints the id")
        row.revoked_at = row.revoked_at or utc_now()
    typer.echo(f"Revoked {key_id}.")


def _account(session: Session, site_id: str, email: str) -> Account:
    from stemhouse.domains.accounts import queries

    found = session.scalars(queries.account_by_email(site_id, email.lower())).one_or_none()
    if found is None:
        raise NotFound(
            f"the site {site_id} has no account with the address {email}: "
            "stemhouse user create makes one"
        )
    return found
