"""What endpoints can be told of, and how an event looks on the wire."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final, Literal, get_args

from stemhouse.http.schemas import iso_utc

JobEventName = Literal["job.succeeded", "job.failed", "job.canceled", "job.expired"]

EVENTS: Final[tuple[JobEventName, ...]] = get_args(JobEventName)

TEST_EVENT: Final = "webhook.test"
"""Sent when somebody asks for it; every endpoint gets it."""


def job_event(kind: str) -> JobEventName | None:
    """Return the event that a step of a job is, or None for steps that nobody is told of."""
    return next((event for event in EVENTS if event == f"job.{kind}"), None)


def payload(event: str, at: datetime, data: dict[str, Any]) -> str:
    """Write the body of a delivery: type, timestamp and data, as Standard Webhooks asks for."""
    body = {"type": event, "timestamp": iso_utc(at), "data": data}
    return json.dumps(body, ensure_ascii=True, separators=(",", ":"))
