"""A client of the service's API, in two forms: `Client`, and `AsyncClient` for asyncio.

It imports neither the engine nor the server. Errors are those of `stemhouse.errors`, by the code
that the server tells; their details hold ``status`` and ``request_id``.

    with Client("https://stems.example.org", key="shk_…") as client:
        upload = client.upload(Path("song.mp3"))
        job = client.wait(client.create_job(upload.id).id)
        for stem in job.stems_or_raise():
            client.download_stem(job.id, stem.name, Path(f"{stem.name}.wav"))
"""

from stemhouse.client.asynchronous import AsyncClient
from stemhouse.client.errors import RequestRefused, ServiceFault, ServiceUnreachable
from stemhouse.client.exchange import Connection, Retries
from stemhouse.client.models import (
    Attempt,
    Balance,
    Delivery,
    DeliveryDetails,
    Endpoint,
    Failure,
    Job,
    JobEvent,
    Link,
    Model,
    NewEndpoint,
    Progress,
    Queue,
    Quote,
    Result,
    Share,
    Song,
    Stem,
    Upload,
)
from stemhouse.client.stems import MixPart
from stemhouse.client.synchronous import Client

__all__ = [
    "AsyncClient",
    "Attempt",
    "Balance",
    "Client",
    "Connection",
    "Delivery",
    "DeliveryDetails",
    "Endpoint",
    "Failure",
    "Job",
    "JobEvent",
    "Link",
    "MixPart",
    "Model",
    "NewEndpoint",
    "Progress",
    "Queue",
    "Quote",
    "RequestRefused",
    "Result",
    "Retries",
    "ServiceFault",
    "ServiceUnreachable",
    "Share",
    "Song",
    "Stem",
    "Upload",
]
