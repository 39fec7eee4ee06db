"""All settings of the service: one frozen object, built at the entry point and passed down.

``stemhouse.settings_sources`` fills it from variables and files; nothing else reads the
environment. Each field has a type, a default and one sentence, and docs/configuration.md is made
from them. A feature is on when its settings are present.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from limits import parse_many
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Bytes = Annotated[int, Field(gt=0)]

_DAY_S = 86_400.0


def _setting(default: Any, group: str, description: str) -> Any:
    return Field(default, description=description, json_schema_extra={"group": group})


class SiteStripe(BaseModel):
    """Keys of a site that has a Stripe account of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret_key: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")


class Settings(BaseModel):
    """The effective settings of one process."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    # --- the installation
    data_dir: Path = _setting(
        platformdirs.user_data_path("stemhouse"),
        "Installation",
        "Folder for the database, files, mails and keys, as far as nothing else is set.",
    )
    production: bool = _setting(
        False,
        "Installation",
        "Refuse to start while secret_key, public_url or smtp_url is missing.",
    )
    public_url: str = _setting(
        "",
        "Installation",
        "Address under which people reach the service, for links in mails and secure cookies; "
        "empty means http://host:port.",
    )
    secret_key: SecretStr = _setting(
        SecretStr(""),
        "Installation",
        "Signs cookies and links, at least 32 characters; empty means one that is made once and "
        "kept in data_dir.",
    )
    sites_dir: Path | None = _setting(
        None,
        "Installation",
        "Folder of the sites, each a folder with a site.toml; empty means the folder sites in "
        "data_dir where there is one, else the sites that come with Stemhouse.",
    )

    # --- the server
    host: str = _setting("127.0.0.1", "Server", "Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65_535)] = _setting(8000, "Server", "Port to listen on.")
    trusted_proxies: tuple[str, ...] = _setting(
        (),
        "Server",
        "Addresses of proxies whose X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host are "
        "believed.",
    )
    shutdown_s: Seconds = _setting(
        10.0, "Server", "Seconds that open requests get to finish when the service stops."
    )

    # --- the database
    database_url: SecretStr = _setting(
        SecretStr(""),
        "Database",
        "postgresql://user:password@host/name or sqlite:///path; empty means SQLite in data_dir.",
    )

    # --- files
    storage_url: str = _setting(
        "",
        "Storage",
        "s3://bucket/prefix or file:///path; empty means the folder files in data_dir.",
    )
    s3_endpoint: str = _setting("", "Storage", "Address of an S3 server other than Amazon's.")
    s3_public_endpoint: str = _setting(
        "", "Storage", "Address under which browsers reach the S3 server, where it is another."
    )
    s3_region: str = _setting("us-east-1", "Storage", "Region of the bucket.")
    s3_access_key: str = _setting("", "Storage", "Name of the access key of the bucket.")
    s3_secret_key: SecretStr = _setting(SecretStr(""), "Storage", "The access key's secret.")
    link_ttl_s: Seconds = _setting(3600.0, "Storage", "Seconds that a signed link works.")

    kept_downloads_bytes: Count = _setting(
        2_000_000_000,
        "Storage",
        "Room in data_dir/downloads for finished downloads, kept for an hour so that they can be "
        "resumed; 0 keeps none, and then only WAV can be.",
    )

    # --- uploads
    upload_ttl_s: Seconds = _setting(
        _DAY_S, "Uploads", "Seconds after which an unfinished upload is removed."
    )
    fetch_timeout_s: Seconds = _setting(
        120.0, "Uploads", "Seconds that fetching a song from an address may take."
    )
    allow_private_addresses: bool = _setting(
        False,
        "Uploads",
        "Let songs be fetched from, and webhooks be sent to, private addresses: for tests and "
        "closed networks.",
    )
    probe_memory_bytes: Bytes = _setting(
        1_073_741_824, "Uploads", "Memory that examining an upload may take."
    )
    probe_cpu_s: Seconds = _setting(30.0, "Uploads", "Seconds of CPU that examining may take.")

    # --- webhooks
    webhook_timeout_s: Annotated[float, Field(gt=0, le=60)] = _setting(
        15.0, "Webhooks", "Seconds in which an endpoint must answer a delivery."
    )

    # --- accounts
    sign_up: Literal["open", "verify", "closed"] = _setting(
        "open",
        "Accounts",
        "open: an account works at once; verify: after its address is confirmed; closed: only "
        "stemhouse user create makes accounts.",
    )
    session_ttl_s: Seconds = _setting(
        30 * _DAY_S, "Accounts", "Seconds after its last use that a session ends."
    )
    smtp_url: SecretStr = _setting(
        SecretStr(""),
        "Accounts",
        "smtp://user:password@host:587 (STARTTLS) or smtps://…:465; empty means that mails are "
        "written to the folder mails in data_dir and told in the log.",
    )
    mail_from: str = _setting(
        "stemhouse@localhost", "Accounts", "Sender of the mails that the service writes."
    )
    openid_issuer: str = _setting(
        "", "Accounts", "Address of an OpenID provider; set it to offer signing in there."
    )
    openid_client_id: str = _setting("", "Accounts", "The provider's name for this service.")
    openid_client_secret: SecretStr = _setting(
        SecretStr(""), "Accounts", "The provider's secret for this service."
    )

    # --- payments
    stripe_secret_key: SecretStr = _setting(
        SecretStr(""),
        "Payments",
        "Secret key of the Stripe account that sites are paid into; empty means that nothing is "
        "sold. With a site's name behind two underscores (…_KEY__STUDIO): of that site alone.",
    )
    stripe_webhook_secret: SecretStr = _setting(
        SecretStr(""),
        "Payments",
        "Signs what Stripe sends to /v1/stripe/webhooks; empty means that Stripe is asked for what "
        "happened instead. With __STUDIO after it: of that site alone.",
    )
    stripe_sites: dict[str, SiteStripe] = _setting(
        {},
        "Payments",
        "In a TOML file, keys of single sites: [stripe_sites.studio] with secret_key and "
        "webhook_secret.",
    )
    stripe_api: str = _setting(
        "", "Payments", "Address of a Stripe that is not Stripe's own: for trying payments out."
    )
    payment_grace_s: Seconds = _setting(
        7 * _DAY_S, "Payments", "Seconds that a plan goes on when its renewal was not paid."
    )
    payment_sweep_s: Annotated[float, Field(ge=1)] = _setting(
        60.0,
        "Payments",
        "Seconds between two looks for events of Stripe that did not arrive, or were not done.",
    )

    # --- costs
    cost_currency: Annotated[str, Field(pattern=r"^([a-z]{3})?$")] = _setting(
        "",
        "Costs",
        "Currency of the prices below, such as usd; with it operators see what jobs cost, and the "
        "margin of each site.",
    )
    cost_processor_hour_cents: Annotated[float, Field(ge=0)] = _setting(
        0.0, "Costs", "What an hour of one processor core costs, in cents."
    )
    cost_device_hour_cents: Annotated[float, Field(ge=0)] = _setting(
        0.0, "Costs", "What an hour of a GPU costs, in cents."
    )
    cost_gb_month_cents: Annotated[float, Field(ge=0)] = _setting(
        0.0, "Costs", "What it costs to keep a gigabyte for thirty days, in cents."
    )

    # --- rate limits
    limits_storage: str = _setting(
        "database",
        "Rate limits",
        "Where sign-ins, guests, uploads and jobs are counted: database, memory, or "
        "redis://host:6379/0, which then counts all other requests too.",
    )
    rate_requests: str = _setting("1200/minute", "Rate limits", "Requests of one account.")
    rate_anonymous: str = _setting(
        "300/minute", "Rate limits", "Requests of one address without a valid key or session."
    )
    rate_writes: str = _setting(
        "300/minute", "Rate limits", "Uploads and jobs that one account may create."
    )
    rate_sign_in: str = _setting(
        "10/minute;50/hour",
        "Rate limits",
        "Sign-ins, sign-ups and password resets of one address, and of one e-mail address.",
    )

    # --- workers
    worker_poll_s: Annotated[float, Field(ge=0.05, le=5)] = _setting(
        1.0,
        "Workers",
        "Seconds between two looks at the queue when nothing rings: a job that is queued wakes the "
        "workers at once.",
    )
    heartbeat_s: Seconds = _setting(5.0, "Workers", "Seconds between two signs of life.")
    dead_after_s: Seconds = _setting(
        30.0, "Workers", "Seconds of silence after which a worker's jobs run elsewhere."
    )
    max_attempts: Annotated[int, Field(ge=1)] = _setting(
        3, "Workers", "Attempts after which a song that brings its worker down has failed."
    )
    songs_at_once: Annotated[int, Field(ge=1, le=64)] = _setting(
        1,
        "Workers",
        "Songs that each worker separates side by side; the same for all workers of a queue.",
    )
    worker_queue: Literal["cpu", "gpu"] = _setting(
        "cpu", "Workers", "Which songs this worker takes: cpu, or gpu, those of gpu_qualities."
    )
    gpu_qualities: tuple[Literal["fast", "standard", "best"], ...] = _setting(
        (),
        "Workers",
        "Qualities whose songs wait for workers with worker_queue=gpu; the same everywhere.",
    )
    song_memory_bytes: Count = _setting(
        8_589_934_592,
        "Workers",
        "Memory that separating one song may take; 0 means no limit.",
    )
    song_stall_s: Seconds = _setting(
        120.0, "Workers", "Seconds without progress after which a separation is ended."
    )
    models_dir: Path | None = _setting(
        None, "Workers", "Folder of the weights; empty means the user's cache."
    )
    provider: Literal["auto", "openvino", "onnxruntime"] = _setting(
        "auto", "Workers", "Runtime that computes the network."
    )
    device: Literal["auto", "cpu", "cuda", "coreml"] = _setting(
        "auto", "Workers", "Device that computes the network."
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = _setting(
        "auto", "Workers", "Precision of the network."
    )
    threads: Count = _setting(0, "Workers", "Threads of the network; 0 means all cores.")

    # --- seeing it run
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "Seeing it run", "Least important lines that are logged."
    )
    log_format: Literal["auto", "json", "text"] = _setting(
        "auto", "Seeing it run", "Form of the log; auto means text in a terminal, else JSON."
    )
    metrics_token: SecretStr = _setting(
        SecretStr(""),
        "Seeing it run",
        "Bearer token that /metrics asks for; empty means that only this machine may read it.",
    )
    otel_endpoint: str = _setting(
        "", "Seeing it run", "OTLP address that traces are sent to; needs the extra otel."
    )

    @field_validator("public_url")
    @classmethod
    def _whole_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _long_secret(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value

    @field_validator("rate_requests", "rate_anonymous", "rate_writes", "rate_sign_in")
    @classmethod
    def _rates(cls, value: str) -> str:
        if value.strip():
            parse_many(value)  # raises ValueError, with the text in it
        return value

    @model_validator(mode="after")
    def _issuer_complete(self) -> Self:
        if self.openid_issuer and not self.openid_client_id:
            raise ValueError("openid_issuer needs openid_client_id beside it")
        return self

    @property
    def sells(self) -> bool:
        """Whether any site has a key for payments."""
        keys = [self.stripe_secret_key, *(one.secret_key for one in self.stripe_sites.values())]
        return any(key.get_secret_value() for key in keys)

    def takes_payments(self, site: str) -> bool:
        """Whether a site has a key for payments."""
        return bool(self.stripe_of(site).secret_key.get_secret_value())

    def stripe_of(self, site: str) -> SiteStripe:
        """Return the keys of a site: its own, or those of the installation; they may be empty.

        Own keys are taken together: the webhooks of one account are never signed by another.
        """
        own = self.stripe_sites.get(site)
        if own is not None and own.secret_key.get_secret_value():
            return own
        shared = {
            "secret_key": self.stripe_secret_key,
            "webhook_secret": self.stripe_webhook_secret,
        }
        if own is not None and own.webhook_secret.get_secret_value():
            shared["webhook_secret"] = own.webhook_secret
        return SiteStripe(**shared)

    @property
    def address(self) -> str:
        """Where people reach the service: public_url, or host and port."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies travel over https alone."""
        return self.address.startswith("https://")

    @property
    def effective_database_url(self) -> str:
        """The database's address, with the default filled in."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir}/stemhouse.db"

    @property
    def on_sqlite(self) -> bool:
        """Whether the database is SQLite: one machine, one file."""
        return self.effective_database_url.startswith("sqlite")
