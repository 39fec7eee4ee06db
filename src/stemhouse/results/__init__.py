"""Results: stems kept once, as FLAC segments with a manifest, and made into every download."""

from stemhouse.results.downloads import Download, archive, stem_download
from stemhouse.results.manifest import Manifest, Provenance, Segment, Song, StemRecord
from stemhouse.results.names import archive_name, content_disposition, stem_file_name
from stemhouse.results.reader import ResultReader
from stemhouse.results.segments import SegmentWriter
from stemhouse.results.waveform import Waveform, WaveformBuilder
from stemhouse.results.writer import ResultShape, ResultWriter

__all__ = [
    "Download",
    "Manifest",
    "Provenance",
    "ResultReader",
    "ResultShape",
    "ResultWriter",
    "Segment",
    "SegmentWriter",
    "Song",
    "StemRecord",
    "Waveform",
    "WaveformBuilder",
    "archive",
    "archive_name",
    "content_disposition",
    "stem_download",
    "stem_file_name",
]
