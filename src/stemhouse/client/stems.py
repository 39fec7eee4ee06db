"""What both clients can do with stems that are there: download them, mix them, pass them on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stemhouse.client import calls, downloading
from stemhouse.client.calls import path
from stemhouse.client.exchange import Plan, Retries
from stemhouse.client.models import Link, Share


@dataclass(frozen=True, slots=True)
class MixPart:
    """A stem in a mix: how much louder than it is, in dB, and where, from -1 (left) to 1."""

    stem: str
    gain_db: float = 0.0
    pan: float = 0.0


def download_stem(
    retries: Retries,
    job_id: str,
    stem: str,
    target: str | os.PathLike[str],
    *,
    format: str = "wav",
    received: downloading.Received | None = None,
) -> Plan[Path]:
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
    where, params = path("jobs", job_id, "stems", stem), {"format": format}
    return downloading.download(where, params, Path(target), retries=retries, received=received)


def download_archive(
    retries: Retries,
    job_id: str,
    target: str | os.PathLike[str],
    *,
    format: str = "wav",
    received: downloading.Received | None = None,
) -> Plan[Path]:
    """Download all stems as one ZIP; otherwise like `download_stem`."""
    where, params = path("jobs", job_id, "archive"), {"format": format}
    return downloading.download(where, params, Path(target), retries=retries, received=received)


def download_mix(
    retries: Retries,
    job_id: str,
    target: str | os.PathLike[str],
    *,
    parts: Sequence[MixPart] | None = None,
    gain_db: float = 0.0,
    format: str = "wav",
    received: downloading.Received | None = None,
) -> Plan[Path]:
    """Download stems mixed together; otherwise like `download_stem`.

    Parameters
    ----------
    parts : sequence of MixPart, optional
        The stems that are in it; all as they are by default.
    gain_db : float
        Of the whole mix.
    """
    params: dict[str, str | Sequence[str]] = {"format": format, "gain_db": str(gain_db)}
    if parts is not None:
        params["stem"] = [_written(part) for part in parts]
    where = path("jobs", job_id, "mix")
    return downloading.download(where, params, Path(target), retries=retries, received=received)


def link(
    retries: Retries,
    job_id: str,
    stem: str | None = None,
    *,
    parts: Sequence[MixPart] | None = None,
    gain_db: float = 0.0,
    format: str | None = None,
    expires_in_s: int = 3600,
) -> Plan[Link]:
    """Make an address that downloads a stem, a mix, or a ZIP of all, without a key.

    Parameters
    ----------
    job_id : str
        Which.
    stem : str, optional
        The stem; without one it is the mix, or the ZIP.
    parts : sequence of MixPart, optional
        What is in a mix, as in `download_mix`.
    gain_db : float
        Of a whole mix.
    format : str, optional
        As in `download_stem`; by default the plan's first.
    expires_in_s : int
        How long it is good: a minute to a week.
    """
    body: dict[str, object] = {"stem": stem, "format": format, "expires_in_s": expires_in_s}
    if parts is not None:
        body["mix"] = {"stems": [_written(part) for part in parts], "gain_db": gain_db}
    return calls.link(job_id, body, retries)


def end_links(retries: Retries, job_id: str) -> Plan[None]:
    """End all links that download something of a job, at once."""
    return calls.remove(path("jobs", job_id, "links"), retries)


def share(retries: Retries, job_id: str, *, expires_in_s: int = 604_800) -> Plan[Share]:
    """Make a link that plays a job's stems without an account, in `<stem-player>` on any page.

    Parameters
    ----------
    job_id : str
        Which.
    expires_in_s : int
        How long it is good, a minute to a year; it ends with the stems as well.
    """
    where = path("jobs", job_id, "shares")
    return calls.act(Share, where, retries, {"expires_in_s": expires_in_s})


def shares(retries: Retries, job_id: str) -> Plan[list[Share]]:
    """List the links of a job that play it, newest first."""
    return calls.fetch_all(Share, path("jobs", job_id, "shares"), retries)


def end_share(retries: Retries, job_id: str, share_id: str) -> Plan[None]:
    """End a link that plays a job, at once."""
    return calls.remove(path("jobs", job_id, "shares", share_id), retries)


def _written(part: MixPart) -> str:
    return f"{part.stem},{part.gain_db},{part.pan}"
