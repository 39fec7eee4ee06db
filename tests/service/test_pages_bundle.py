from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from stemhouse.pages.bundle import BUILT, Bundle, BundleMissing, bundle

ENTRIES = ["src/app/site.ts", "src/app/studio.ts", "src/app/player.ts", "src/app/admin.ts"]


def addresses(tags: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', tags)


@pytest.mark.parametrize("entry", [*ENTRIES, "src/styles/site.css"])
def test_every_entry_point_names_files_that_are_served(entry: str, client: TestClient) -> None:
    found = addresses(bundle(entry))

    assert found
    for address in found:
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].startswith("text/")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_site_below_a_path_finds_its_files_there() -> None:
    found = addresses(bundle("src/app/site.ts", root="/s/acapella"))

    assert all(address.startswith("/s/acapella/assets/") for address in found)


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_files_are_sent_compressed_to_who_takes_that(encoding: str, client: TestClient) -> None:
    address = addresses(bundle("src/styles/site.css"))[0]

    packed = client.get(address, headers={"Accept-Encoding": f"{encoding};q=0.8"})
    plain = client.get(address, headers={"Accept-Encoding": "identity"})

    assert packed.headers["content-encoding"] == encoding
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept-Encoding"
    assert ":root{" in plain.text


@pytest.mark.parametrize(
    "name", ["manifest.json", "licences.md", "..%2Fpages%2Fbundle.py", "no.js"]
)
def test_nothing_else_of_the_folder_is_served(name: str, client: TestClient) -> None:
    answer = client.get(f"/assets/{name}")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_the_player_is_one_file_that_pages_anywhere_may_load(client: TestClient) -> None:
    answer = client.get("/player.js", headers={"Origin": "https://band.example"})
    again = client.get("/player.js", headers={"If-None-Match": answer.headers["etag"]})

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-cache"
    assert "stem-player" in answer.text
    # One file: it loads no others.
    assert not re.search(r"""(?:from|import)\s*\(?["']\./""", answer.text)
    assert again.status_code == 304
    # What is kept for ever must change its name.
    assert client.get("/assets/player.js").status_code == 404


def test_the_licences_of_what_is_bundled_are_beside_it() -> None:
    text = (BUILT / "licences.md").read_text()

    assert "Licenses" in text


def test_pages_that_were_not_built_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BundleMissing, match="make ui"):
        Bundle(tmp_path).tags("src/app/site.ts")


def test_a_misspelt_entry_point_is_refused() -> None:
    with pytest.raises(BundleMissing, match="sight"):
        bundle("src/app/sight.ts")


def test_public_pages_are_light() -> None:
    entries = ["src/styles/site.css", "src/app/site.ts", "src/app/studio.ts"]
    names = {
        address.rpartition("/")[2] for entry in entries for address in addresses(bundle(entry))
    }

    sizes = {name: (BUILT / f"{name}.gz").stat().st_size for name in names}

    # All scripts and styles of the first page, compressed; what is fetched later, when a song is
    # dropped, is not among them.
    assert sum(sizes.values()) < 100_000, sizes
