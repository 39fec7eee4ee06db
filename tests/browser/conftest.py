# A real browser at a real service, wide as a laptop and narrow as a phone.
#
# `page` is a fresh visitor; a test that asks for it runs at both widths. Errors on its console fail
# the test, unless `expected_errors` names them. `look(page, "name")` leaves a picture in the
# folder screenshots/, and `faults_of(page)` is what axe finds.

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import running_chromium
from tests.service.browser import PASSWORD
from tests.service.installation import noise
from tests.service.serving import Served, served

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "screenshots"
AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
SIZES = {"wide": (1280, 800), "narrow": (390, 844)}
PATIENCE_MS = 30_000  # machines that test are busy machines

expect.set_options(timeout=PATIENCE_MS)

Look = Callable[[Page, str], None]
JSON = dict[str, Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("service")) as service:
        yield service


# For what does not depend on how wide a screen is.
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def expected_errors() -> list[str]:
    # Patterns of console lines that a test brings about; whatever else is said there is a fault.
    return []


@pytest.fixture
def context(browser: Browser, service: Served, size: str) -> Iterator[BrowserContext]:
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=service.url,
        viewport={"width": width, "height": height},
        has_touch=size == "narrow",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, expected_errors: list[str]) -> Iterator[Page]:
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    unexpected = [
        line for line in said if not any(re.search(known, line) for known in expected_errors)
    ]
    assert not unexpected


@pytest.fixture
def member(page: Page) -> str:
    # Somebody who is signed in; the address of their e-mail.
    email = f"{uuid.uuid4().hex}@example.org"
    answer = page.request.post("/v1/account", data={"email": email, "password": PASSWORD})
    assert answer.ok, answer.text()
    return email


def take_apart(page: Page, song: Path, root: str = "", **wish: object) -> JSON:
    # A song of whoever the page's cookies say, separated; root is a site's, "" or "/s/NAME".
    token = page.request.get(f"{root}/v1/session").json()["csrf_token"]
    headers = {"X-CSRF-Token": token}
    file = {"name": song.name, "mimeType": "audio/wav", "buffer": song.read_bytes()}
    upload = page.request.post(f"{root}/v1/uploads", multipart={"file": file}, headers=headers)
    assert upload.ok, upload.text()
    answer = page.request.post(
        f"{root}/v1/jobs",
        data={"upload_id": upload.json()["id"], **wish},
        headers=headers | {"Prefer": "wait=60"},
        timeout=90_000,
    )
    job = answer.json()
    for _ in range(120):  # a busy machine may take longer than may be asked for
        if job.get("status") not in {"queued", "processing"}:
            break
        page.wait_for_timeout(1000)
        job = page.request.get(f"{root}/v1/jobs/{job['id']}").json()
    assert job.get("status") == "succeeded", job
    return dict(job)


@dataclass(frozen=True)
class Kept:
    job: JSON
    cookies: list[Any]


@pytest.fixture(scope="session")
def kept(browser: Browser, service: Served, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    # A song that is taken apart once, for all tests that only look at it and listen.
    path = tmp_path_factory.mktemp("kept") / "Paper Boats.wav"
    path.write_bytes(noise(12.5))
    with browser.new_context(base_url=service.url) as context:
        page = context.new_page()
        account = {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD}
        assert page.request.post("/v1/account", data=account).ok
        job = take_apart(page, path, quality="fast")
        wanted = ("name", "value", "domain", "path")
        cookies = [{name: one[name] for name in wanted} for one in context.cookies()]
    return Kept(job, cookies)


@pytest.fixture
def job(page: Page, kept: Kept) -> JSON:
    # The page is its owner's.
    page.context.add_cookies(kept.cookies)
    return kept.job


@pytest.fixture
def look(size: str) -> Look:
    def look(page: Page, name: str) -> None:
        PICTURES.mkdir(exist_ok=True)
        width = SIZES[size][0]
        page.screenshot(path=PICTURES / f"{name}-{width}.png", full_page=True)

    return look


@pytest.fixture
def song(tmp_path: Path) -> Callable[..., Path]:
    def song(name: str = "song.wav", seconds: float = 3.0, seed: int = 0) -> Path:
        path = tmp_path / name
        path.write_bytes(noise(seconds, seed))
        return path

    return song


def faults_of(page: Page) -> list[str]:
    # Halfway through a fade, such as that of a button that waited, colours are neither old nor new.
    page.wait_for_function(
        "() => !document.getAnimations().some("
        "one => one instanceof CSSTransition && one.playState === 'running')"
    )
    # Not a script tag: the pages' policy would refuse it, and rightly.
    page.evaluate(AXE.read_text())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", tags)
    return [
        f"{fault['id']}: {node['html'][:160]} ({node['failureSummary']})"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]
