"""The client for ordinary programs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import httpx2

from stemhouse.client import calls, downloading, uploading, waiting
from stemhouse.client.calls import Wish, path
from stemhouse.client.exchange import Reply
from stemhouse.client.following import Follower
from stemhouse.client.models import (
    Balance,
    Delivery,
    DeliveryDetails,
    Endpoint,
    Job,
    JobEvent,
    Link,
    Model,
    NewEndpoint,
    Quote,
    Upload,
)
from stemhouse.client.session import Session
from stemhouse.client.wire import failed


class Client(Session):
    """Talks to a service; may be used by several threads. Close it, or use it in a ``with``.

    Parameters
    ----------
    server : str
        Its address, such as ``https://stems.example.org``.
    key : str
        An API key; empty for what needs none.
    connection : Connection
        How requests are repeated.
    transport : httpx2.BaseTransport, optional
        Instead of the network, for tests.
    """

    # --- songs

    def upload(
        self,
        song: str | os.PathLike[str] | BinaryIO,
        *,
        name: str | None = None,
        sent: uploading.Sent | None = None,
        begun: uploading.Begun | None = None,
    ) -> Upload:
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
            return self._run(uploading.upload(parcel, self._retries))

    def resume_upload(
        self,
        upload_id: str,
        song: str | os.PathLike[str] | BinaryIO,
        *,
        sent: uploading.Sent | None = None,
    ) -> Upload:
        """Go on with a large upload that was interrupted."""
        with uploading.opened(song, None, sent=sent, begun=None) as parcel:
            return self._run(uploading.resume(parcel, upload_id, self._retries))

    def upload_from_url(self, url: str, *, name: str | None = None) -> Upload:
        """Have the server fetch a song."""
        body = {"url": url, "name": name}
        where = path("uploads", "from-url")
        return self._run(calls.act(Upload, where, self._retries, body))

    def get_upload(self, upload_id: str) -> Upload:
        """Show an upload."""
        return self._run(calls.fetch(Upload, path("uploads", upload_id), self._retries))

    def list_uploads(self) -> Iterator[Upload]:
        """List uploads, newest first."""
        yield from self._all(Upload, path("uploads"))

    def delete_upload(self, upload_id: str) -> None:
        """Delete an upload."""
        self._run(calls.remove(path("uploads", upload_id), self._retries))

    # --- jobs

    def create_job(
        self,
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
    ) -> Job:
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
        plan = calls.create_job(wish, self._retries, key=idempotency_key, wait_s=wait_s)
        return self._run(plan)

    def quote(
        self,
        upload_id: str,
        *,
        output: str | None = None,
        model: str | None = None,
        stems: Sequence[str] | None = None,
        residual: bool = False,
        quality: str | None = None,
    ) -> Quote:
        """Ask what a job would cost."""
        wish = Wish(
            upload_id=upload_id,
            output=output,
            model=model,
            stems=stems,
            residual=residual,
            quality=quality,
        )
        return self._run(calls.quote_job(wish, self._retries))

    def get_job(self, job_id: str) -> Job:
        """Show a job."""
        return self._run(calls.fetch(Job, path("jobs", job_id), self._retries))

    def list_jobs(self, *, status: str | None = None) -> Iterator[Job]:
        """List jobs, newest first."""
        yield from self._all(Job, path("jobs"), {"status": status})

    def wait(
        self,
        job_id: str,
        *,
        timeout_s: float | None = None,
        watch: waiting.Watch | None = None,
    ) -> Job:
        """Wait until a job has ended, however it ends; `watch` is shown it at every look."""
        return self._run(
            waiting.wait_for_job(job_id, self._retries, timeout_s=timeout_s, watch=watch)
        )

    def events(self, job_id: str, *, after: int = 0) -> Iterator[JobEvent]:
        """Follow a job until it has ended, over lost connections too.

        Parameters
        ----------
        job_id : str
            Which.
        after : int
            Number of the last event that was seen.
        """
        follower = Follower(job_id, after, self._retries)
        while not follower.over:
            reply = Reply()
            try:
                with self._http.sse(follower.where, headers=follower.headers) as source:
                    response = source.response
                    if response.is_success:
                        for told in source:
                            event = follower.take(told)
                            if event is not None:
                                yield event
                    else:
                        response.read()
                        reply = Reply(
                            status=response.status_code,
                            headers=response.headers,
                            body=response.content,
                        )
            except httpx2.TransportError as error:
                reply = failed(error)
            if not follower.over:
                self._run(follower.ended(reply))

    def cancel_job(self, job_id: str) -> Job:
        """Stop a job; its price comes back."""
        plan = calls.send(Job, path("jobs", job_id, "cancel"), self._retries)
        return self._run(plan)

    def delete_job(self, job_id: str) -> None:
        """Remove an ended job and its stems."""
        self._run(calls.remove(path("jobs", job_id), self._retries))

    # --- stems

    def download_stem(
        self,
        job_id: str,
        stem: str,
        target: str | os.PathLike[str],
        *,
        format: str = "wav",
        received: downloading.Received | None = None,
    ) -> Path:
        """Download a stem into a file, which is there when it is whole.

        Parameters
        ----------
        job_id, stem : str
            Which.
        target : path
            The file.
        format : str
            wav, wav24, wavfloat, flac, flac24, mp3, mp3-320, m4a, ogg, opus …
        received : callable, optional
            Told how many bytes of how many are there.
        """
        where = path("jobs", job_id, "stems", stem)
        return self._download(where, target, format, received=received)

    def download_archive(
        self,
        job_id: str,
        target: str | os.PathLike[str],
        *,
        format: str = "wav",
        received: downloading.Received | None = None,
    ) -> Path:
        """Download all stems as one ZIP; otherwise like `download_stem`."""
        return self._download(path("jobs", job_id, "archive"), target, format, received=received)

    def link(
        self,
        job_id: str,
        stem: str | None = None,
        *,
        format: str | None = None,
        expires_in_s: int = 3600,
    ) -> Link:
        """Make an address that downloads a stem, or a ZIP of all, without a key.

        Parameters
        ----------
        job_id : str
            Which.
        stem : str, optional
            The stem; without one it is the ZIP.
        format : str, optional
            As in `download_stem`; by default the plan's first.
        expires_in_s : int
            How long it is good: a minute to a week.
        """
        plan = calls.link(job_id, stem, self._retries, format=format, expires_in_s=expires_in_s)
        return self._run(plan)

    # --- the service

    def models(self) -> list[Model]:
        """List the models that the server runs."""
        return self._run(calls.models(self._retries))

    def balance(self) -> Balance:
        """Show what may still be separated."""
        return self._run(calls.fetch(Balance, path("balance"), self._retries))

    # --- webhooks

    def create_webhook(
        self, url: str, *, events: Sequence[str] | None = None, description: str = ""
    ) -> NewEndpoint:
        """Have events sent to an address; the answer is the only time that its secret is told."""
        body: dict[str, Any] = {"url": url, "description": description}
        if events is not None:
            body["events"] = list(events)
        return self._run(calls.send(NewEndpoint, path("webhooks"), self._retries, body))

    def list_webhooks(self) -> Iterator[Endpoint]:
        """List endpoints, newest first."""
        yield from self._all(Endpoint, path("webhooks"))

    def get_webhook(self, endpoint_id: str) -> Endpoint:
        """Show an endpoint."""
        return self._run(calls.fetch(Endpoint, path("webhooks", endpoint_id), self._retries))

    def change_webhook(
        self,
        endpoint_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        paused: bool | None = None,
    ) -> Endpoint:
        """Change what is given of an endpoint."""
        body = {
            "url": url,
            "events": None if events is None else list(events),
            "description": description,
            "paused": paused,
        }
        where = path("webhooks", endpoint_id)
        return self._run(calls.send(Endpoint, where, self._retries, body, method="PATCH"))

    def delete_webhook(self, endpoint_id: str) -> None:
        """Delete an endpoint."""
        self._run(calls.remove(path("webhooks", endpoint_id), self._retries))

    def rotate_webhook_secret(self, endpoint_id: str, *, overlap_s: int = 86_400) -> NewEndpoint:
        """Give an endpoint a new secret; the old one signs too for so many seconds."""
        where = path("webhooks", endpoint_id, "rotate-secret")
        return self._run(calls.act(NewEndpoint, where, self._retries, {"overlap_s": overlap_s}))

    def test_webhook(self, endpoint_id: str) -> Delivery:
        """Have an event sent that says nothing."""
        where = path("webhooks", endpoint_id, "test")
        return self._run(calls.act(Delivery, where, self._retries))

    def list_deliveries(self, endpoint_id: str, *, state: str | None = None) -> Iterator[Delivery]:
        """List what was or will be sent to an endpoint, newest first."""
        yield from self._all(
            Delivery, path("webhooks", endpoint_id, "deliveries"), {"state": state}
        )

    def get_delivery(self, endpoint_id: str, delivery_id: str) -> DeliveryDetails:
        """Show a delivery and its log."""
        where = path("webhooks", endpoint_id, "deliveries", delivery_id)
        return self._run(calls.fetch(DeliveryDetails, where, self._retries))

    def redeliver(self, endpoint_id: str, delivery_id: str) -> Delivery:
        """Send a delivery again."""
        where = path("webhooks", endpoint_id, "deliveries", delivery_id, "redeliver")
        return self._run(calls.send(Delivery, where, self._retries))

    # --- doing what is planned

    def _download(
        self,
        where: str,
        target: str | os.PathLike[str],
        format: str,
        *,
        received: downloading.Received | None,
    ) -> Path:
        return self._run(
            downloading.download(
                where, {"format": format}, Path(target), retries=self._retries, received=received
            )
        )
