"""What both clients can do, each thing said once; `Client` and `AsyncClient` only carry it out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, BinaryIO

from stemhouse.client import calls, uploading, waiting
from stemhouse.client.calls import Listing, Wish, path
from stemhouse.client.exchange import Plan, Retries
from stemhouse.client.models import (
    Balance,
    Delivery,
    DeliveryDetails,
    Endpoint,
    Job,
    Model,
    NewEndpoint,
    Quote,
    Upload,
)

# --- songs


def upload(
    retries: Retries,
    song: str | os.PathLike[str] | BinaryIO,
    *,
    name: str | None = None,
    sent: uploading.Sent | None = None,
    begun: uploading.Begun | None = None,
) -> Plan[Upload]:
    """Send a song and return it when it is ready for jobs.

    Parameters
    ----------
    song : path or file
        A file that is open must be binary and readable from any place.
    name : str, optional
        What to call it; the file's name by default.
    sent : callable, optional
        Told how many bytes of how many are there.
    begun : callable, optional
        Told the identifier of a large upload, for `resume_upload`.
    """
    with uploading.opened(song, name, sent=sent, begun=begun) as parcel:
        return (yield from uploading.upload(parcel, retries))


def resume_upload(
    retries: Retries,
    upload_id: str,
    song: str | os.PathLike[str] | BinaryIO,
    *,
    sent: uploading.Sent | None = None,
) -> Plan[Upload]:
    """Go on with a large upload that was interrupted."""
    with uploading.opened(song, None, sent=sent, begun=None) as parcel:
        return (yield from uploading.resume(parcel, upload_id, retries))


def upload_from_url(retries: Retries, url: str, *, name: str | None = None) -> Plan[Upload]:
    """Have the server fetch a song."""
    body = {"url": url, "name": name}
    where = path("uploads", "from-url")
    return calls.act(Upload, where, retries, body)


def get_upload(retries: Retries, upload_id: str) -> Plan[Upload]:
    """Show an upload."""
    return calls.fetch(Upload, path("uploads", upload_id), retries)


def list_uploads() -> Listing[Upload]:
    """List uploads, newest first."""
    return Listing(Upload, path("uploads"))


def delete_upload(retries: Retries, upload_id: str) -> Plan[None]:
    """Delete an upload."""
    return calls.remove(path("uploads", upload_id), retries)


# --- jobs


def create_job(
    retries: Retries,
    upload_id: str,
    *,
    output: str | None = None,
    model: str | None = None,
    stems: Sequence[str] | None = None,
    residual: bool = False,
    quality: str | None = None,
    expected_price: int | None = None,
    max_price: int | None = None,
    wait_s: int | None = None,
    idempotency_key: str | None = None,
) -> Plan[Job]:
    """Have a song separated.

    Parameters
    ----------
    upload_id : str
        A ready upload.
    output : str, optional
        One of the site's outputs; the first that has the model and stems by default.
    model : str, optional
        One of `models`; the output's by default.
    stems : sequence of str, optional
        Only these of the output's stems; all by default.
    residual : bool
        Also give the rest of the song.
    quality : str, optional
        ``fast``, ``standard`` or ``best``; the site's usual one by default.
    expected_price : int, optional
        The price that was shown: refuse any other.
    max_price : int, optional
        Refuse a higher price.
    wait_s : int, optional
        Answer when the job has ended, or after so many seconds, at most 60.
    idempotency_key : str, optional
        The same key again gives the same job; a new one by default, so that repeats after a
        lost connection make no second job.
    """
    wish = Wish(
        upload_id=upload_id,
        output=output,
        model=model,
        stems=stems,
        residual=residual,
        quality=quality,
        expected_price=expected_price,
        max_price=max_price,
    )
    return calls.create_job(wish, retries, key=idempotency_key, wait_s=wait_s)


def quote(
    retries: Retries,
    upload_id: str,
    *,
    output: str | None = None,
    model: str | None = None,
    stems: Sequence[str] | None = None,
    residual: bool = False,
    quality: str | None = None,
) -> Plan[Quote]:
    """Ask what a job would cost."""
    wish = Wish(
        upload_id=upload_id,
        output=output,
        model=model,
        stems=stems,
        residual=residual,
        quality=quality,
    )
    return calls.quote_job(wish, retries)


def get_job(retries: Retries, job_id: str) -> Plan[Job]:
    """Show a job."""
    return calls.fetch(Job, path("jobs", job_id), retries)


def list_jobs(*, status: str | None = None) -> Listing[Job]:
    """List jobs, newest first."""
    return Listing(Job, path("jobs"), {"status": status})


def wait(
    retries: Retries,
    job_id: str,
    *,
    timeout_s: float | None = None,
    watch: waiting.Watch | None = None,
) -> Plan[Job]:
    """Wait until a job has ended, however it ends; `watch` is shown it at every look."""
    return waiting.wait_for_job(job_id, retries, timeout_s=timeout_s, watch=watch)


def cancel_job(retries: Retries, job_id: str) -> Plan[Job]:
    """Stop a job; its price comes back."""
    return calls.send(Job, path("jobs", job_id, "cancel"), retries)


def delete_job(retries: Retries, job_id: str) -> Plan[None]:
    """Remove an ended job and its stems."""
    return calls.remove(path("jobs", job_id), retries)


# --- the service


def models(retries: Retries) -> Plan[list[Model]]:
    """List the models that the server runs."""
    return calls.fetch_all(Model, path("models"), retries)


def balance(retries: Retries) -> Plan[Balance]:
    """Show what may still be separated."""
    return calls.fetch(Balance, path("balance"), retries)


# --- webhooks


def create_webhook(
    retries: Retries, url: str, *, events: Sequence[str] | None = None, description: str = ""
) -> Plan[NewEndpoint]:
    """Have events sent to an address; the answer is the only time that its secret is told."""
    body: dict[str, Any] = {"url": url, "description": description}
    if events is not None:
        body["events"] = list(events)
    return calls.send(NewEndpoint, path("webhooks"), retries, body)


def list_webhooks() -> Listing[Endpoint]:
    """List endpoints, newest first."""
    return Listing(Endpoint, path("webhooks"))


def get_webhook(retries: Retries, endpoint_id: str) -> Plan[Endpoint]:
    """Show an endpoint."""
    return calls.fetch(Endpoint, path("webhooks", endpoint_id), retries)


def change_webhook(
    retries: Retries,
    endpoint_id: str,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    paused: bool | None = None,
) -> Plan[Endpoint]:
    """Change what is given of an endpoint."""
    body = {
        "url": url,
        "events": None if events is None else list(events),
        "description": description,
        "paused": paused,
    }
    where = path("webhooks", endpoint_id)
    return calls.send(Endpoint, where, retries, body, method="PATCH")


def delete_webhook(retries: Retries, endpoint_id: str) -> Plan[None]:
    """Delete an endpoint."""
    return calls.remove(path("webhooks", endpoint_id), retries)


def rotate_webhook_secret(
    retries: Retries, endpoint_id: str, *, overlap_s: int = 86_400
) -> Plan[NewEndpoint]:
    """Give an endpoint a new secret; the old one signs too for so many seconds."""
    where = path("webhooks", endpoint_id, "rotate-secret")
    return calls.act(NewEndpoint, where, retries, {"overlap_s": overlap_s})


def test_webhook(retries: Retries, endpoint_id: str) -> Plan[Delivery]:
    """Have an event sent that says nothing."""
    where = path("webhooks", endpoint_id, "test")
    return calls.act(Delivery, where, retries)


def list_deliveries(endpoint_id: str, *, state: str | None = None) -> Listing[Delivery]:
    """List what was or will be sent to an endpoint, newest first."""
    return Listing(Delivery, path("webhooks", endpoint_id, "deliveries"), {"state": state})


def get_delivery(retries: Retries, endpoint_id: str, delivery_id: str) -> Plan[DeliveryDetails]:
    """Show a delivery and its log."""
    where = path("webhooks", endpoint_id, "deliveries", delivery_id)
    return calls.fetch(DeliveryDetails, where, retries)


def redeliver(retries: Retries, endpoint_id: str, delivery_id: str) -> Plan[Delivery]:
    """Send a delivery again."""
    where = path("webhooks", endpoint_id, "deliveries", delivery_id, "redeliver")
    return calls.send(Delivery, where, retries)
