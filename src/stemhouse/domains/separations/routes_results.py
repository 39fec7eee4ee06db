"""The stems of a job: for players while it runs, as downloads when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints

from stemhouse.db.session import reading
from stemhouse.domains.separations import service
from stemhouse.domains.separations.access import Reader, TheKept, TheStorage
from stemhouse.domains.separations.listening import (
    prefix_of,
    send_manifest,
    send_segment,
)
from stemhouse.domains.separations.mixes import read_levels
from stemhouse.domains.separations.offers import download_format
from stemhouse.domains.separations.schemas import StemAnswer
from stemhouse.domains.separations.sending import complete_result, send_download
from stemhouse.domains.separations.views import show_job
from stemhouse.engine.codec.formats import OutputFormat
from stemhouse.errors import NotFound
from stemhouse.http.downloads import send_file
from stemhouse.http.services import services_of
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import ThePlace, TheSite
from stemhouse.results import (
    Manifest,
    StemLevel,
    archive,
    mix_download,
    stem_download,
)

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])

Format = Annotated[
    str | None,
    Query(
        max_length=16,
        description="wav, wav24, wavfloat, flac, flac24, mp3, mp3-320, m4a, ogg, opus …: one of "
        "your plan (GET /v1/site), by default the first.",
        examples=["mp3-320"],
    ),
]


MixStems = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=128)]] | None,
    Query(
        max_length=16,
        description="What is in the mix, once for each stem: its name, its gain in dB (-60, which "
        "is silent, to 24; 0 by default) and its pan (-1 left to 1 right; 0 by default), with "
        "commas between them. Stems that are not named are left out; without any, all are in it "
        "as they are.",
        examples=[["vocals,-6", "accompaniment,0,0.25"]],
    ),
]
MixGain = Annotated[
    float, Query(ge=-60, le=24, description="Gain of the whole mix in dB, to leave headroom.")
]


def _target(principal: Reader, site: TheSite, format: Format = None) -> OutputFormat:
    return download_format(site, principal.plan, format)


Target = Annotated[OutputFormat, Depends(_target)]


@dataclass(frozen=True, slots=True)
class _Files:
    """Where a job's files lie, and the name by which its song is called."""

    prefix: str
    name: str


def _files(job_id: str, request: Request, principal: Reader) -> _Files:
    # A read of its own: downloads stream for long.
    with reading(services_of(request).sessions) as session:
        job = service.find(session, principal, job_id)
        return _Files(prefix_of(session, job), job.name)


Files = Annotated[_Files, Depends(_files)]


@router.get("/stems")
def list_stems(
    job_id: str, principal: Reader, session: RequestSession, place: ThePlace
) -> list[StemAnswer]:
    """List the stems of a finished job."""
    result = show_job(session, service.find(session, principal, job_id), place.root_path).result
    return [] if result is None else result.stems


@router.get("/manifest", response_model=Manifest)
def show_manifest(files: Files, request: Request, storage: TheStorage) -> Response:
    """Show the segments that are there. While the job runs they grow: ask again."""
    return send_manifest(request, storage, files.prefix, files.name)


@router.get("/segments/{name:path}", response_class=Response)
@router.head("/segments/{name:path}", response_class=Response, include_in_schema=False)
def read_segment(name: str, files: Files, request: Request, storage: TheStorage) -> Response:
    """Read a file that the manifest names."""
    return send_segment(request, storage, files.prefix, name)


@router.get("/stems/{stem}", response_class=Response)
@router.head("/stems/{stem}", response_class=Response, include_in_schema=False)
def download_stem(
    *,
    stem: str,
    files: Files,
    request: Request,
    storage: TheStorage,
    kept: TheKept,
    target: Target,
) -> Response:
    """Download a stem of a finished job in any format, with the song's tags and cover."""
    reader = complete_result(storage, files.prefix, files.name)
    return send_download(request, kept, stem_download(reader, stem, target))


@router.get("/stems/{stem}/waveform", response_class=Response)
def read_waveform(stem: str, files: Files, storage: TheStorage) -> Response:
    """Read the overview of a stem: the file that docs/results.md describes."""
    waveform = complete_result(storage, files.prefix, files.name).stem(stem).waveform
    if waveform is None:
        raise NotFound("this stem has no waveform yet")
    return Response(
        storage.get(files.prefix + waveform.name), media_type="application/octet-stream"
    )


@router.get("/mix", response_class=Response)
@router.head("/mix", response_class=Response, include_in_schema=False)
def download_mix(
    *,
    files: Files,
    request: Request,
    storage: TheStorage,
    kept: TheKept,
    stem: MixStems = None,
    gain_db: MixGain = 0.0,
    target: Target,
) -> Response:
    """Download the stems of a finished job mixed together, as the player's mixer sets them."""
    reader = complete_result(storage, files.prefix, files.name)
    names = [one.name for one in reader.manifest.stems]
    levels = [StemLevel(stem=name) for name in names] if stem is None else read_levels(stem)
    file = mix_download(reader, levels, target, gain_db=gain_db)
    return send_download(request, kept, file)


@router.get("/archive", response_class=Response)
@router.head("/archive", response_class=Response, include_in_schema=False)
def download_all(files: Files, request: Request, storage: TheStorage, target: Target) -> Response:
    """Download all stems of a finished job as one ZIP."""
    return send_file(request, archive(complete_result(storage, files.prefix, files.name), target))
