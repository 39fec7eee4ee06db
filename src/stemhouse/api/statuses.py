"""Which status an error has; the engine and the domains know none."""

from __future__ import annotations

from http import HTTPStatus

from stemhouse.errors import (
    AudioTooLong,
    Cancelled,
    Conflict,
    ExternalError,
    Forbidden,
    InputError,
    InvalidOption,
    LinkExpired,
    ModelError,
    ModelNotFound,
    NotFound,
    NotReady,
    PaymentRequired,
    QuotaExceeded,
    RateLimited,
    RecordingBlocked,
    ResourceError,
    StemhouseError,
    Unauthenticated,
    UploadTooLarge,
)

# The first that fits counts: the more special ones stand before their bases.
_STATUSES: tuple[tuple[type[StemhouseError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (LinkExpired, HTTPStatus.GONE),
    (Conflict, HTTPStatus.CONFLICT),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (RecordingBlocked, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (QuotaExceeded, HTTPStatus.FORBIDDEN),
    (PaymentRequired, HTTPStatus.PAYMENT_REQUIRED),
    (NotReady, HTTPStatus.SERVICE_UNAVAILABLE),
    (RateLimited, HTTPStatus.TOO_MANY_REQUESTS),
    (AudioTooLong, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UploadTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InvalidOption, HTTPStatus.BAD_REQUEST),
    (InputError, HTTPStatus.BAD_REQUEST),
    (ModelNotFound, HTTPStatus.BAD_REQUEST),
    (ModelError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ResourceError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ExternalError, HTTPStatus.SERVICE_UNAVAILABLE),
    (Cancelled, HTTPStatus.CONFLICT),
)


def status_of(error: StemhouseError) -> HTTPStatus:
    """Return the status that an error has on the wire."""
    return next(
        (status for kind, status in _STATUSES if isinstance(error, kind)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
