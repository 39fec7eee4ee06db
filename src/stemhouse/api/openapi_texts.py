"""What the OpenAPI document says beyond the routes: who may call, what refusals mean, files."""

from __future__ import annotations

from typing import Any, Final

from stemhouse.domains.accounts.cookies import CSRF_HEADER, guest_cookie, session_cookie

DESCRIPTION: Final = """Takes songs apart.

Send a song (`POST /v1/uploads`), ask for a job (`POST /v1/jobs`), follow it
(`GET /v1/jobs/{job_id}/events`, a webhook, or `Prefer: wait=60`), download its stems
(`GET /v1/jobs/{job_id}/stems/{stem}?format=mp3`).

Identifiers are strings with a prefix. Times are UTC, ISO 8601, with a Z. Lengths in seconds end in
`_s`, in samples per channel in `_samples`, sizes in `_bytes`. New fields may be added to answers at
any time; fields are never renamed or removed within /v1. Every error has the same body; its `code`
is stable, its `message` is for people."""

TAGS: Final[list[dict[str, Any]]] = [
    {"name": "site", "description": "What the site is called, sells and allows."},
    {"name": "accounts", "description": "Signing up, in and out; one's data and its deletion."},
    {"name": "keys", "description": "API keys for programs."},
    {"name": "uploads", "description": "Songs on their way in."},
    {
        "name": "resumable uploads",
        "description": "The tus protocol 1.0.0, for large files and shaky connections.",
    },
    {"name": "files", "description": "Stored files behind signed links."},
    {"name": "jobs", "description": "Songs that are taken apart."},
    {"name": "models", "description": "What songs can be taken apart with."},
    {"name": "results", "description": "Stems: for players while a job runs, and as downloads."},
    {"name": "sharing", "description": "Links that play stems anywhere, without an account."},
    {"name": "billing", "description": "Credits: songs or seconds of audio, as the site counts."},
    {"name": "payments", "description": "Buying credits and plans; only where payments are on."},
    {"name": "webhooks", "description": "Being told when jobs end (Standard Webhooks)."},
    {"name": "takedowns", "description": "Saying that a recording is yours and must go."},
    {"name": "admin", "description": "For operators: what is theirs to see and to change."},
    {"name": "operations", "description": "For whoever runs the service."},
]

SECURITY_SCHEMES: Final[dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key: `Authorization: Bearer shk_…`. The scopes it needs stand with "
        "each operation.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": session_cookie("SITE"),
        "description": "A browser that is signed in (`POST /v1/session`); SITE is the name of "
        "the site, as `GET /v1/site` tells it.",
    },
    "guest": {
        "type": "apiKey",
        "in": "cookie",
        "name": guest_cookie("SITE"),
        "description": "A browser that tries the service without an account "
        "(`POST /v1/session/guest`).",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "-".join(
            word.upper() if word == "csrf" else word.title() for word in CSRF_HEADER.split("-")
        ),
        "description": "Goes with a cookie wherever something is changed; `GET /v1/session` tells "
        "it.",
    },
}

REFUSALS: Final[dict[int, tuple[str, str]]] = {
    400: ("BadRequest", "What was asked for does not work; the message says what does."),
    401: ("Unauthenticated", "No key, session or guest, or one that is wrong or over."),
    402: ("PaymentRequired", "Too few credits; the details say how many are missing."),
    403: ("Forbidden", "The key lacks a scope, or the plan does not allow it."),
    404: ("NotFound", "There is no such thing, or it is not yours."),
    409: ("Conflict", "It does not fit the present state, or an Idempotency-Key was used before."),
    410: ("LinkExpired", "The link is over: ask for a new one."),
    412: ("PreconditionFailed", "The header Tus-Resumable is missing or names another version."),
    413: (
        "TooLarge",
        "The song is longer or larger than the plan allows, or the body larger than 1 MiB.",
    ),
    415: ("UnsupportedMediaType", "The body's Content-Type is another than the protocol's."),
    416: ("RangeNotSatisfiable", "The range begins after the end; Content-Range tells the size."),
    422: ("InvalidRequest", "The request is not as this document describes it."),
    429: ("RateLimited", "Too many requests: come back after Retry-After seconds."),
    503: ("NotReady", "Something that is needed does not answer: try again after Retry-After."),
}


def _file(*types: str, description: str, **more: Any) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {"description": description, "content": dict.fromkeys(types, binary), **more}


_AUDIO: Final = ("audio/wav", "audio/flac", "audio/mpeg", "audio/mp4", "audio/ogg")
_PART: Final = {
    "headers": {"Content-Range": {"schema": {"type": "string"}, "description": "Which bytes."}}
}
_UNCHANGED: Final = {"description": "You have it already (If-None-Match)."}
_BEYOND: Final = {"$ref": "#/components/responses/RangeNotSatisfiable"}
_STORED: Final = ("audio/flac", "application/octet-stream", "application/json", "image/jpeg")

FILES: Final[dict[str, dict[str, Any]]] = {
    "download_stem": {
        "200": _file(*_AUDIO, description="The stem, streamed."),
        "206": _file(*_AUDIO, description="A part of it.", **_PART),
        "304": _UNCHANGED,
        "416": _BEYOND,
    },
    "download_mix": {
        "200": _file(*_AUDIO, description="The mix, streamed."),
        "206": _file(*_AUDIO, description="A part of it.", **_PART),
        "304": _UNCHANGED,
        "416": _BEYOND,
    },
    "download_linked": {
        "200": _file(*_AUDIO, "application/zip", description="The file, streamed."),
        "206": _file(*_AUDIO, description="A part of it; never of a ZIP.", **_PART),
        "304": _UNCHANGED,
        "416": _BEYOND,
    },
    "read_shared_segment": {
        "200": _file(*_STORED[:2], description="The file that the manifest names."),
        "206": _file(*_STORED[:2], description="A part of it.", **_PART),
        "307": {"description": "Where the storage serves it itself, for a while."},
        "416": _BEYOND,
    },
    "download_all": {
        "200": _file("application/zip", description="A ZIP of all stems, streamed."),
    },
    "read_segment": {
        "200": _file(*_STORED[:2], description="The file that the manifest names."),
        "206": _file(*_STORED[:2], description="A part of it.", **_PART),
        "307": {"description": "Where the storage serves it itself, for a while."},
        "416": _BEYOND,
    },
    "read_waveform": {
        "200": _file(_STORED[1], description="The overview; see docs/results.md."),
    },
    "read_file": {
        "200": _file(*_STORED, *_AUDIO[2:4], description="The file."),
        "206": _file(*_STORED, *_AUDIO[2:4], description="A part of it.", **_PART),
        "304": _UNCHANGED,
        "416": _BEYOND,
    },
}
"""Answers that are files, by the name of their route."""

PARAMETERS: Final[dict[str, tuple[str, str]]] = {
    "job_id": ("One of your jobs.", "job_01k9zv5w3h8m2n4p6r7s9t0vwx"),
    "upload_id": ("One of your uploads.", "upl_01k9zv5w3h8m2n4p6r7s9t0vwx"),
    "key_id": ("One of your keys.", "key_01k9zv5w3h8m2n4p6r7s9t0vwx"),
    "endpoint_id": ("One of your endpoints.", "whe_01k9zv5w3h8m2n4p6r7s9t0vwx"),
    "purchase_id": ("One of your purchases.", "pur_01k9zv5w3h8m2n4p6r7s9t0vwx"),
    "delivery_id": ("A delivery to that endpoint.", "whd_01k9zv5w3h8m2n4p6r7s9t0vwx"),
    "account_id": ("An account of your sites.", "acct_01k9zv5w3h8m2n4p6r7s9t0vwx"),
    "alarm_id": ("An alarm of your sites.", "alm_01k9zv5w3h8m2n4p6r7s9t0vwx"),
    "flag_id": ("Credits that are missing at one of your sites.", "led_01k9zv5w3h8m2n4p6r7s9t0vwx"),
    "takedown_id": ("A request to your sites.", "tkd_01k9zv5w3h8m2n4p6r7s9t0vwx"),
    "share_id": ("One of the job's links.", "shr_01k9zv5w3h8m2n4p6r7s9t0vwx"),
    "token": ("What the link has in its address.", "shr_01k9zv5w3h8m2n4p6r7s9t0vwx.mSvxN1Tq0"),
    "stem": ("A stem's name.", "vocals"),
    "name": ("The name of a segment or waveform, as the manifest has it.", "0/000000.flac"),
    "key": ("The rest of a signed link, as it was given.", "results/0/000000.flac"),
    "upload-length": ("Bytes of the whole file.", "4471512"),
    "upload-offset": ("Where the bytes of this request begin.", "0"),
    "upload-metadata": ("filename and its name in base64, as tus has it.", "filename c29uZy5tcDM="),
    "tus-resumable": ("Must be 1.0.0.", "1.0.0"),
}
"""Parameters that explain themselves nowhere else, each with an example."""

_OFFSET: Final = {"schema": {"type": "integer"}, "description": "Where the upload goes on."}
_BYTES: Final = {
    "content": {
        "application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}
    }
}

REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "create_resumable": {"description": "The first bytes, if you like.", **_BYTES},
    "send_part": {"description": "The next bytes.", "required": True, **_BYTES},
    "receive_event": {
        "description": "An event, as Stripe writes it.",
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {
                    "id": "evt_1Pq",
                    "object": "event",
                    "type": "invoice.paid",
                    "created": 1_780_000_000,
                    "data": {"object": {"id": "in_1Pq", "object": "invoice"}},
                },
            }
        },
    },
}
"""Bodies that are read as they come, by the name of their route."""

HEADERS: Final[dict[str, dict[str, Any]]] = {
    "create_resumable": {
        "Location": {"schema": {"type": "string"}, "description": "Where its bytes go."},
        "Upload-Offset": _OFFSET,
    },
    "send_part": {"Upload-Offset": _OFFSET},
    "show_offset": {
        "Upload-Offset": _OFFSET,
        "Upload-Length": {"schema": {"type": "integer"}, "description": "Bytes of the whole."},
    },
    "tell_abilities": {
        name: {"schema": {"type": "string"}}
        for name in ("Tus-Version", "Tus-Extension", "Tus-Max-Size")
    },
}
"""What answers without a body say, by the name of their route."""
