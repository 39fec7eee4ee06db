"""The example as a stored result, for the player on the page that shows how to embed it.

Segments are several times larger than the kept files, so they are made from those, once for each
process that is asked for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from fastapi import APIRouter, Response

from stemhouse._version import __version__
from stemhouse.engine.catalogue import find_card
from stemhouse.engine.codec import open_source
from stemhouse.errors import NotFound
from stemhouse.pages.example import FOLDER, parts
from stemhouse.results import Provenance, ResultShape, ResultWriter, Song

router = APIRouter(include_in_schema=False)

_SONG: Final = Song(
    name="Voice over guitars", tags={"title": "Voice over guitars", "artist": "Carlos Viola Iborra"}
)
_MODEL: Final = "spleeter-2stems"  # what tools/example.py took it apart with
_SEGMENT_S: Final = 4
_TYPES: Final = {"json": "application/json", "flac": "audio/flac"}
_HEADERS: Final = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}


@router.head("/example/stems/{name:path}")
@router.get("/example/stems/{name:path}")
def send_example_stem(name: str) -> Response:
    data = _files().get(name)  # looked up among names, never opened by one
    if data is None:
        raise NotFound("the example has no such file")
    kind = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    return Response(data, media_type=kind, headers=_HEADERS)


@cache
def _files() -> Mapping[str, bytes]:
    files: dict[str, bytes] = {}
    sources = {part: open_source(str(FOLDER / f"{part}.m4a")) for part in parts()}
    first = next(iter(sources.values()))
    shape = ResultShape(
        stems=tuple(sources),
        sample_rate=first.info.sample_rate,
        channels=first.output_channels,
        bit_depth=16,
        segment_samples=_SEGMENT_S * first.info.sample_rate,
    )
    weights = max(find_card(_MODEL).files.values(), key=lambda file: file.size_bytes)
    made_by = Provenance(
        engine_version=__version__, model=_MODEL, model_sha256=weights.sha256, quality="best"
    )
    with ResultWriter(files.__setitem__, shape, song=_SONG, provenance=made_by) as writer:
        for part, source in sources.items():
            with source:
                for block in source.blocks():
                    writer.write(part, block)
    return files
