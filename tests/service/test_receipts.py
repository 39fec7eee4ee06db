# Receipts, and the books as the operator's commands show them.

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stemhouse.cli.main import run
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing.receipts import receipt_of
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.billing.tables import LedgerGuard
from stemhouse.errors import NotFound
from stemhouse.settings import Settings
from stemhouse.testing.clock import ManualClock
from tests.service.conftest import Member
from tests.service.foreign import Owner as Holder
from tests.service.foreign import make_job


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEMHOUSE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("STEMHOUSE_DATABASE_URL", settings.effective_database_url)


@pytest.fixture
def books(sessions: SessionFactory, member: Member, clock: ManualClock) -> Owner:
    owner = Owner(member.site_id, member.account_id)
    with transaction(sessions) as session:
        ledger = Ledger(session, owner, "second", clock())
        ledger.grant(100, cause="pack", note="a pack")
        ledger.hold("job_gone", 60)
        ledger.settle("job_gone", 50)
    return owner


def test_a_receipt_tells_what_became_of_a_price(
    client: TestClient, app: FastAPI, sessions: SessionFactory, member: Member, clock: ManualClock
) -> None:
    job_id = make_job(Holder(app, client, sessions, member))
    with transaction(sessions) as session:
        ledger = Ledger(session, Owner(member.site_id, member.account_id), "second", clock())
        ledger.grant(100, cause="pack", note="a pack")
        ledger.hold(job_id, 3)

    def receipt() -> dict[str, Any]:
        return dict(client.get(f"/v1/jobs/{job_id}/receipt", headers=member.headers).json())

    held = receipt()
    with transaction(sessions) as session:
        Ledger(session, Owner(member.site_id, member.account_id), "second", clock()).settle(
            job_id, 2
        )
    settled = receipt()

    assert (held["price"], held["held"], held["charged"], held["given_back"]) == (3, 3, 0, 0)
    assert (settled["held"], settled["charged"], settled["given_back"]) == (0, 2, 1)
    assert [entry["kind"] for entry in settled["entries"]] == ["hold", "settle"]
    assert settled["status"] == "succeeded"


def test_a_receipt_outlives_its_job(sessions: SessionFactory, books: Owner) -> None:
    with transaction(sessions, read_only=True) as session:
        receipt = receipt_of(session, books, "job_gone")

    assert (receipt.status, receipt.song) == (None, None)
    assert (receipt.price, receipt.charged, receipt.given_back, receipt.unit) == (
        60,
        50,
        10,
        "second",
    )


def test_there_is_no_receipt_of_what_never_was(sessions: SessionFactory, books: Owner) -> None:
    with transaction(sessions, read_only=True) as session, pytest.raises(NotFound):
        receipt_of(session, books, "job_never")


@pytest.mark.usefixtures("environment")
def test_the_books_are_proved_by_a_command(
    books: Owner, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["ledger", "check"])

    assert (code, capsys.readouterr().out) == (0, "Transactions: 3; the books are right.\n")


@pytest.mark.usefixtures("environment")
def test_what_is_wrong_is_named_and_fails_the_command(
    books: Owner, sessions: SessionFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    with transaction(sessions) as session:
        session.execute(sa.update(LedgerGuard).values(available=1))

    codes = [run(["ledger", "check"]), run(["ledger", "check", "--json"])]

    out = capsys.readouterr().out
    assert codes == [1, 1]
    assert "its guard is not the sum of its postings" in out
    assert "Transactions: 3; 1 of them wrong." in out
    assert json.loads(out.splitlines()[-1])["findings"][0]["account_id"] == books.account_id


@pytest.mark.usefixtures("environment")
def test_a_balance_is_explained_line_by_line(
    books: Owner, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [run(["ledger", "show", books.account_id, *more]) for more in ([], ["--json"])]

    lines = capsys.readouterr().out.splitlines()
    assert codes == [0, 0]
    assert "grant" in lines[0]
    assert "+100 seconds" in lines[0]
    assert "50 charged" in lines[2]
    assert json.loads(lines[5])["available_after"] == 50


@pytest.mark.usefixtures("environment")
def test_an_account_without_credits_and_one_that_is_not_there(
    member: Member, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [run(["ledger", "show", one]) for one in (member.account_id, "acct_gone")]

    told = capsys.readouterr()
    assert codes == [0, 3]
    assert told.out == "Nothing has moved its credits.\n"
    assert "there is no account acct_gone" in told.err
