"""``stemhouse user``: accounts, made and listed by the operator."""

from __future__ import annotations

import secrets
import sys
from typing import Annotated, Literal

import typer

from stemhouse.cli.console import print_json
from stemhouse.cli.entry import ConfigOption, JsonOption, SiteOption, one_transaction, site_named
from stemhouse.errors import InvalidOption

Reach = Literal["site", "all"]

app = typer.Typer(no_args_is_help=True, help="Make and list accounts.")


@app.command()
def create(
    email: Annotated[str, typer.Argument(help="The account's e-mail address.")],
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from standard input."),
    ] = False,
    operator: Annotated[
        Reach | None,
        typer.Option("--operator", help="Let it operate its site, or all: /admin and its API."),
    ] = None,
    *,
    site: SiteOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make an account; its address counts as confirmed. Without a password one is made up."""
    from pydantic import ValidationError

    from stemhouse.domains.accounts.schemas import SignUpRequest
    from stemhouse.domains.accounts.service import NewUser, create_user
    from stemhouse.http.services import utc_now

    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""
    password = given if password_stdin else secrets.token_urlsafe(12)
    try:
        asked = SignUpRequest(email=email, password=password)
    except ValidationError as error:
        problems = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        raise InvalidOption(f"the account cannot be made: {problems}") from None
    new = NewUser(site_id=site_named(config, site).name, email=asked.email, password=asked.password)
    with one_transaction(config) as session:
        account = create_user(session, new, utc_now())
        account.operates = operator
        facts = {"id": account.id, "email": account.email}
    if not password_stdin:
        facts["password"] = password
    _tell(facts, as_json=as_json)


@app.command()
def operator(
    email: Annotated[str, typer.Argument(help="The account's e-mail address.")],
    of: Annotated[
        Literal["site", "all", "none"], typer.Option("--of", help="What it operates from now on.")
    ],
    site: SiteOption = None,
    config: ConfigOption = None,
) -> None:
    """Let an account operate its site, or all sites, or none any more."""
    from stemhouse.domains.accounts.service import operate

    with one_transaction(config) as session:
        account = operate(
            session, site_named(config, site).name, email, None if of == "none" else of
        )
        typer.echo(f"{account.email} operates: {of}")


@app.command("list")
def list_users(
    site: SiteOption = None, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """List the accounts of a site, one a line, oldest first."""
    from stemhouse.domains.accounts import queries
    from stemhouse.domains.accounts.service import describe
    from stemhouse.domains.accounts.tables import Account

    with one_transaction(config, read_only=True) as session:
        wanted = queries.accounts(site_named(config, site).name).order_by(Account.id)
        found = [describe(account).model_dump(mode="json") for account in session.scalars(wanted)]
    for one in found:
        if as_json:
            print_json(one)
        else:
            confirmed = "confirmed" if one["email_verified"] else "not confirmed"
            typer.echo(
                f"{one['id']}  {one['created_at']}  {one['plan']}  {one['email']}  {confirmed}"
            )


def _tell(facts: dict[str, str | None], *, as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        typer.echo(f"{name}: {value}")
