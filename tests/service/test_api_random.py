# Requests that schemathesis makes up from the OpenAPI document: whatever is sent, the answer is
# one that the document allows, and never a 5xx.
#
# The quick profile runs always; `pytest -m slow` sends many more, on both databases.

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as profile
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from stemhouse.settings import Settings
from stemhouse.testing.sites import write_site
from tests.service.conftest import MakeMember
from tests.service.postgres import free_port

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
QUICK, THOROUGH = 4, 60
# Refuses connections, and private anyway: nothing is fetched from anywhere.
NOWHERE = "http://127.0.0.1:9/song.mp3"

pytestmark = [
    # The service runs in this process, and may use `random` while a request is made up.
    pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning"),
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # What is looked for here are mistakes, not the limits.
    write_site(settings.data_dir / "sites", guard__guests_per_address_per_day=1_000_000)
    return settings.model_copy(
        update={
            "rate_requests": "",
            "rate_anonymous": "",
            "rate_writes": "",
            "rate_sign_in": "",
        }
    )


@schemathesis.serializer("application/offset+octet-stream")
def as_they_are(_context: object, value: object) -> bytes:
    # schemathesis wraps binary values that it makes up.
    return value if isinstance(value, bytes) else bytes(getattr(value, "data", b"x"))


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    port = free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def tamed(case: Any) -> Any:
    # A made-up address may be somebody's.
    if isinstance(case.body, dict) and str(case.body.get("url", "")).startswith("http"):
        case.body["url"] = NOWHERE
    return case


def try_everything(app: FastAPI, make_member: MakeMember, examples: int) -> None:
    wrong: set[str] = set()
    with served(app) as address:
        schema = schemathesis.openapi.from_dict(app.openapi())
        for found in schema.get_all_operations():
            operation = found.ok()
            # Some of what is made up deletes accounts: one for each.
            headers = make_member().headers
            wrong |= {
                f"{operation.label}: {failure}"
                for failure in failures_of(operation, address, headers, examples)
            }
    assert not wrong, "\n\n".join(sorted(wrong))


def failures_of(
    operation: Any, address: str, headers: dict[str, str], examples: int
) -> list[Exception]:
    # Collected, not raised: hypothesis would repeat what failed, in another state of the service.
    failures: list[Exception] = []

    @given(case=operation.as_strategy())
    @profile(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any) -> None:
        answer = tamed(case).call(base_url=address, headers=headers, timeout=30)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            failures.extend(group.exceptions)

    send()
    return failures


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_made_up_requests_are_answered_as_described(app: FastAPI, make_member: MakeMember) -> None:
    try_everything(app, make_member, QUICK)


@pytest.mark.slow
def test_many_made_up_requests_are_answered_as_described(
    app: FastAPI, make_member: MakeMember, request: pytest.FixtureRequest
) -> None:
    if "slow" not in str(request.config.getoption("-m")):
        pytest.skip("takes minutes: give -m slow")
    try_everything(app, make_member, THOROUGH)
