"""Takes the picture in README.md: the four sites as they are shipped, and the player at work.

Small and the same for everybody, so it is kept: `make picture` takes it anew.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, BrowserContext

from stemhouse.sites.place import shipped_folder
from stemhouse.testing.sites import TEST_SITE
from tests.browser.chromium import running_chromium
from tests.service.serving import Served, served

PICTURE: Final = Path(__file__).resolve().parent.parent / "docs" / "images" / "sites.webp"
SITES: Final = (("splitter", "light"), ("acapella", "light"), ("karaoke", "dark"))
MIXER: Final = "studio"

_WIDE, _HIGH = 1280, 800
_COLUMN: Final = 427  # a third of it
_GAP: Final = 12
_GROUND: Final = "#8b9094"
_MOST_BYTES: Final = 150_000


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="stemhouse-picture-") as folder,
        served(Path(folder)) as service,
        running_chromium() as browser,
    ):
        shutil.rmtree(service.settings.data_dir / "sites" / TEST_SITE)
        for name in (*(site for site, _ in SITES), MIXER):
            shutil.copytree(shipped_folder() / name, service.settings.data_dir / "sites" / name)
        pages = [first_page(browser, service, site, scheme) for site, scheme in SITES]
        player = player_of(browser, service)
    PICTURE.parent.mkdir(exist_ok=True)
    together(pages, player).save(PICTURE, quality=80, method=6)
    size_bytes = PICTURE.stat().st_size
    if size_bytes > _MOST_BYTES:
        raise SystemExit(f"error: {PICTURE.name} has {size_bytes} bytes: more than {_MOST_BYTES}")
    print(f"wrote {PICTURE.name}: {size_bytes // 1000} kB")


def opened(browser: Browser, service: Served, scheme: str) -> BrowserContext:
    return browser.new_context(
        base_url=service.url,
        viewport={"width": _WIDE, "height": _HIGH},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )


def first_page(browser: Browser, service: Served, site: str, scheme: str) -> Image.Image:
    with opened(browser, service, scheme) as context:
        page = context.new_page()
        # The service looks at its folder once a second.
        while not page.request.get(f"/s/{site}/").ok:
            page.wait_for_timeout(200)
        page.goto(f"/s/{site}/")
        page.locator("song-uploader[data-ready]").wait_for()
        return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def player_of(browser: Browser, service: Served) -> Image.Image:
    with opened(browser, service, "dark") as context:
        page = context.new_page()
        page.goto(f"/s/{MIXER}/developers/player")
        player = page.locator("stem-player")
        player.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_timeout(4_000)  # somewhere in the song
        player.get_by_role("button", name="Pause", exact=True).click()
        page.mouse.move(0, 0)
        return Image.open(io.BytesIO(player.screenshot())).convert("RGB")


def together(pages: list[Image.Image], player: Image.Image) -> Image.Image:
    columns = len(pages)
    wide = columns * _COLUMN + (columns + 1) * _GAP
    small = [
        page.resize((_COLUMN, _COLUMN * _HIGH // _WIDE), Image.Resampling.LANCZOS) for page in pages
    ]
    scale = (wide - 2 * _GAP) / player.width
    below = player.resize((wide - 2 * _GAP, round(player.height * scale)), Image.Resampling.LANCZOS)
    picture = Image.new("RGB", (wide, small[0].height + below.height + 3 * _GAP), _GROUND)
    for number, page in enumerate(small):
        picture.paste(page, (_GAP + number * (_COLUMN + _GAP), _GAP))
    picture.paste(below, (_GAP, small[0].height + 2 * _GAP))
    return picture


if __name__ == "__main__":
    main()
