"""Results: stems kept once, as FLAC segments with a manifest, and made into every download."""

from stemhouse.results.downloads import Download, Sendable, archive, mix_download, stem_download
from stemhouse.results.kept import KeptDownloads
from stemhouse.results.manifest import Manifest, Provenance, Segment, Song, StemRecord
from stemhouse.results.mixing import Mix, StemLevel
from stemhouse.results.names import archive_name, content_disposition, stem_file_name
from stemhouse.results.reader import ResultReader
from stemhouse.results.segments import SegmentWriter
from stemhouse.results.waveform import Waveform, WaveformBuilder
from stemhouse.results.writer import ResultShape, ResultWriter

__all__ = [
    "Download",
    "KeptDownloads",
    "Manifest",
    "Mix",
    "Provenance",
    "ResultReader",
    "ResultShape",
    "ResultWriter",
    "Segment",
    "SegmentWriter",
    "Sendable",
    "Song",
    "StemLevel",
    "StemRecord",
    "Waveform",
    "WaveformBuilder",
    "archive",
    "archive_name",
    "content_disposition",
    "mix_download",
    "stem_download",
    "stem_file_name",
]
