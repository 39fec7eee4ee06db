"""Where settings come from: variables, files with secrets, one TOML file.

The first that names a setting counts: what the caller overrides, ``STEMHOUSE_NAME``, the file that
``STEMHOUSE_NAME_FILE`` names, the TOML file, the default.
"""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from stemhouse.errors import InvalidSettings
from stemhouse.settings import Settings

PREFIX = "STEMHOUSE_"
FILE_SUFFIX = "_FILE"
CONFIG_VARIABLE = "STEMHOUSE_CONFIG"
CLIENT_VARIABLES = frozenset({"STEMHOUSE_SERVER", "STEMHOUSE_KEY"})
"""What `stemhouse remote` reads: no settings of a service, and no misspelt ones."""
SECRET_FILE = "secret.key"
OF_A_SITE = "__"
"""Stands between a setting and the site that it is for: STEMHOUSE_STRIPE_SECRET_KEY__STUDIO."""
SITE_SETTINGS = frozenset({"stripe_secret_key", "stripe_webhook_secret"})


def load_settings(
    environment: Mapping[str, str], config: Path | None = None, **overrides: Any
) -> Settings:
    """Build the settings of this process.

    Parameters
    ----------
    environment : mapping
        The process's variables; other than ours are ignored, unknown ones of ours refused.
    config : Path, optional
        A TOML file; STEMHOUSE_CONFIG names one where none is given.
    **overrides
        Settings that count before all others; None means not given.

    Raises
    ------
    InvalidSettings
        A setting is unknown, has a wrong value or is missing; the message names it.
    """
    if config is None and environment.get(CONFIG_VARIABLE):
        config = Path(environment[CONFIG_VARIABLE])
    values = _from_toml(config) if config else {}
    values = _with_keys_of_sites(values, _from_environment(environment))
    values |= {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise InvalidSettings(_explain(error)) from None
    if settings.production:
        _refuse_gaps(settings)
    return settings


def with_secret(settings: Settings) -> Settings:
    """Return the settings with a secret key: the given one, or one made once and kept.

    Raises
    ------
    InvalidSettings
        None is given, and a kept one would not reach the other processes of the database.
    """
    if settings.secret_key.get_secret_value():
        return settings
    if not settings.on_sqlite:
        raise InvalidSettings(
            "processes that share a database must share STEMHOUSE_SECRET_KEY (or "
            "STEMHOUSE_SECRET_KEY_FILE): at least 32 random characters, the same for all of them",
            missing=["STEMHOUSE_SECRET_KEY"],
        )
    path = settings.data_dir / SECRET_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return settings.model_copy(update={"secret_key": SecretStr(path.read_text().strip())})


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable in sorted(environment, key=lambda name: not name.endswith(FILE_SUFFIX)):
        if not variable.startswith(PREFIX) or variable in {CONFIG_VARIABLE, *CLIENT_VARIABLES}:
            continue
        name = variable.removeprefix(PREFIX).lower()
        text = environment[variable]
        if name not in Settings.model_fields and variable.endswith(FILE_SUFFIX):
            name, text = name.removesuffix(FILE_SUFFIX.lower()), _read(Path(text), variable)
        setting, apart, site = name.partition(OF_A_SITE)
        if apart and site and setting in SITE_SETTINGS:
            table = values.setdefault("stripe_sites", {}).setdefault(site.replace("_", "-"), {})
            table[setting.removeprefix("stripe_")] = text
            continue
        if name not in Settings.model_fields:
            raise InvalidSettings(
                f"there is no setting {variable}: docs/configuration.md lists them all",
                setting=variable,
            )
        values[name] = _parse(name, text)
    return values


def _with_keys_of_sites(values: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Put the variables over the file; keys of sites one by one."""
    tables = values.get("stripe_sites", {})
    keys_of_sites = given.get("stripe_sites", {})
    if isinstance(tables, dict) and isinstance(keys_of_sites, dict):
        merged = {site: {**tables.get(site, {}), **keys} for site, keys in keys_of_sites.items()}
        given = given | {"stripe_sites": tables | merged}
    return values | given


def _parse(name: str, text: str) -> Any:
    if isinstance(Settings.model_fields[name].default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return None if name in {"models_dir", "sites_dir"} and not text else text


def _read(path: Path, variable: str) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(
            f"the file that {variable} names cannot be read ({type(error).__name__})",
            setting=variable,
        ) from error


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise InvalidSettings(f"the configuration {path} cannot be read: {error}") from error
    except ValueError as error:  # not TOML, or not text
        raise InvalidSettings(f"the configuration {path} is not TOML: {error}") from error


def _explain(error: ValidationError) -> str:
    # The values stay out: they may be secrets.
    problems = [
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False)
    ]
    return f"settings cannot be used: {'; '.join(problems)} (see docs/configuration.md)"


def _refuse_gaps(settings: Settings) -> None:
    needed = {
        "secret_key": settings.secret_key.get_secret_value(),
        "public_url": settings.public_url,
        "smtp_url": settings.smtp_url.get_secret_value(),
    }
    missing = [f"{PREFIX}{name.upper()}" for name, value in needed.items() if not value]
    if missing:
        raise InvalidSettings(
            f"in production these settings must be given: {', '.join(missing)} "
            "(secrets also as files, with _FILE after the name)",
            missing=missing,
        )
