"""``stemhouse ledger``: prove that the books are right, explain a balance."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from stemhouse.cli.console import print_json
from stemhouse.cli.entry import ConfigOption, JsonOption, one_transaction
from stemhouse.errors import NotFound

app = typer.Typer(no_args_is_help=True, help="Check the books of credits, and explain them.")


@app.command()
def check(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Prove that the books are right, while the service runs; exit with 1 where they are not."""
    from stemhouse.domains.billing.checking import begin_snapshot, check_books, count_transactions
    from stemhouse.http.services import utc_now

    with one_transaction(config, read_only=True) as session:
        begin_snapshot(session)
        findings = check_books(session, utc_now())
        transactions = count_transactions(session)
    if as_json:
        facts = [asdict(finding) for finding in findings]
        print_json({"transactions": transactions, "findings": facts})
    else:
        for one in findings:
            typer.echo(f"{one.account_id}  {one.subject}  {one.text}")
        wrong = f"{len(findings)} of them wrong" if findings else "the books are right"
        typer.echo(f"Transactions: {transactions}; {wrong}.")
    if findings:
        raise typer.Exit(1)


@app.command()
def show(
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its identifier: acct_…")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Explain a balance line by line, oldest first: what each did, and what was there after it."""
    from stemhouse.domains.billing.service import owner_of, said
    from stemhouse.domains.billing.views import all_entries

    with one_transaction(config, read_only=True) as session:
        owner = owner_of(session, account_id)
        if owner is None:
            raise NotFound(f"there is no account {account_id}: stemhouse user list names them")
        entries = all_entries(session, owner.site_id, owner.account_id)
        lines = [entry.model_dump(mode="json") for entry in entries]
    for one in lines:
        if as_json:
            print_json(one)
        else:
            amount = said(one["amount"], one["unit"], "+")
            typer.echo(
                f"{one['created_at']}  {one['kind']:<9}  {amount:>17}  "
                f"-> {one['available_after']:>9} available {one['held_after']:>7} held  "
                f"{one['charged']:>6} charged  {one['note']}  {one['job_id'] or ''}".rstrip()
            )
    if not lines and not as_json:
        typer.echo("Nothing has moved its credits.")
