"""Reading and writing audio files, exactly, in blocks, in flat memory."""

from stemhouse.engine.codec.formats import FORMATS, OutputFormat, parse_format
from stemhouse.engine.codec.info import Cover, SourceInfo
from stemhouse.engine.codec.reader import AudioReader, Source, open_source
from stemhouse.engine.codec.resample import Resampler, resampled_length
from stemhouse.engine.codec.writer import AudioWriter, WrittenFile

__all__ = [
    "FORMATS",
    "AudioReader",
    "AudioWriter",
    "Cover",
    "OutputFormat",
    "Resampler",
    "Source",
    "SourceInfo",
    "WrittenFile",
    "open_source",
    "parse_format",
    "resampled_length",
]
