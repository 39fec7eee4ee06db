"""Every error Stemhouse raises on purpose, in one tree.

An error carries a stable ``code``, a message that is safe to show to anybody, machine-readable
``details`` and whether waiting can help (``retryable``). Three translators turn errors into what
their audience understands: the command line (exit codes), the HTTP edge (status and body) and the
worker (retry or fail). This module imports nothing, so that everything else may import it.
"""

from __future__ import annotations

from typing import Any, ClassVar


class StemhouseError(Exception):
    """Base of every error that is expected to reach a person.

    Parameters
    ----------
    message : str
        What happened and what to do about it, in one or two sentences. Safe to show: it holds
        no secret and no path the user did not give.
    **details
        JSON-serialisable facts for programs, such as ``expected=…`` and ``actual=…``.

    Attributes
    ----------
    code : str
        Stable identifier, never reused. The wording of messages may change; codes do not.
    retryable : bool
        Whether the same call may succeed later without anybody changing anything.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = details

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process boundaries (the worker's child), details and all.
        return (_rebuild, (type(self), self.message, self.details))


def _rebuild(kind: type[StemhouseError], message: str, details: dict[str, Any]) -> StemhouseError:
    return kind(message, **details)


# --- the input -----------------------------------------------------------------------------------


class InputError(StemhouseError):
    """What was handed in cannot be used; another input or option would."""

    code = "invalid_input"


class InvalidOption(InputError):
    """An option has a value that is not allowed, or contradicts another."""

    code = "invalid_option"


class SourceNotFound(InputError):
    """The named file or folder does not exist or may not be read."""

    code = "source_not_found"


class UnsupportedAudio(InputError):
    """The input is readable but is not audio that can be used (no audio, codec, rate, channels)."""

    code = "unsupported_audio"


class CorruptAudio(InputError):
    """The input is audio but damaged or truncated."""

    code = "corrupt_audio"


class EmptyAudio(InputError):
    """The input holds no samples."""

    code = "empty_audio"


class AudioTooLong(InputError):
    """The input is longer than the limit that the caller set."""

    code = "audio_too_long"


class OutputExists(InputError):
    """A file that would be written is there already and overwriting was not allowed."""

    code = "output_exists"


class OutputNotWritable(InputError):
    """The output place is not a folder that can be written to."""

    code = "output_not_writable"


# --- the model and what runs it ------------------------------------------------------------------


class ModelError(StemhouseError):
    """The separation model cannot be used as asked."""

    code = "model_error"


class ModelNotFound(ModelError):
    """No model of that name is known, or its weights are not on this machine."""

    code = "model_not_found"


class ModelChecksumMismatch(ModelError):
    """The weights are not the bytes that the model card promises."""

    code = "model_checksum_mismatch"


class ModelIncompatible(ModelError):
    """The weights are readable but do not describe the network that the card names."""

    code = "model_incompatible"


class ModelDownloadFailed(ModelError):
    """The weights could not be fetched; the message names the ways that are left."""

    code = "model_download_failed"
    retryable = True


class RuntimeUnavailable(ModelError):
    """The requested inference runtime, device or precision is not available here."""

    code = "runtime_unavailable"


class SeparationFailed(ModelError):
    """A result did not pass the checks that every result must pass."""

    code = "separation_failed"


# --- the machine ---------------------------------------------------------------------------------


class ResourceError(StemhouseError):
    """The machine ran out of something; the same call may succeed later."""

    code = "resource_error"
    retryable = True


class OutOfMemory(ResourceError):
    """There was not enough memory."""

    code = "out_of_memory"


class DiskFull(ResourceError):
    """There was not enough disk space."""

    code = "disk_full"


class DeviceLost(ResourceError):
    """The inference device stopped answering."""

    code = "device_lost"


class Timeout(ResourceError):
    """The work took longer than its limit."""

    code = "timeout"


class SeparationCrashed(ResourceError):
    """The process that separates songs ended in the middle of one."""

    code = "separation_crashed"


class Cancelled(StemhouseError):
    """The caller asked for the work to stop."""

    code = "cancelled"


# --- the service ---------------------------------------------------------------------------------


class ServiceError(StemhouseError):
    """A request to the service that is refused, as expected."""

    code = "service_error"


class NotFound(ServiceError):
    """There is no such thing, or it belongs to somebody else."""

    code = "not_found"


class LinkExpired(ServiceError):
    """A link from a mail was used already or is too old."""

    code = "link_expired"


class Conflict(ServiceError):
    """The request contradicts the present state."""

    code = "conflict"


class MailRefused(InputError):
    """An e-mail address belongs to a throw-away mail service."""

    code = "mail_refused"


class PriceChanged(Conflict):
    """A price is not what the request says that it was shown."""

    code = "price_changed"


class Forbidden(ServiceError):
    """The account may not do this."""

    code = "forbidden"


class Unauthenticated(ServiceError):
    """Nobody is signed in, or the key is not valid."""

    code = "unauthenticated"


class QuotaExceeded(ServiceError):
    """A limit of the plan is reached."""

    code = "quota_exceeded"


class PaymentRequired(ServiceError):
    """Credits are missing; the details say how many and where to buy them."""

    code = "payment_required"


class RateLimited(ServiceError):
    """Too many requests; the details say when to come back."""

    code = "rate_limited"


class NotReady(ServiceError):
    """A part that the service needs does not work at present."""

    code = "not_ready"
    retryable = True


class ExternalError(StemhouseError):
    """Something we depend on (storage, payments, mail) did not do its part."""

    code = "external_error"
    retryable = True


class ProviderFailed(ExternalError):
    """An OpenID provider did not answer as it should."""

    code = "provider_failed"


class PaymentsUnavailable(ExternalError):
    """Stripe does not answer, or not as it should, at present."""

    code = "payments_unavailable"


class MailFailed(ExternalError):
    """A mail could not be handed over."""

    code = "mail_failed"


# --- the installation ----------------------------------------------------------------------------


class InstallationError(StemhouseError):
    """The service cannot start as it is installed and configured."""

    code = "installation_error"


class InvalidSettings(InstallationError):
    """A setting is missing, unknown or has a value that is not allowed."""

    code = "invalid_settings"


class InvalidSites(InstallationError):
    """A site file is missing, cannot be read or holds what is not allowed."""

    code = "invalid_sites"


class DatabaseBehind(InstallationError):
    """The database is older than the code; an upgrade is needed."""

    code = "database_behind"


class DatabaseAhead(InstallationError):
    """The database was written by a newer version of the code."""

    code = "database_ahead"


class ExternalRefused(ExternalError):
    """Something we depend on refuses us (credentials, settings): waiting does not help."""

    code = "external_refused"
    retryable = False


class PaymentsRefused(ExternalRefused):
    """Stripe refuses what we ask for: keys, prices or the account need somebody's hand."""

    code = "payments_refused"


class ResultDamaged(ExternalError):
    """A stored file of a result is not what was stored; the song must be separated again."""

    code = "result_damaged"
    retryable = False


# --- what people send us -------------------------------------------------------------------------


class UploadTooLarge(InputError):
    """The file has more bytes than the plan allows."""

    code = "upload_too_large"


class AddressRefused(InputError):
    """The address is not one that we fetch from or send to."""

    code = "address_refused"


class SourceUnreachable(InputError):
    """The address is allowed, but what is there does not answer or is no file."""

    code = "source_unreachable"


class RecordingBlocked(InputError):
    """The recording was taken down on this site and is not separated again."""

    code = "recording_blocked"
