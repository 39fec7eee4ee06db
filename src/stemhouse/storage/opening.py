"""The storage that the settings ask for."""

from __future__ import annotations

import hmac
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stemhouse.errors import InvalidSettings
from stemhouse.settings import Settings
from stemhouse.storage.links import LinkSigner
from stemhouse.storage.local import LocalStorage
from stemhouse.storage.port import Storage
from stemhouse.storage.s3 import S3Options, S3Storage


def link_signer(settings: Settings) -> LinkSigner:
    """Return what signs and verifies our own links; its secret is derived from secret_key."""
    secret = settings.secret_key.get_secret_value().encode()
    return LinkSigner([hmac.digest(secret, b"links", "sha256")])


def open_storage(settings: Settings) -> Storage:
    """Return the storage; nothing but a local folder is touched.

    Raises
    ------
    InvalidSettings
        storage_url is neither ``s3://bucket/prefix`` nor ``file:///folder``.
    """
    address = urlsplit(settings.storage_url)
    if address.scheme == "s3" and address.netloc:
        return S3Storage(_s3_options(settings, address.netloc, address.path.strip("/")))
    if address.scheme == "file" and address.path.startswith("/") and not address.netloc:
        return LocalStorage(Path(unquote(address.path)), signer=link_signer(settings))
    if not settings.storage_url:
        return LocalStorage(settings.data_dir / "files", signer=link_signer(settings))
    raise InvalidSettings(
        "storage_url must read s3://bucket/prefix or file:///folder, or be empty for a folder "
        "in data_dir"
    )


def _s3_options(settings: Settings, bucket: str, prefix: str) -> S3Options:
    return S3Options(
        bucket=bucket,
        prefix=f"{prefix}/" if prefix else "",
        region=settings.s3_region,
        endpoint=settings.s3_endpoint or None,
        public_endpoint=settings.s3_public_endpoint or None,
        access_key_id=settings.s3_access_key or None,
        secret_access_key=settings.s3_secret_key.get_secret_value() or None,
    )
