# Plans of accounts: set by whoever sells them, in force until they end.

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from stemhouse.api.app import create_app
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.entitlements import end_plans, set_plan
from stemhouse.domains.accounts.scope import Owner
from stemhouse.errors import NotFound
from stemhouse.settings import Settings
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.sites import write_site
from tests.service.conftest import Member

PLUS = {"title": {"en": "Plus"}, "max_duration_s": 3_600, "max_upload_bytes": 7}


def test_a_plan_lasts_until_its_end_and_each_cause_acts_once(
    settings: Settings, member: Member, sessions: SessionFactory, clock: ManualClock
) -> None:
    write_site(settings.data_dir / "sites", plans__plus=PLUS)
    owner, until = Owner(member.site_id, member.account_id), clock() + timedelta(days=30)

    def upload() -> int:
        files = {"file": ("song.wav", b"RIFF" * 100, "audio/wav")}
        return client.post("/v1/uploads", files=files, headers=member.headers).status_code

    with TestClient(create_app(settings, clock=clock)) as client:
        before = upload()
        with transaction(sessions) as session:
            given = [
                set_plan(session, owner, "plus", until=until, cause="order-1", now=clock())
                for _ in range(2)
            ]
        during = upload()
        clock.advance(30 * 86_400)
        after = upload()
        end_plans(sessions, clock)
        shown = client.get("/v1/account", headers=member.headers).json()

    assert given == [True, False]
    assert (before, during, after) == (400, 413, 400)
    assert shown["plan"] == "free"


def test_an_account_that_is_gone_is_put_on_no_plan(
    sessions: SessionFactory, clock: ManualClock
) -> None:
    owner = Owner("default", "acct_gone")

    with transaction(sessions) as session, pytest.raises(NotFound):
        set_plan(session, owner, "plus", until=None, cause="a", now=clock())
