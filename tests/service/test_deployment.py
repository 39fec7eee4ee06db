# What `deploy/` installs on a server: read by what will read it, nginx before a real service.

from __future__ import annotations

import configparser
import ipaddress
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from stemhouse.cli.app import app
from stemhouse.settings_sources import load_settings
from tests.service.debian import install
from tests.service.installation import noise
from tests.service.running import answered
from tests.service.serving import Served, free_port, served

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
NAME = "stems.example.org"
VISITS = 7


def test_the_settings_are_known_and_complete(tmp_path: Path) -> None:
    lines = (DEPLOY / "stemhouse.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for name, secret in {
        "STEMHOUSE_SECRET_KEY_FILE": "a secret that only the tests know of",
        "STEMHOUSE_SMTP_URL_FILE": "smtp://127.0.0.1:25",
    }.items():
        file = tmp_path / name
        file.write_text(secret)
        given[name] = str(file)

    settings = load_settings(given, None)

    assert settings.production
    assert settings.address == f"https://{NAME}"
    assert settings.trusted_proxies == ("127.0.0.1",)
    assert not settings.on_sqlite


@pytest.mark.parametrize("unit", UNITS, ids=[unit.name for unit in UNITS])
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:

    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read(unit)
    program, *words = shlex.split(parsed["Service"]["ExecStart"].replace("%i", "8000"))

    answer = CliRunner().invoke(app, [*words, "--help"])

    assert program == "/opt/stemhouse/bin/stemhouse"
    assert answer.exit_code == 0
    assert parsed["Service"]["EnvironmentFile"] == "/etc/stemhouse/stemhouse.env"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_systemd_reads_the_units_without_a_word(tmp_path: Path) -> None:
    units = [tmp_path / unit.name for unit in UNITS]
    for unit, copy in zip(UNITS, units, strict=True):
        # It asks whether the program is there.
        copy.write_text(unit.read_text().replace("/opt/stemhouse/bin/stemhouse", sys.executable))

    answer = subprocess.run(
        ["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True, check=False
    )

    assert (answer.returncode, answer.stdout + answer.stderr) == (0, "")


@dataclass(frozen=True)
class Proxy:
    port: int
    trust: ssl.SSLContext
    served: Served

    def visitor(self, **headers: str) -> httpx2.Client:
        return httpx2.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"Host": NAME, **headers},
            verify=self.trust,
            timeout=60,
        )


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    binary = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if binary is None and install("nginx-light"):
        binary = shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        pytest.skip("there is no nginx, and it could not be installed: Debian's nginx-light")
    folder = tmp_path_factory.mktemp("nginx")
    trust = make_certificate(folder)
    variables = {
        "STEMHOUSE_PUBLIC_URL": f"https://{NAME}",
        "STEMHOUSE_TRUSTED_PROXIES": "127.0.0.1",
        "STEMHOUSE_RATE_ANONYMOUS": f"{VISITS}/hour",
    }
    with served(tmp_path_factory.mktemp("data"), **variables) as service:
        port = free_port()
        configure(folder, service_port=service.port, port=port)
        command = [binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        process = subprocess.Popen(command)
        try:
            wait_for_port(port, process)
            yield Proxy(port, trust, service)
        finally:
            process.terminate()
            process.wait(20)


def make_certificate(folder: Path) -> ssl.SSLContext:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return ssl.create_default_context(cafile=str(folder / "fullchain.pem"))


def configure(folder: Path, *, service_port: int, port: int) -> None:
    # The file as it is installed, with places and ports of this machine.
    site = (DEPLOY / "nginx.conf").read_text()
    for installed, here in {
        f"/etc/letsencrypt/live/{NAME}": str(folder),
        "127.0.0.1:8000": f"127.0.0.1:{service_port}",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
    }.items():
        assert installed in site
        site = site.replace(installed, here)
    (folder / "site.conf").write_text(site)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}include {folder}/site.conf;\n}}\n"
    )


def wait_for_port(port: int, process: subprocess.Popen[bytes], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        assert process.poll() is None, "nginx has ended"
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("nginx does not answer")


def test_a_visitor_cannot_be_somebody_else(proxy: Proxy) -> None:
    answers = []
    for number in range(VISITS + 1):
        claims = {"X-Forwarded-For": f"198.51.100.{number}", "X-Forwarded-Proto": "http"}
        with proxy.visitor(**claims) as visitor:
            answers.append(visitor.get("/v1/jobs").status_code)

    assert answers == [401] * VISITS + [429]


def test_pages_are_at_the_public_address_and_numbers_are_hidden(proxy: Proxy) -> None:
    with proxy.visitor(**{"X-Forwarded-Host": "evil.example"}) as visitor:
        page, numbers = visitor.get("/"), visitor.get("/metrics")

    assert f'<link rel="canonical" href="https://{NAME}/"' in page.text
    assert "evil.example" not in page.text
    assert all("Secure" in cookie for cookie in page.headers.get_list("set-cookie"))
    assert "max-age=" in page.headers["strict-transport-security"]
    assert numbers.status_code == 403


def test_a_song_goes_through_and_is_watched_while_it_comes_apart(proxy: Proxy) -> None:
    song = noise(60.0)
    key = {"Authorization": f"Bearer {proxy.served.key()}"}
    with proxy.visitor(**key) as visitor:
        upload = answered(visitor.post("/v1/uploads", files={"file": ("song.wav", song)}), 201)
        job = answered(visitor.post("/v1/jobs", json={"upload_id": upload["id"]}), 201)
        with visitor.stream("GET", f"/v1/jobs/{job['id']}/events") as events:
            lines = (line for line in events.iter_lines() if line.startswith("event:"))
            told = [next(lines)]
            meanwhile = visitor.get(f"/v1/jobs/{job['id']}").json()["status"]
            told += lines

    assert len(song) > 5_000_000
    assert meanwhile in {"queued", "processing"}
    assert (told[0], told[-1]) == ("event: job.queued", "event: job.succeeded")


def test_what_arrived_of_a_broken_upload_is_kept(proxy: Proxy) -> None:
    key = {"Authorization": f"Bearer {proxy.served.key()}", "Tus-Resumable": "1.0.0"}
    size, sent = 4_000_000, 1_500_000
    with proxy.visitor(**key) as visitor:
        created = visitor.post("/v1/uploads/resumable", headers={"Upload-Length": str(size)})
        address = httpx2.URL(created.headers["location"]).path
        break_off(proxy, address, key, size, bytes(sent))
        offset = 0
        while not offset:  # the proxy tells the service that the visitor has left
            seen = visitor.head(address)
            assert seen.status_code == 200
            offset = int(seen.headers["upload-offset"])

    assert 0 < offset <= sent


def break_off(proxy: Proxy, path: str, key: dict[str, str], size: int, part: bytes) -> None:
    headers = {
        **key,
        "Host": NAME,
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(size),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with (
        socket.create_connection(("127.0.0.1", proxy.port)) as line,
        proxy.trust.wrap_socket(line, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(f"PATCH {path} HTTP/1.1\r\n{head}\r\n".encode() + part)
