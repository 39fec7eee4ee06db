"""The client for ordinary programs."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2

from stemhouse.client import plans, stems
from stemhouse.client.exchange import Reply
from stemhouse.client.following import Follower
from stemhouse.client.models import JobEvent
from stemhouse.client.session import Session, carried_out, listed
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

    upload = carried_out(plans.upload)
    resume_upload = carried_out(plans.resume_upload)
    upload_from_url = carried_out(plans.upload_from_url)
    get_upload = carried_out(plans.get_upload)
    list_uploads = listed(plans.list_uploads)
    delete_upload = carried_out(plans.delete_upload)

    # --- jobs

    create_job = carried_out(plans.create_job)
    quote = carried_out(plans.quote)
    get_job = carried_out(plans.get_job)
    list_jobs = listed(plans.list_jobs)
    wait = carried_out(plans.wait)
    cancel_job = carried_out(plans.cancel_job)
    delete_job = carried_out(plans.delete_job)

    # --- stems

    download_stem = carried_out(stems.download_stem)
    download_archive = carried_out(stems.download_archive)
    download_mix = carried_out(stems.download_mix)
    link = carried_out(stems.link)
    end_links = carried_out(stems.end_links)
    share = carried_out(stems.share)
    shares = carried_out(stems.shares)
    end_share = carried_out(stems.end_share)

    # --- the service

    models = carried_out(plans.models)
    balance = carried_out(plans.balance)

    # --- webhooks

    create_webhook = carried_out(plans.create_webhook)
    list_webhooks = listed(plans.list_webhooks)
    get_webhook = carried_out(plans.get_webhook)
    change_webhook = carried_out(plans.change_webhook)
    delete_webhook = carried_out(plans.delete_webhook)
    rotate_webhook_secret = carried_out(plans.rotate_webhook_secret)
    test_webhook = carried_out(plans.test_webhook)
    list_deliveries = listed(plans.list_deliveries)
    get_delivery = carried_out(plans.get_delivery)
    redeliver = carried_out(plans.redeliver)

    # --- following

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
