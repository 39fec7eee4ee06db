"""Files in an S3 bucket, or in anything that speaks its protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.store import S3Store

from stemhouse.errors import InvalidOption
from stemhouse.storage.keys import check_key, check_prefix
from stemhouse.storage.objects import ObjectStorage

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_LONGEST_LINK = timedelta(days=7)  # what signature version 4 allows


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """How to reach a bucket.

    Attributes
    ----------
    bucket : str
        Its name.
    prefix : str
        Put before every key, so that a bucket can be shared; ends in ``/`` or is empty.
    region : str
        Its region.
    endpoint : str or None
        Address of a server that is not Amazon's, with ``http://`` or ``https://``.
    public_endpoint : str or None
        Address under which browsers reach the same server, for links; `endpoint` by default.
    access_key_id, secret_access_key : str or None
        Credentials; by default those of the machine (role, instance profile).
    connect_timeout_s, timeout_s : float
        Longest wait for a connection and for one request, in seconds.
    retry_s : float
        How long a request that fails for a passing reason is repeated, in seconds.
    """

    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    endpoint: str | None = None
    public_endpoint: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    connect_timeout_s: float = 3.0
    timeout_s: float = 60.0
    retry_s: float = 10.0


class S3Storage(ObjectStorage):
    """Files in a bucket; see `Storage` for the methods."""

    def __init__(self, options: S3Options) -> None:
        if options.prefix:
            check_prefix(options.prefix)
        self._prefix = options.prefix
        super().__init__(_store(options, options.endpoint))
        self._public = _store(options, options.public_endpoint or options.endpoint)

    def link(self, key: str, expires_in: timedelta, *, site: str) -> str:  # noqa: ARG002 - the bucket knows no sites
        """Return a presigned address of the storage for `key`."""
        check_key(key)
        if not timedelta(0) < expires_in <= _LONGEST_LINK:
            raise InvalidOption("a presigned link can be good for at most 7 days")
        return obstore.sign(self._public, "GET", key, expires_in)


def _store(options: S3Options, endpoint: str | None) -> S3Store:
    retries: RetryConfig = {
        "max_retries": 3,
        "retry_timeout": timedelta(seconds=options.retry_s),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=2),
            "base": 2,
        },
    }
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=options.connect_timeout_s),
        "timeout": timedelta(seconds=options.timeout_s),
        "allow_http": endpoint is not None and endpoint.startswith("http://"),
    }
    optional = {
        "endpoint": endpoint,
        "access_key_id": options.access_key_id,
        "secret_access_key": options.secret_access_key,
    }
    return S3Store(
        options.bucket,
        prefix=options.prefix or None,
        client_options=client,
        retry_config=retries,
        region=options.region,
        **{name: value for name, value in optional.items() if value is not None},  # type: ignore[arg-type]
    )
