"""Reading one file out of a multipart form, block by block, into a receiver."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message

from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from stemhouse.domains.uploads.receiver import Receiver
from stemhouse.errors import InvalidOption

FIELD = "file"
OVERHEAD_BYTES = 64 * 1024
"""What the form may hold beside the file."""

_BLOCK_BYTES = 1024 * 1024


class FormReader:
    """Finds the file in a form; other fields are read over.

    Parameters
    ----------
    content_type : str
        The request's.

    Attributes
    ----------
    name : str or None
        The file's name, once its part begins.
    """

    def __init__(self, content_type: str) -> None:
        boundary = _boundary(content_type)
        self.name: str | None = None
        self.finished = False
        self.data = bytearray()
        self._in_file = False
        self._header = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._beside = 0
        callbacks: dict[str, Callable[..., None]] = {
            "on_part_begin": self._part_begins,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._part_data,
            "on_part_end": self._part_ends,
        }
        # What is too much beside the file is counted here, with an error that says so.
        try:
            self._parser = MultipartParser(
                boundary,
                callbacks,  # type: ignore[arg-type]
                max_header_size=OVERHEAD_BYTES,
            )
        except FormParserError as error:
            raise InvalidOption("the form's boundary is too long: 256 bytes at most") from error

    def feed(self, data: bytes) -> None:
        """Read a block of the form; what it holds of the file is then in `data`."""
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise InvalidOption("the form is damaged; send it again") from error

    def take(self) -> bytes:
        """Return the file's bytes that were read since the last call."""
        taken = bytes(self.data)
        self.data.clear()
        return taken

    def _part_begins(self) -> None:
        self._headers = {}
        self._in_file = False

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._count(end - start)

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._count(end - start)

    def _header_ends(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_end(self) -> None:
        value = self._headers.get(b"content-disposition", b"").decode("utf-8", "replace")
        field, file_name = _described(value)
        if field != FIELD:
            if file_name is not None:
                raise InvalidOption(f"the song belongs in a field named '{FIELD}'")
            return
        if self.name is not None:
            raise InvalidOption("the form holds two files; send one at a time")
        self._in_file = True
        self.name = _unescaped(file_name or "song")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.data += data[start:end]
        else:
            self._count(end - start)

    def _part_ends(self) -> None:
        self.finished = self.finished or self._in_file

    def _count(self, size: int) -> None:
        self._beside += size
        if self._beside > OVERHEAD_BYTES:
            raise InvalidOption("the form holds too much beside the file")


def _boundary(content_type: str) -> bytes:
    try:
        kind, options = parse_options_header(content_type)
    except ValueError:
        kind, options = b"", {}
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidOption("send the song as multipart/form-data, in a field named 'file'")
    return boundary


def _described(disposition: str) -> tuple[object, str | None]:
    """Return what a part's Content-Disposition names: its field, and its file."""
    described = Message()
    described["content-disposition"] = disposition.replace("\r", " ").replace("\n", " ")
    try:
        field = described.get_param("name", header="content-disposition")
        return field, described.get_filename()
    except ValueError as error:
        # RFC 2231 lets them be in any character set that Python knows, and some decode nothing.
        raise InvalidOption("the name of a file in the form cannot be read") from error


def _unescaped(name: str) -> str:
    # Browsers write these three so (HTML, "multipart/form-data encoding"), and a "%" as itself.
    return name.replace("%22", '"').replace("%0D", " ").replace("%0A", " ")


async def read_form(request: Request, receiver: Receiver, named: Callable[[str], None]) -> None:
    """Read the request's form into a receiver.

    `named` is called with the file's name as soon as that is known.

    Raises
    ------
    InvalidOption
        There is no form, no file in it, or it is cut off.
    UploadTooLarge
        The file has more bytes than the receiver takes.
    """
    reader = FormReader(request.headers.get("content-type", ""))
    told = False
    try:
        async for block in request.stream():
            reader.feed(block)
            if reader.name is not None and not told:
                named(reader.name)
                told = True
            if len(reader.data) >= _BLOCK_BYTES:
                await run_in_threadpool(receiver.write, reader.take())
    except ClientDisconnect as error:
        raise InvalidOption("the form was cut off; send it again") from error
    await run_in_threadpool(receiver.write, reader.take())
    if not reader.finished:
        raise InvalidOption(f"the form holds no file in a field named '{FIELD}', or was cut off")
