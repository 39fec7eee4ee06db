# The edge: one transaction, one error body, idempotency, limits, logs, numbers, health.

from __future__ import annotations

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi import Request as HttpRequest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from stemhouse.api.app import create_app
from stemhouse.api.parts import PARTS
from stemhouse.db.session import SessionFactory, reading
from stemhouse.domains.accounts.access import CurrentPrincipal, limit_writes
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.uploads.tables import Upload
from stemhouse.errors import DiskFull, PaymentRequired, RateLimited
from stemhouse.http.idempotency import Idempotent
from stemhouse.http.part import Part
from stemhouse.http.schemas import Answer, Request
from stemhouse.http.services import Now
from stemhouse.http.session import RequestSession
from stemhouse.logs import JsonLines, keep_private, log_facts
from stemhouse.settings import Settings
from stemhouse.testing.clock import ManualClock
from tests.service.conftest import Member

SONG = "Ada - Analytical Engine.mp3"
router = APIRouter(prefix="/trial")


class Thing(Request):
    name: str


class Made(Answer):
    name: str
    number: int


@router.post("/things", response_model=Made, status_code=201, dependencies=[Depends(limit_writes)])
def make_thing(
    asked: Thing, once: Idempotent, principal: CurrentPrincipal, session: RequestSession, now: Now
) -> Response:
    def make() -> Made:
        time.sleep(0.05)  # long enough for the second of two to come in between
        add_guest(session, now)
        if asked.name == "refused":
            raise PaymentRequired("no credits", missing=10)
        return Made(name=asked.name, number=count_guests(session))

    return once.run(principal, asked, make)


@router.post("/commits")
def commit_early(session: RequestSession, now: Now) -> None:
    add_guest(session, now)
    session.commit()


@router.post("/overtaken/{how}")
def change_what_is_gone(how: str, session: RequestSession, now: Now) -> None:
    if how == "changed":
        add_guest(session, now)
        account = session.scalars(select(Account)).one()
        gone = delete(Account).where(Account.id == account.id)
        session.execute(gone, execution_options={"synchronize_session": False})
        account.plan = "another"
    owner = {"site_id": "default", "account_id": "acct_nobody"}
    if how == "added":
        session.add(
            Upload(id="upl_1", way="form", state="receiving", name="x", **owner, **_begun(now))
        )
    if how == "twice":
        for _ in range(2):
            session.expunge_all()
            facts = {"site_id": "default", "kind": "guest", "plan": "free", "created_at": now}
            session.add(Account(id="acct_1", **facts))
            session.flush()


def _begun(now: datetime) -> dict[str, Any]:
    return {
        "received_bytes": 0,
        "tags": {},
        "retention_s": 60.0,
        "created_at": now,
        "expires_at": now,
    }


@router.post("/leaves")
async def read_what_is_cut_off(request: HttpRequest) -> int:
    return len([block async for block in request.stream()])


@router.get("/writes")
def write_in_a_get(session: RequestSession, now: Now) -> None:
    add_guest(session, now)


@router.post("/breaks/{song}")
def break_down(song: str, session: RequestSession, now: Now) -> None:
    keep_private(song)
    add_guest(session, now)
    raise ZeroDivisionError(f"{song} by ada@example.org with shk_0123456789abcdef")


@router.get("/refuses")
def refuse(how: Annotated[str, "which"]) -> None:
    if how == "full":
        raise DiskFull("no space is left")
    raise RateLimited("slow down", retry_after_s=17)


def add_guest(session: Session, now: object) -> None:
    from stemhouse.domains.accounts.service import become_guest

    become_guest(session, "default", now)


def count_guests(session: Session) -> int:
    return session.scalar(select(func.count()).where(Account.kind == "guest"))


@pytest.fixture
def app(settings: Settings, clock: ManualClock) -> FastAPI:
    trial = Part(name="trial", routers=(router,))
    return create_app(settings, clock=clock, parts=(*PARTS, trial))


def guests(sessions: SessionFactory) -> int:
    with reading(sessions) as session:
        return count_guests(session)


def test_the_same_key_does_it_once_and_answers_twice(
    client: TestClient, member: Member, sessions: SessionFactory
) -> None:
    headers = {**member.headers, "Idempotency-Key": "one"}

    first = client.post("/trial/things", headers=headers, json={"name": "x"})
    second = client.post("/trial/things", headers=headers, json={"name": "x"})

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert guests(sessions) == 1


def test_the_same_key_at_the_same_moment_does_it_once(
    client: TestClient, member: Member, sessions: SessionFactory
) -> None:
    headers = {**member.headers, "Idempotency-Key": "one"}

    with ThreadPoolExecutor(4) as threads:
        answers = list(
            threads.map(
                lambda _: client.post("/trial/things", headers=headers, json={"name": "x"}),
                range(4),
            )
        )

    assert {one.status_code for one in answers} == {201}
    assert len({one.text for one in answers}) == 1
    assert guests(sessions) == 1


def test_the_same_key_for_something_else_is_a_conflict(client: TestClient, member: Member) -> None:
    headers = {**member.headers, "Idempotency-Key": "one"}
    client.post("/trial/things", headers=headers, json={"name": "x"})

    answer = client.post("/trial/things", headers=headers, json={"name": "y"})

    assert answer.status_code == 409


def test_two_accounts_may_use_the_same_key(
    client: TestClient, make_member: object, sessions: SessionFactory
) -> None:
    for who in (make_member(), make_member()):
        headers = {**who.headers, "Idempotency-Key": "one"}
        client.post("/trial/things", headers=headers, json={"name": "x"})

    assert guests(sessions) == 2


def test_a_refusal_is_rolled_back_and_may_be_tried_again(
    client: TestClient, member: Member, sessions: SessionFactory
) -> None:
    headers = {**member.headers, "Idempotency-Key": "one"}

    refused = client.post("/trial/things", headers=headers, json={"name": "refused"})
    mended = client.post("/trial/things", headers=headers, json={"name": "x"})

    assert refused.status_code == 402
    assert refused.json()["error"]["details"] == {"missing": 10}
    assert mended.status_code == 201
    assert guests(sessions) == 1


def test_a_commit_in_a_route_fails_and_leaves_nothing(
    client: TestClient, sessions: SessionFactory
) -> None:
    answer = client.post("/trial/commits")

    assert answer.status_code == 500
    assert guests(sessions) == 0


@pytest.mark.parametrize("how", ["changed", "added"])
def test_what_another_request_removed_meanwhile_is_a_conflict(
    client: TestClient, sessions: SessionFactory, how: str
) -> None:
    answer = client.post(f"/trial/overtaken/{how}")

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "conflict"
    assert guests(sessions) == 0


def test_other_rules_that_a_change_breaks_are_our_fault(
    client: TestClient, sessions: SessionFactory
) -> None:
    answer = client.post("/trial/overtaken/twice")

    assert answer.status_code == 500
    assert guests(sessions) == 0


def test_a_request_that_is_cut_off_is_no_fault_of_ours(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/trial/leaves",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"content-length", b"9")],
    }
    came = [{"type": "http.request", "body": b"so", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return came.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    assert client.portal is not None
    client.portal.call(app, scope, receive, send)

    assert sent[0]["status"] == 400
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


def test_a_get_cannot_write(client: TestClient, sessions: SessionFactory) -> None:
    answer = client.get("/trial/writes")

    assert answer.status_code == 500
    assert guests(sessions) == 0


def test_a_fault_is_told_without_details_and_leaves_nothing(
    client: TestClient, sessions: SessionFactory
) -> None:
    answer = client.post(f"/trial/breaks/{SONG}")

    error = answer.json()["error"]
    assert answer.status_code == 500
    assert error["code"] == "internal_error"
    assert error["request_id"] == answer.headers["x-request-id"]
    assert "ZeroDivision" not in answer.text
    assert SONG not in answer.text
    assert guests(sessions) == 0


def test_secrets_and_names_of_songs_never_reach_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture, member: Member
) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonLines().format(record))

    handler = Keep()
    logger = logging.getLogger("stemhouse")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    answer = client.post(f"/trial/breaks/{SONG}?signature=abcdef", headers=member.headers)
    logger.removeHandler(handler)

    text = "\n".join(lines)
    assert "ZeroDivisionError" in text
    assert answer.headers["x-request-id"] in text
    assert '"route": "/trial/breaks/{song}"' in text
    for secret in (SONG, "Analytical", "shk_0123", "ada@example.org", member.key, "abcdef"):
        assert secret not in text


def test_lines_carry_the_job_they_belong_to() -> None:
    with log_facts(job_id="job_1"), log_facts(attempt=2):
        record = logging.makeLogRecord({"msg": "working", "levelname": "INFO"})
        inside = json.loads(JsonLines().format(record))
    outside = json.loads(JsonLines().format(record))

    assert (inside["job_id"], inside["attempt"]) == ("job_1", 2)
    assert "job_id" not in outside


def test_a_secret_is_blackened_wherever_it_begins_and_an_identifier_is_not() -> None:
    text = (
        "it broke\nrk_live_abcdefghij 'sk_test_abcdefghij' of wrk_01hzy3v6q7m8n9p0 in task_01hzy3v6"
    )
    record = logging.makeLogRecord({"msg": text, "levelname": "INFO", "worker": "wrk_01hzy3v6q7"})

    line = json.loads(JsonLines().format(record))

    assert line["worker"] == "wrk_01hzy3v6q7"
    assert line["event"] == "it broke\n[hidden] '[hidden]' of wrk_01hzy3v6q7m8n9p0 in task_01hzy3v6"


def test_a_request_id_that_comes_along_is_kept(client: TestClient) -> None:
    kept = client.get("/healthz", headers={"X-Request-Id": "from-the-proxy"})
    replaced = client.get("/healthz", headers={"X-Request-Id": "a b\tc"})

    assert kept.headers["x-request-id"] == "from-the-proxy"
    assert replaced.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(("how", "status", "wait"), [("slow", 429, "17"), ("full", 503, "5")])
def test_what_waiting_helps_says_how_long(
    client: TestClient, how: str, status: int, wait: str
) -> None:
    answer = client.get("/trial/refuses", params={"how": how})

    assert answer.status_code == status
    assert answer.headers["retry-after"] == wait


def test_the_wrong_method_gets_the_error_body(client: TestClient) -> None:
    answer = client.put("/healthz")

    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/jobs", "GET, POST"),
        ("/v1/jobs/job_1", "GET, PATCH, DELETE"),
        ("/v1/uploads/resumable/upl_1", "HEAD, PATCH, DELETE"),
        ("/v1/account/password", "PUT"),
    ],
)
def test_the_wrong_method_is_told_the_right_ones(client: TestClient, path: str, allow: str) -> None:
    answer = client.request("TRACE", path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == allow


def test_broken_json_gets_the_error_body(client: TestClient, member: Member) -> None:
    headers = {**member.headers, "Content-Type": "application/json"}

    answer = client.post("/v1/keys", headers=headers, content=b"{broken")

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_request"


@pytest.mark.parametrize("storage", ["memory", "database"])
def test_writes_are_limited_per_account(
    settings: Settings, clock: ManualClock, make_member: object, storage: str
) -> None:
    limited = settings.model_copy(update={"rate_writes": "2/hour", "limits_storage": storage})
    app = create_app(limited, clock=clock, parts=(*PARTS, Part(name="trial", routers=(router,))))
    first, other = make_member(), make_member()

    with TestClient(app) as client:
        made = [
            client.post("/trial/things", headers=who.headers, json={"name": "x"}).status_code
            for who in (first, first, first, other)
        ]

    assert made == [201, 201, 429, 201]


def test_limits_in_the_database_hold_across_processes_and_end(
    settings: Settings, clock: ManualClock
) -> None:
    limited = settings.model_copy(update={"rate_sign_in": "2/hour", "limits_storage": "database"})
    body = {"email": "ada@example.org", "password": "guess"}

    def sign_in() -> int:
        with TestClient(create_app(limited, clock=clock)) as client:
            return client.post("/v1/session", json=body).status_code

    before = [sign_in() for _ in range(3)]
    clock.advance(3601)

    assert before == [401, 401, 429]
    assert sign_in() == 401


def test_unknown_keys_are_limited_per_address(settings: Settings, clock: ManualClock) -> None:
    limited = settings.model_copy(update={"rate_anonymous": "3/hour"})

    with TestClient(create_app(limited, clock=clock)) as client:
        headers = {"Authorization": "Bearer shk_guess"}
        answers = [client.get("/v1/account", headers=headers).status_code for _ in range(4)]

    assert answers == [401, 401, 401, 429]


def test_the_service_says_that_it_lives_and_is_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}


def test_what_is_missing_for_being_ready_is_named(app: FastAPI, client: TestClient) -> None:
    def fail() -> None:
        raise OSError

    app.state.readiness["cellar"] = fail

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["error"]["details"]["failing"] == ["cellar"]


def test_numbers_are_counted_by_route(
    settings: Settings, clock: ManualClock, member: Member
) -> None:
    app = create_app(settings, clock=clock)
    with TestClient(app, client=("127.0.0.1", 1)) as client:
        client.get("/v1/keys/key_nothing", headers=member.headers)
        text = client.get("/metrics").text

    assert 'route="/v1/keys/{key_id}",status="404"' in text
    assert "key_nothing" not in text


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, 403),
        ("192.0.2.1", {}, 403),
    ],
)
def test_numbers_are_for_this_machine(
    app: FastAPI, host: str, headers: dict[str, str], status: int
) -> None:
    with TestClient(app, client=(host, 1)) as client:
        assert client.get("/metrics", headers=headers).status_code == status


def test_a_token_opens_the_numbers_to_others(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"metrics_token": SecretStr("letmein")}))

    with TestClient(app, client=("192.0.2.1", 1)) as client:
        wrong = client.get("/metrics", headers={"Authorization": "Bearer wrong"})
        right = client.get("/metrics", headers={"Authorization": "Bearer letmein"})

    assert (wrong.status_code, right.status_code) == (403, 200)


def test_the_description_of_the_api_names_errors_and_security(client: TestClient) -> None:
    described = client.get("/openapi.json").json()

    assert "ErrorBody" in described["components"]["schemas"]
    assert "bearer" in described["components"]["securitySchemes"]
