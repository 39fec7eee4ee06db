"""The client for programs that run on asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from stemhouse.client import plans, stems
from stemhouse.client.exchange import Reply
from stemhouse.client.following import Follower
from stemhouse.client.models import JobEvent
from stemhouse.client.session import AsyncSession, carried_out_async, listed_async
from stemhouse.client.wire import failed


class AsyncClient(AsyncSession):
    """Talks to a service, like `Client`. Close it, or use it in an ``async with``.

    Files are read and written by the block in the loop itself: a slow disk is felt there.

    Parameters
    ----------
    server : str
        Its address, such as ``https://stems.example.org``.
    key : str
        An API key; empty for what needs none.
    connection : Connection
        How requests are repeated.
    transport : httpx2.AsyncBaseTransport, optional
        Instead of the network, for tests.
    """

    # --- songs

    upload = carried_out_async(plans.upload)
    resume_upload = carried_out_async(plans.resume_upload)
    upload_from_url = carried_out_async(plans.upload_from_url)
    get_upload = carried_out_async(plans.get_upload)
    list_uploads = listed_async(plans.list_uploads)
    delete_upload = carried_out_async(plans.delete_upload)

    # --- jobs

    create_job = carried_out_async(plans.create_job)
    quote = carried_out_async(plans.quote)
    get_job = carried_out_async(plans.get_job)
    list_jobs = listed_async(plans.list_jobs)
    wait = carried_out_async(plans.wait)
    cancel_job = carried_out_async(plans.cancel_job)
    delete_job = carried_out_async(plans.delete_job)

    # --- stems

    download_stem = carried_out_async(stems.download_stem)
    download_archive = carried_out_async(stems.download_archive)
    download_mix = carried_out_async(stems.download_mix)
    link = carried_out_async(stems.link)
    end_links = carried_out_async(stems.end_links)
    share = carried_out_async(stems.share)
    shares = carried_out_async(stems.shares)
    end_share = carried_out_async(stems.end_share)

    # --- the service

    models = carried_out_async(plans.models)
    balance = carried_out_async(plans.balance)

    # --- webhooks

    create_webhook = carried_out_async(plans.create_webhook)
    list_webhooks = listed_async(plans.list_webhooks)
    get_webhook = carried_out_async(plans.get_webhook)
    change_webhook = carried_out_async(plans.change_webhook)
    delete_webhook = carried_out_async(plans.delete_webhook)
    rotate_webhook_secret = carried_out_async(plans.rotate_webhook_secret)
    test_webhook = carried_out_async(plans.test_webhook)
    list_deliveries = listed_async(plans.list_deliveries)
    get_delivery = carried_out_async(plans.get_delivery)
    redeliver = carried_out_async(plans.redeliver)

    # --- following

    async def events(self, job_id: str, *, after: int = 0) -> AsyncIterator[JobEvent]:
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
                async with self._http.sse(follower.where, headers=follower.headers) as source:
                    response = source.response
                    if response.is_success:
                        async for told in source:
                            event = follower.take(told)
                            if event is not None:
                                yield event
                    else:
                        await response.aread()
                        reply = Reply(
                            status=response.status_code,
                            headers=response.headers,
                            body=response.content,
                        )
            except httpx2.TransportError as error:
                reply = failed(error)
            if not follower.over:
                await self._run(follower.ended(reply))
