# What jobs take of the machines, what that costs, and what is left of a site's takings.

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from typer.testing import CliRunner

from stemhouse.api.app import create_app
from stemhouse.cli.billing import app as billing
from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts import service_ownership
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.separations.tables import Job, JobUsage
from stemhouse.domains.separations.usage import Used
from stemhouse.settings import Settings
from tests.service.conftest import MODELS, MakeMember, Member
from tests.service.foreign import Owner, begun_job
from tests.service.installation import Installation, installed, noise
from tests.service.test_billing_commands import bill

HOUR_S, DAY_S, GB = 3_600.0, 86_400.0, 10**9
TARIFF = {
    "cost_currency": "usd",
    "cost_processor_hour_cents": 4.0,
    "cost_device_hour_cents": 200.0,
    "cost_gb_month_cents": 2.0,
}


@pytest.fixture
def house(settings: Settings, sessions: SessionFactory) -> Iterator[Installation]:
    with installed(settings, sessions) as installation:
        yield installation


@pytest.fixture
def owner(house: Installation) -> Principal:
    return house.account(max_running_jobs=100)


def usage_of(house: Installation, job_id: str) -> list[JobUsage]:
    with transaction(house.sessions, read_only=True) as session:
        mine = select(JobUsage).where(JobUsage.job_id == job_id)
        return list(session.scalars(mine.order_by(JobUsage.attempt)))


# --- what is written down


def test_a_song_that_is_separated_leaves_what_it_took(
    house: Installation, owner: Principal
) -> None:
    job_id = house.submit(owner, house.upload(owner, noise(5.0), 5.0))
    house.start_worker()

    job = house.end_of(job_id)

    (used,) = usage_of(house, job_id)
    assert (job.state, used.attempt, used.site_id) == ("succeeded", 1, owner.site_id)
    assert 0 < used.processor_s < 60
    assert used.device_s == 0
    assert (used.stored_bytes, used.kept_s) == (size_of(house, job), job.retention_s)


def size_of(house: Installation, job: Job) -> int:
    from stemhouse.domains.separations.tables import Result

    with transaction(house.sessions, read_only=True) as session:
        return session.get_one(Result, job.result_id).size_bytes


def test_the_same_song_again_takes_nothing(house: Installation, owner: Principal) -> None:
    upload_id = house.upload(owner, noise(5.0), 5.0)
    first = house.submit(owner, upload_id)
    house.start_worker()
    house.end_of(first)

    again = house.submit(owner, upload_id)

    assert house.end_of(again).state == "succeeded"
    assert usage_of(house, again) == []


def test_songs_that_are_cancelled_or_broken_took_something_too(
    house: Installation, owner: Principal
) -> None:
    broken = house.submit(owner, house.upload(owner, b"RIFF" + bytes(4_000), 5.0))
    canceled = house.submit(owner, house.upload(owner, noise(240.0, 1), 240.0))
    house.start_worker()
    house.in_mid_song(canceled)

    house.cancel(owner, canceled)

    house.wait_until(lambda: bool(usage_of(house, canceled)))
    house.wait_until(lambda: bool(usage_of(house, broken)))
    assert house.end_of(broken).state == "failed"
    for job_id in (broken, canceled):
        (used,) = usage_of(house, job_id)
        assert used.processor_s > 0
        assert (used.stored_bytes, used.kept_s) == (0, 0)


def test_time_of_a_device_is_that_of_the_network(house: Installation) -> None:
    facts = {"size_bytes": 7, "timings": {"network_s": 2.5, "wall_s": 4.0}}
    used = Used(processor_s=3.0)

    on_gpu = used.with_result(facts | {"runtime": {"device": "cuda"}}, 60.0)
    on_cpu = used.with_result(facts | {"runtime": {"device": "cpu"}}, 60.0)

    assert on_gpu == Used(processor_s=3.0, device_s=2.5, stored_bytes=7, kept_s=60.0)
    assert on_cpu == Used(processor_s=3.0, device_s=0.0, stored_bytes=7, kept_s=60.0)


# --- what operators see of it


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings.model_copy(update=TARIFF))) as client:
        yield client


@pytest.fixture
def operator(make_member: MakeMember, sessions: SessionFactory) -> Member:
    member = make_member()
    with transaction(sessions) as session:
        session.get_one(Account, member.account_id).operates = "all"
    return member


def used(job_id: str, at: datetime, attempt: int = 1, **more: Any) -> JobUsage:
    facts = {"processor_s": HOUR_S, "device_s": 0.0, "stored_bytes": 0, "kept_s": 0.0, **more}
    return JobUsage(job_id=job_id, attempt=attempt, site_id="default", at=at, **facts)


@pytest.fixture
def job_id(client: TestClient, sessions: SessionFactory, member: Member) -> str:
    # Two attempts: an hour that brought nothing, and one with stems of 3 GB for ten days.
    now = datetime.now(UTC)
    job = begun_job(Owner(client.app, client, sessions, member), now)  # type: ignore[arg-type]
    stems = {"stored_bytes": 3 * GB, "kept_s": 10 * DAY_S}
    with transaction(sessions) as session:
        session.add(job)
        session.flush()
        session.add(used(job.id, now))
        session.add(used(job.id, now, 2, processor_s=1_800.0, device_s=900.0, **stems))
        return job.id


def test_a_job_costs_what_all_its_attempts_took(
    client: TestClient, operator: Member, job_id: str
) -> None:
    listed = client.get("/v1/admin/jobs", headers=operator.headers).json()["data"]
    named = client.get(f"/v1/admin/jobs/{job_id}", headers=operator.headers).json()

    # An hour and a half of a core, a quarter of an hour of a GPU, a GB-month.
    cents = 1.5 * 4 + 0.25 * 200 + 1 * 2
    assert listed[0]["cost"] == named["cost"]
    assert named["cost"] == {
        "attempts": 2,
        "processor_s": 5_400.0,
        "device_s": 900.0,
        "stored_bytes": 3 * GB,
        "currency": "usd",
        "cost_microcents": round(cents * 10**6),
    }


def test_a_site_has_what_it_took_less_what_its_jobs_cost(
    client: TestClient, operator: Member, job_id: str, sessions: SessionFactory
) -> None:
    now, before = datetime.now(UTC), datetime.now(UTC) - timedelta(days=70)
    with transaction(sessions) as session:
        session.add_all([bill("default", now), bill("default", now, currency="eur")])
        session.add(bill("second", before))
        session.add_all([used("job_gone", before), used("job_gone_too", before)])

    answer = client.get("/v1/admin/money", headers=operator.headers).json()["costs"]
    table = client.get("/v1/admin/money/costs", headers=operator.headers)

    old, new = answer
    assert (old["site"], old["month"], old["jobs"]) == ("default", f"{before:%Y-%m}", 2)
    assert (old["cost_microcents"], old["cost_per_job_microcents"]) == (8 * 10**6, 4 * 10**6)
    assert (old["net_cents"], old["margin_microcents"]) == (0, -8 * 10**6)
    # 400 cents are left of the bill in dollars; the one in euros is another purse.
    assert (new["net_cents"], new["cost_microcents"]) == (400, 58 * 10**6)
    assert new["margin_microcents"] == (400 - 58) * 10**6
    assert math.isclose(new["stored_gb_months"], 1.0)
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [int(row["margin_microcents"]) for row in rows] == [-8 * 10**6, 342 * 10**6]


def test_a_month_with_takings_alone_has_a_margin_too(
    client: TestClient, operator: Member, sessions: SessionFactory
) -> None:
    with transaction(sessions) as session:
        session.add(bill("default", datetime.now(UTC)))

    (row,) = client.get("/v1/admin/money", headers=operator.headers).json()["costs"]

    assert (row["jobs"], row["cost_per_job_microcents"]) == (0, None)
    assert (row["cost_microcents"], row["margin_microcents"]) == (0, 400 * 10**6)


def test_without_prices_there_are_seconds_and_bytes_alone(
    settings: Settings, operator: Member, job_id: str
) -> None:
    with TestClient(create_app(settings)) as client:
        money = client.get("/v1/admin/money", headers=operator.headers).json()
        job = client.get(f"/v1/admin/jobs/{job_id}", headers=operator.headers).json()

    (row,) = money["costs"]
    assert (row["processor_s"], row["currency"], row["margin_microcents"]) == (5_400.0, None, None)
    assert (job["cost"]["device_s"], job["cost"]["cost_microcents"]) == (900.0, None)


def test_costs_stay_when_the_account_goes(
    client: TestClient, operator: Member, job_id: str, sessions: SessionFactory, member: Member
) -> None:
    owned = service_ownership.owned_data(client.app.state.parts)  # type: ignore[attr-defined]
    with transaction(sessions) as session:
        session.get_one(Job, job_id).state = "canceled"
        session.flush()
        service_ownership.delete(session, member.site_id, member.account_id, owned=owned)

    (row,) = client.get("/v1/admin/money", headers=operator.headers).json()["costs"]

    assert (row["jobs"], row["processor_s"]) == (1, 5_400.0)


def test_the_terminal_has_the_same_table(
    database_url: str, settings: Settings, sessions: SessionFactory
) -> None:
    with transaction(sessions) as session:
        session.add(used(new_id("job"), datetime.now(UTC)))
    environment = {
        "STEMHOUSE_DATA_DIR": str(settings.data_dir),
        "STEMHOUSE_SITES_DIR": str(settings.data_dir / "sites"),
        "STEMHOUSE_MODELS_DIR": str(MODELS),
        "STEMHOUSE_DATABASE_URL": database_url,
        "STEMHOUSE_COST_CURRENCY": "usd",
        "STEMHOUSE_COST_PROCESSOR_HOUR_CENTS": "4",
    }

    every = CliRunner().invoke(billing, ["costs"], env=environment)
    none = CliRunner().invoke(billing, ["costs", "--site", "nowhere"], env=environment)

    assert every.exit_code == 0, every.exception
    (row,) = csv.DictReader(io.StringIO(every.output))
    assert (row["site"], row["cost_microcents"]) == ("default", "4000000")
    assert none.output.count("\n") == 1
