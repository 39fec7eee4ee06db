# Settings: where they come from, what is refused, and that the page about them is current.

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stemhouse.errors import InvalidSettings
from stemhouse.settings import Settings
from stemhouse.settings_sources import load_settings, with_secret
from stemhouse.settings_view import HIDDEN, shown_settings

ROOT = Path(__file__).resolve().parents[2]
LONG = "0123456789abcdef0123456789abcdef"


def test_everything_has_a_default() -> None:
    settings = load_settings({})

    assert settings.address == "http://127.0.0.1:8000"
    assert settings.on_sqlite


def test_variables_count_before_the_file_and_options_before_both(tmp_path: Path) -> None:
    file = tmp_path / "stemhouse.toml"
    file.write_text('port = 1\nhost = "192.0.2.1"\nmail_from = "File"\n')
    environment = {"STEMHOUSE_PORT": "2", "STEMHOUSE_HOST": "192.0.2.2", "OTHER": "x"}

    settings = load_settings(environment, file, port=3)

    assert (settings.port, settings.host, settings.mail_from) == (3, "192.0.2.2", "File")


def test_a_variable_may_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "stemhouse.toml"
    file.write_text("port = 1\n")

    assert load_settings({"STEMHOUSE_CONFIG": str(file)}).port == 1


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{LONG}\n")

    settings = load_settings({"STEMHOUSE_SECRET_KEY_FILE": str(file)})

    assert settings.secret_key.get_secret_value() == LONG


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"STEMHOUSE_PROT": "1"}, "STEMHOUSE_PROT"),
        ({"STEMHOUSE_PORT": "many"}, "port"),
        ({"STEMHOUSE_SECRET_KEY": "short"}, "secret_key.*32"),
        ({"STEMHOUSE_SECRET_KEY_FILE": "nowhere"}, "STEMHOUSE_SECRET_KEY_FILE"),
        ({"STEMHOUSE_PUBLIC_URL": "example.org"}, "public_url"),
        ({"STEMHOUSE_CONFIG": "nowhere.toml"}, "nowhere.toml"),
        ({"STEMHOUSE_RATE_SIGN_IN": "often"}, "rate_sign_in"),
    ],
)
def test_a_wrong_setting_is_named(environment: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidSettings, match=told):
        load_settings(environment)


def test_a_wrong_secret_is_not_repeated() -> None:
    with pytest.raises(InvalidSettings) as caught:
        load_settings({"STEMHOUSE_SECRET_KEY": "tooshort"})

    assert "tooshort" not in str(caught.value)


def test_production_names_everything_that_is_missing() -> None:
    with pytest.raises(InvalidSettings, match=r"SECRET_KEY.*PUBLIC_URL.*SMTP_URL"):
        load_settings({"STEMHOUSE_PRODUCTION": "true"})


def test_a_key_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)

    first, second = with_secret(settings), with_secret(settings)

    assert first.secret_key == second.secret_key
    assert len(first.secret_key.get_secret_value()) >= 32
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_processes_that_share_a_database_must_share_the_key() -> None:
    settings = load_settings({"STEMHOUSE_DATABASE_URL": "postgresql://db.example.org/x"})

    with pytest.raises(InvalidSettings, match="STEMHOUSE_SECRET_KEY"):
        with_secret(settings)


def test_secrets_are_never_shown() -> None:
    environment = {
        "STEMHOUSE_SECRET_KEY": LONG,
        "STEMHOUSE_DATABASE_URL": "postgresql://ada:lovelace@db.example.org/x",
        "STEMHOUSE_SMTP_URL": "smtp://ada:lovelace@mail.example.org",
        "STEMHOUSE_LIMITS_STORAGE": "redis://:lovelace@redis.example.org:6379/0",
    }

    settings = load_settings(environment)
    shown = shown_settings(settings)

    assert shown["secret_key"] == HIDDEN
    assert "lovelace" not in str(shown)
    assert "lovelace" not in repr(settings).replace("redis://:lovelace", "")
    assert LONG not in repr(settings)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings({}).port = 1


def test_the_page_about_settings_is_current() -> None:
    check = [sys.executable, "tools/configuration.py", "--check"]

    answer = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)

    assert answer.returncode == 0, answer.stderr
