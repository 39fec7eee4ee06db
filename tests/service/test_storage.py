# One contract, held by every storage: a local folder and a real S3 server.

from __future__ import annotations

import io
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx2 as httpx
import pytest

from stemhouse.errors import (
    DiskFull,
    ExternalError,
    ExternalRefused,
    Forbidden,
    InvalidOption,
    NotFound,
)
from stemhouse.storage import LinkSigner, LocalStorage, S3Options, S3Storage, Storage
from stemhouse.testing.s3_server import running_s3

Follow = Callable[[str], bytes]


@pytest.fixture(scope="module")
def s3_options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Options]:
    with running_s3(tmp_path_factory.mktemp("s3")) as options:
        yield options


class StorageContract:
    @pytest.fixture
    def storage(self) -> Storage:
        raise NotImplementedError

    @pytest.fixture
    def follow(self) -> Follow:
        raise NotImplementedError

    def test_what_was_put_is_got(self, storage: Storage) -> None:
        size = storage.put("a/b.bin", b"hello")

        assert size == 5
        assert storage.get("a/b.bin") == b"hello"

    def test_put_replaces(self, storage: Storage) -> None:
        storage.put("a", b"long before")
        storage.put("a", b"short")

        assert storage.get("a") == b"short"

    def test_blocks_files_and_paths_are_stored(self, storage: Storage, tmp_path: Path) -> None:
        data = os.urandom(6_000_000)  # more than one part of a multipart upload
        (tmp_path / "file").write_bytes(data)
        blocks = (data[i : i + 700_000] for i in range(0, len(data), 700_000))

        sizes = [
            storage.put("blocks", blocks),
            storage.put("file", io.BytesIO(data)),
            storage.put("path", tmp_path / "file"),
        ]

        assert sizes == [len(data)] * 3
        assert all(storage.get(key) == data for key in ("blocks", "file", "path"))

    def test_a_file_is_taken_and_gone_where_it_was(self, storage: Storage, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"new")
        storage.put("a/b", b"what was there")

        storage.take("a/b", tmp_path / "file")

        assert storage.get("a/b") == b"new"
        assert not (tmp_path / "file").exists()

    def test_what_is_not_there_cannot_be_taken(self, storage: Storage, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            storage.take("a/b", tmp_path / "missing")

        assert not storage.exists("a/b")

    def test_a_file_is_fetched_and_stays(self, storage: Storage, tmp_path: Path) -> None:
        data = os.urandom(2_500_000)
        storage.put("a", data)

        storage.fetch("a", tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == data

        # What is stored later, or removed, does not change what was fetched.
        storage.put("a", b"other")
        assert (tmp_path / "fetched").read_bytes() == data
        (tmp_path / "fetched").unlink()
        assert storage.get("a") == b"other"

    def test_what_is_not_there_cannot_be_fetched(self, storage: Storage, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            storage.fetch("missing", tmp_path / "fetched")

        assert not (tmp_path / "fetched").exists()

    def test_nothing_is_stored_too(self, storage: Storage) -> None:
        storage.put("bytes", b"")
        storage.put("blocks", iter(()))

        assert storage.get("bytes") == storage.get("blocks") == b""
        assert b"".join(storage.stream("blocks")) == b""

    def test_blocks_that_fail_leave_what_was_there(self, storage: Storage) -> None:
        def failing() -> Iterator[bytes]:
            yield bytes(6_000_000)
            raise NotFound("the source went away")

        storage.put("a", b"before")
        with pytest.raises(NotFound, match="went away"):
            storage.put("a", failing())

        assert storage.get("a") == b"before"

    def test_streams_whole_files_and_parts(self, storage: Storage) -> None:
        data = os.urandom(2_500_000)
        storage.put("a", data)

        assert b"".join(storage.stream("a")) == data
        assert max(len(block) for block in storage.stream("a")) < len(data)
        assert b"".join(storage.stream("a", 1_200_000)) == data[1_200_000:]
        assert b"".join(storage.stream("a", 5, 17)) == data[5:17]
        assert b"".join(storage.stream("a", 2_499_999, 9_999_999)) == data[-1:]
        assert b"".join(storage.stream("a", 9_999_999)) == b""

    def test_ranges_end_where_the_file_ends(self, storage: Storage) -> None:
        storage.put("a", b"0123456789")

        assert storage.get_range("a", 2, 5) == b"234"
        assert storage.get_range("a", 8, 50) == b"89"
        assert storage.get_range("a", 10, 50) == storage.get_range("a", 4, 4) == b""

    def test_head_tells_size_and_time(self, storage: Storage) -> None:
        storage.put("a/b", b"hello")

        found = storage.head("a/b")

        assert (found.key, found.size_bytes) == ("a/b", 5)
        assert abs(datetime.now(UTC) - found.modified_at) < timedelta(minutes=1)

    def test_lists_what_lies_under_a_prefix_and_nothing_beside(self, storage: Storage) -> None:
        for key in ("jobs/1/a", "jobs/1/b/c", "jobs/12/a", "other"):
            storage.put(key, b"x")

        assert {found.key for found in storage.list("jobs/1/")} == {"jobs/1/a", "jobs/1/b/c"}
        assert list(storage.list("nothing/")) == []

    def test_delete_removes_and_passes_over_the_missing(self, storage: Storage) -> None:
        storage.put("a", b"x")
        storage.put("b", b"x")

        storage.delete("missing", "a", "b")

        assert not storage.exists("a")
        assert not storage.exists("b")

    def test_delete_prefix_counts(self, storage: Storage) -> None:
        for key in ("jobs/1/a", "jobs/1/b", "jobs/12/a"):
            storage.put(key, b"x")

        assert storage.delete_prefix("jobs/1/") == 2
        assert storage.delete_prefix("jobs/1/") == 0
        assert storage.exists("jobs/12/a")

    def test_a_missing_file_is_not_found(self, storage: Storage) -> None:
        with pytest.raises(NotFound):
            storage.get("missing")
        with pytest.raises(NotFound):
            storage.stream("missing")
        with pytest.raises(NotFound):
            storage.get_range("missing", 0, 1)

    @pytest.mark.parametrize(
        "key",
        [
            *("", "/", "/etc/passwd", "../x", "a/../x", "a//b", "a/./b", ".hidden", "a/.b", "a/"),
            *("a b", "ä", "a\\b", "a\0b", "a\nb", "a%2e", "a?b", "a#1", "x" * 201, "a/" * 500),
        ],
    )
    def test_other_keys_are_refused(self, storage: Storage, key: str) -> None:
        with pytest.raises(InvalidOption):
            storage.put(key, b"x")
        with pytest.raises(InvalidOption):
            storage.get(key)
        with pytest.raises(InvalidOption):
            storage.link(key, timedelta(minutes=1), site="default")

    def test_a_prefix_must_name_whole_parts(self, storage: Storage) -> None:
        with pytest.raises(InvalidOption):
            storage.delete_prefix("jobs/1")

    def test_a_link_reads_the_file(self, storage: Storage, follow: Follow) -> None:
        storage.put("a/b.flac", b"sound")

        assert follow(storage.link("a/b.flac", timedelta(minutes=1), site="default")) == b"sound"

    def test_a_tampered_link_is_refused(self, storage: Storage, follow: Follow) -> None:
        storage.put("a/b", b"mine")
        storage.put("a/c", b"yours")
        link = storage.link("a/b", timedelta(minutes=1), site="default")

        for tampered in (link.replace("a/b", "a/c"), link[:-1] + chr(ord(link[-1]) ^ 1)):
            with pytest.raises(Forbidden):
                follow(tampered)

    def test_an_expired_link_is_refused(self, storage: Storage, follow: Follow) -> None:
        storage.put("a", b"mine")
        link = storage.link("a", timedelta(seconds=1), site="default")
        time.sleep(2.5)

        with pytest.raises(Forbidden):
            follow(link)

    def test_a_working_storage_passes_its_check(self, storage: Storage) -> None:
        storage.check()


class TestLocalStorage(StorageContract):
    @pytest.fixture
    def signer(self) -> LinkSigner:
        return LinkSigner([b"s" * 32])

    @pytest.fixture
    def storage(self, tmp_path: Path, signer: LinkSigner) -> Storage:
        return LocalStorage(tmp_path / "files", signer=signer)

    @pytest.fixture
    def follow(self, storage: Storage, signer: LinkSigner) -> Follow:
        def read(link: str) -> bytes:
            address = urlsplit(link)
            path = unquote(address.path)
            signer.verify(path, dict(parse_qsl(address.query)))
            return storage.get(path.removeprefix("/v1/files/"))

        return read

    def test_files_are_taken_and_fetched_across_disks(
        self, storage: Storage, other_disk: Path, tmp_path: Path
    ) -> None:
        assert other_disk.stat().st_dev != tmp_path.stat().st_dev
        (other_disk / "file").write_bytes(b"song")

        storage.take("a/b", other_disk / "file")
        storage.fetch("a/b", other_disk / "fetched")

        assert storage.get("a/b") == b"song"
        assert {path.name for path in other_disk.iterdir()} == {"fetched"}
        assert (other_disk / "fetched").read_bytes() == b"song"

    def test_files_are_taken_while_their_folder_comes_and_goes(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        # Removing a folder's last file removes the folder.
        def remove() -> None:
            for _ in range(300):
                storage.delete("jobs/1/a")

        with ThreadPoolExecutor(1) as pool:
            removing = pool.submit(remove)
            for number in range(300):
                (tmp_path / "file").write_bytes(b"x")
                storage.take("jobs/1/a" if number % 2 else "jobs/1/b", tmp_path / "file")
                storage.delete("jobs/1/b")
            removing.result()

    def test_files_are_taken_while_all_folders_above_come_and_go(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        def take_and_remove(worker: int) -> None:
            for number in range(400):
                file, key = tmp_path / f"{worker}", f"results/site/account/{worker}/{number}/0/a"
                file.write_bytes(b"x")
                storage.take(key, file)
                storage.delete(key)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(take_and_remove, range(6)))

    def test_what_is_in_the_way_of_a_folder_is_said(self, storage: Storage, tmp_path: Path) -> None:
        storage.put("a", b"file")
        (tmp_path / "file").write_bytes(b"x")

        with pytest.raises(ExternalError):
            storage.take("a/b", tmp_path / "file")

        assert (tmp_path / "file").exists()

    @pytest.fixture
    def other_disk(self, tmp_path: Path) -> Iterator[Path]:
        shared_memory = Path("/dev/shm")
        if not shared_memory.is_dir() or shared_memory.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("there is no second disk to move files to")
        with tempfile.TemporaryDirectory(dir=shared_memory) as folder:
            yield Path(folder)


class TestS3Storage(StorageContract):
    @pytest.fixture
    def storage(self, s3_options: S3Options, request: pytest.FixtureRequest) -> Storage:
        prefix = f"{abs(hash(request.node.name))}/"
        return S3Storage(S3Options(**{**_fields(s3_options), "prefix": prefix}))

    @pytest.fixture
    def follow(self) -> Follow:
        def read(link: str) -> bytes:
            answer = httpx.get(link)
            if answer.status_code == 403:
                raise Forbidden("refused by the server")
            return answer.raise_for_status().content

        return read


def _fields(options: S3Options) -> dict[str, object]:
    return {name: getattr(options, name) for name in options.__dataclass_fields__}


def test_a_local_link_cannot_be_prolonged_or_extended() -> None:
    signer = LinkSigner([b"s" * 32], now=lambda: 1000.0)
    link = urlsplit(signer.sign("/v1/x", timedelta(seconds=5), {"format": "mp3"}))
    params = dict(parse_qsl(link.query))

    signer.verify(link.path, params)
    for changed in (
        {**params, "expires": "9999999999"},
        {**params, "format": "wav"},
        {**params, "more": "1"},
        {name: params[name] for name in params if name != "format"},
        {},
    ):
        with pytest.raises(Forbidden):
            signer.verify(link.path, changed)


def test_links_signed_with_the_former_secret_still_work() -> None:
    old, new = b"o" * 32, b"n" * 32
    link = urlsplit(LinkSigner([old]).sign("/v1/x", timedelta(minutes=1)))

    LinkSigner([new, old]).verify(link.path, dict(parse_qsl(link.query)))
    with pytest.raises(Forbidden):
        LinkSigner([new]).verify(link.path, dict(parse_qsl(link.query)))


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(InvalidOption):
        LinkSigner([b"short"])


def test_a_link_out_of_the_folder_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"x")
    storage = LocalStorage(tmp_path / "files")
    (tmp_path / "files" / "inside").symlink_to(tmp_path / "outside")

    with pytest.raises(NotFound):
        storage.get("inside/secret")
    with pytest.raises(NotFound):
        storage.put("inside/new", b"x")


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("jobs/a", b"whole")
    old, young = tmp_path / "jobs" / "b#1", tmp_path / "jobs" / "c#1"
    old.write_bytes(b"half")
    young.write_bytes(b"being written")
    os.utime(old, (0, 0))

    assert storage.remove_half_written(timedelta(hours=1)) == 1
    assert young.exists()
    assert [found.key for found in storage.list("jobs/")] == ["jobs/a"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no small disk can be made here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_says_so_and_keeps_what_was_there(small_disk: Path) -> None:
    storage = LocalStorage(small_disk)
    storage.put("a", b"before")

    with pytest.raises(DiskFull) as raised:
        storage.put("a", bytes(3_000_000))
    with pytest.raises(DiskFull):
        storage.put("b", iter([bytes(500_000)] * 4))

    assert raised.value.retryable
    assert storage.get("a") == b"before"
    assert not storage.exists("b")


def test_a_storage_that_does_not_answer_is_worth_waiting_for() -> None:
    nobody = S3Options(
        bucket="bucket",
        endpoint="http://127.0.0.1:9",
        access_key_id="a",
        secret_access_key="b",
        retry_s=0.5,
    )

    with pytest.raises(ExternalError) as raised:
        S3Storage(nobody).put("a", b"x")

    assert raised.value.retryable
    assert "127.0.0.1" not in raised.value.message


@pytest.mark.parametrize("wrong", [{"secret_access_key": "wrong"}, {"access_key_id": "stranger"}])
def test_wrong_credentials_are_not_worth_waiting_for(
    s3_options: S3Options, wrong: dict[str, str]
) -> None:
    storage = S3Storage(S3Options(**{**_fields(s3_options), **wrong}))

    with pytest.raises(ExternalRefused) as raised:
        storage.check()

    assert not raised.value.retryable
