# Mails: over SMTP, into a folder, tried again; and the pages behind their links.

from __future__ import annotations

import shutil
import socketserver
import stat
import string
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from stemhouse.db.session import SessionFactory, reading, transaction
from stemhouse.domains.accounts import letters, outbox
from stemhouse.domains.accounts.mail import FolderMailer, Mail, SmtpMailer
from stemhouse.domains.accounts.tables import OutgoingMail
from stemhouse.errors import InvalidSettings, MailFailed
from stemhouse.pages.texts import languages
from stemhouse.settings import Settings
from stemhouse.sites.place import shipped_folder
from stemhouse.testing.clock import ManualClock
from tests.service.browser import PASSWORD, Browser, mails, token_in

MAIL = Mail(recipient="ada@example.org", subject="Grüße", body="https://example.org/?token=x\n")


class Script(socketserver.StreamRequestHandler):
    # The other end of SMTP, as far as a mail without encryption needs it.
    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b""
                while not body.endswith(b"\r\n.\r\n"):
                    body += self.rfile.readline()
                self.server.taken.append(body)
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n")
            if verb == b"QUIT":
                return


@contextmanager
def mail_server() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Script) as server:
        server.taken = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class FailingMailer:
    def __init__(self) -> None:
        self.attempts = 0
        self.broken = True

    def send(self, mail: Mail) -> None:
        self.attempts += 1
        if self.broken:
            raise MailFailed("the server is away")


def put(sessions: SessionFactory, clock: ManualClock) -> None:
    with transaction(sessions) as session:
        outbox.put(session, MAIL, clock())


def waiting(sessions: SessionFactory) -> int:
    with reading(sessions) as session:
        return len(session.scalars(select(OutgoingMail.id)).all())


def test_a_mail_reaches_an_smtp_server() -> None:
    with mail_server() as server:
        port = server.server_address[1]

        SmtpMailer(f"smtp://127.0.0.1:{port}", "stemhouse@example.org").send(MAIL)

        (text,) = server.taken
    assert b"To: ada@example.org" in text
    assert b"token=x" in text


def test_a_password_is_not_sent_without_encryption() -> None:
    with mail_server() as server:
        mailer = SmtpMailer(f"smtp://ada:secret@127.0.0.1:{server.server_address[1]}", "a@b.c")

        with pytest.raises(MailFailed, match="no encryption"):
            mailer.send(MAIL)


def test_a_server_that_is_away_is_told() -> None:
    with mail_server() as server:
        port = server.server_address[1]

    with pytest.raises(MailFailed, match="did not take"):
        SmtpMailer(f"smtp://127.0.0.1:{port}", "a@b.c").send(MAIL)


def test_an_address_of_a_server_must_say_how() -> None:
    with pytest.raises(InvalidSettings, match="smtp_url"):
        SmtpMailer("mail.example.org", "a@b.c")


def test_mails_in_the_folder_are_their_owners_alone(tmp_path: Path) -> None:
    FolderMailer(tmp_path / "mails", "stemhouse@localhost").send(MAIL)

    (path,) = (tmp_path / "mails").iterdir()
    assert path.suffix == ".eml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_log_tells_where_a_mail_is_but_not_its_link(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="stemhouse")

    FolderMailer(tmp_path, "stemhouse@localhost").send(MAIL)

    assert str(tmp_path) in str(vars(caplog.records[0]))
    assert "token" not in str(vars(caplog.records[0]))


def test_a_mail_is_tried_again_later_each_time(
    sessions: SessionFactory, clock: ManualClock
) -> None:
    mailer = FailingMailer()
    put(sessions, clock)

    outbox.send_due(sessions, mailer, clock)
    outbox.send_due(sessions, mailer, clock)
    clock.advance(outbox.FIRST_WAIT_S)
    outbox.send_due(sessions, mailer, clock)
    clock.advance(outbox.FIRST_WAIT_S)
    outbox.send_due(sessions, mailer, clock)

    assert mailer.attempts == 2
    mailer.broken = False
    clock.advance(outbox.FIRST_WAIT_S)
    assert outbox.send_due(sessions, mailer, clock) == 1
    assert waiting(sessions) == 0


def test_a_mail_is_given_up_in_the_end(sessions: SessionFactory, clock: ManualClock) -> None:
    mailer = FailingMailer()
    put(sessions, clock)

    for _ in range(outbox.MAX_ATTEMPTS + 2):
        outbox.send_due(sessions, mailer, clock)
        clock.advance(86_400)

    assert mailer.attempts == outbox.MAX_ATTEMPTS
    assert waiting(sessions) == 0


def test_a_rolled_back_change_sends_no_mail(sessions: SessionFactory, clock: ManualClock) -> None:
    def fail() -> None:
        with transaction(sessions) as session:
            outbox.put(session, MAIL, clock())
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert waiting(sessions) == 0


def test_opening_the_link_changes_nothing_and_the_button_confirms(
    client: TestClient, settings: Settings
) -> None:
    browser = Browser(client)
    browser.sign_up("ada@example.org")
    token = token_in(mails(settings.data_dir, 1)[0])

    opened = browser.get("/verify", params={"token": token})
    before = browser.get("/v1/account").json()["email_verified"]
    pressed = browser.post(
        "/verify", data={"token": token}, headers={"Origin": "http://testserver"}
    )
    again = browser.post("/verify", data={"token": token})

    assert token in opened.text
    assert not before
    assert pressed.status_code == 200
    assert 'data-visitor="user"' in pressed.text
    assert browser.get("/v1/account").json()["email_verified"]
    assert again.status_code == 410


def test_a_new_password_can_be_chosen_without_scripts(
    client: TestClient, settings: Settings
) -> None:
    browser = Browser(client)
    browser.sign_up("ada@example.org")
    browser.post("/v1/password-reset", json={"email": "ada@example.org"})
    token = token_in(mails(settings.data_dir, 2)[1])

    opened = browser.get("/reset", params={"token": token})
    chosen = browser.post("/reset", data={"token": token, "password": "another password"})

    assert 'type="password"' in opened.text
    assert 'data-visitor="nobody"' in chosen.text
    assert Browser(client).sign_in("ada@example.org", "another password").status_code == 200


def test_a_password_that_is_too_short_leaves_the_link_good(
    client: TestClient, settings: Settings
) -> None:
    browser = Browser(client)
    browser.sign_up("ada@example.org")
    browser.post("/v1/password-reset", json={"email": "ada@example.org"})
    token = token_in(mails(settings.data_dir, 2)[1])

    refused = browser.post("/reset", data={"token": token, "password": "short"})
    again = browser.post("/reset", data={"token": token, "password": "another password"})

    assert refused.status_code == 422
    assert "At least 8 characters" in refused.text
    assert token in refused.text
    assert again.status_code == 200


def test_pages_of_links_look_like_the_site_and_are_kept_nowhere(client: TestClient) -> None:
    page = client.get("/verify", params={"token": "secret"})

    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    assert 'class="brand"' in page.text
    # A link to the same page in another language would be one without the token.
    assert "hreflang" not in page.text


def test_what_is_in_the_link_cannot_write_into_the_page(client: TestClient) -> None:
    page = client.get("/verify", params={"token": '"><script>alert(1)</script>'})

    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("language", letters.languages())
def test_mails_say_the_same_in_every_language(language: str) -> None:
    def facts(texts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, set[str]]]:
        return {
            kind: {part: values_in(text[part]) for part in text} for kind, text in texts.items()
        }

    usual = letters.texts_in(letters.USUAL)

    assert facts(letters.texts_in(language)) == facts(usual)
    assert letters.languages() == languages()
    assert all(text["subject"] and "\n" not in text["subject"] for text in usual.values())


def values_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(
    ("preferred", "subject", "page"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "Wähle ein neues Passwort", "/de/reset?token="),
        ("en", "choose a new password", "/reset?token="),
        ("fr", "choose a new password", "/reset?token="),
    ],
)
def test_mails_speak_as_the_page_does(
    client: TestClient, settings: Settings, preferred: str, subject: str, page: str
) -> None:
    shutil.copytree(shipped_folder() / "studio", settings.data_dir / "sites" / "studio")
    client.app.state.services.sites._looked_at = 0.0  # type: ignore[attr-defined]
    browser = Browser(client)
    browser.post("/s/studio/v1/account", json={"email": "ada@example.org", "password": PASSWORD})
    mails(settings.data_dir, 1)

    asked = {"email": "ada@example.org"}
    headers = {"Accept-Language": preferred}
    browser.post("/s/studio/v1/password-reset", json=asked, headers=headers)

    mail = mails(settings.data_dir, 2)[1]
    assert subject in mail["Subject"]
    assert page in mail.get_content()
