# Nobody reaches what is somebody else's: every route that names a thing is walked.

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from stemhouse.api.parts import PARTS
from stemhouse.db.session import SessionFactory
from tests.service.conftest import MakeMember, Member
from tests.service.foreign import MAKERS, NOBODYS, Owner

PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


def named_routes() -> Iterator[tuple[str, str]]:
    for part in PARTS:
        for router in part.routers:
            for route in router.routes:
                # Operators' routes name what is of others: test_admin.py walks them.
                # Pages are frames, the same for everybody: what is in them comes from the API.
                if not isinstance(route, APIRoute) or not route.path.startswith("/v1/"):
                    continue
                if route.path.startswith("/v1/admin/"):
                    continue
                if PARAMETER.search(route.path):
                    yield from ((method, route.path) for method in sorted(route.methods))


ROUTES = list(named_routes())


def address(path: str, values: dict[str, str]) -> str:
    return PARAMETER.sub(lambda found: values[found[1]], path)


def test_every_parameter_has_somebody_who_owns_one() -> None:
    parameters = {name for _, path in ROUTES for name in PARAMETER.findall(path)}

    assert parameters <= MAKERS.keys() | NOBODYS.keys()


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda value: value)
def test_another_accounts_ids_answer_404_and_ones_own_do_not(
    method: str,
    path: str,
    app: FastAPI,
    client: TestClient,
    sessions: SessionFactory,
    make_member: MakeMember,
) -> None:
    if set(PARAMETER.findall(path)) & NOBODYS.keys():
        pytest.skip("names nothing of an account")
    owner, stranger = make_member(), make_member()
    things = Owner(app, client, sessions, owner)
    named = address(path, {name: things.value(name) for name in PARAMETER.findall(path)})
    fitting = FITTING.get((method, path), {})

    strangers = client.request(method, named, headers={**stranger.headers, **fitting})
    owners = client.request(method, named, headers={**owner.headers, **fitting})

    assert strangers.status_code == 404, strangers.text
    assert owners.status_code != 404, owners.text


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda value: value)
def test_without_a_key_nothing_is_told(
    method: str, path: str, client: TestClient, member: Member
) -> None:
    if set(PARAMETER.findall(path)) & NOBODYS.keys():
        pytest.skip("names nothing of an account")
    values = dict.fromkeys(PARAMETER.findall(path), "anything")

    answer = client.request(method, address(path, values), headers=FITTING.get((method, path)))

    assert answer.status_code == 401, answer.text


def test_every_error_has_the_one_body(app: FastAPI, client: TestClient, member: Member) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        for _, path in ROUTES:
            values = dict.fromkeys(PARAMETER.findall(path), "anything")
            answer = client.request(method, address(path, values), headers=member.headers)
            if answer.status_code >= 400:
                error = answer.json()["error"]
                assert set(error) == {"code", "message", "details", "request_id"}, path


# Headers without which a request would be refused for another reason.
TUS = {"Tus-Resumable": "1.0.0"}
FITTING = {
    (method, path): {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    for method, path in ROUTES
    if "resumable" in path
}
