# The memory of a page that nobody looks into: for a debugger, Chromium keeps what was loaded.

from __future__ import annotations

import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.browser.stored_songs import SongServer

# Plays a little of many places of a song, and says so by what it asks for.
_DRIVE = """<!doctype html><script type="module">
import '/player.js';
const pause = ms => new Promise(go => setTimeout(go, ms));
const element = document.createElement('stem-player');
element.src = '{src}';
document.body.append(element);
await element.updateComplete;
const {{ player }} = element;
while (!player.manifest) await pause(20);
player.play();
for (let place = 0; place < {places}; place++) {{
  const at_s = (place * (player.duration_s - 10)) / {places};
  player.seek(at_s);
  while (player.position_s < at_s + {each_s} || player.position_s > at_s + 30) await pause(20);
}}
await fetch('/done');
</script>"""


@dataclass(frozen=True)
class Jumps:
    # Places of the song that are played, one after the other, and for how long each.
    places: int
    each_s: float


def page_sizes(songs: SongServer, src: str, jumps: Jumps, profile: Path) -> list[int]:
    # Bytes of the page's process, its own alone, again and again while it plays.
    (songs.folder / "drive.html").write_text(_DRIVE.format(src=src, **asdict(jumps)))
    (songs.folder / "done").write_text("")
    songs.asked.clear()
    more = ["--headless=new", f"--user-data-dir={profile}", f"{songs.url}/drive.html"]
    process = subprocess.Popen([find_chromium(), *ARGUMENTS, *more], stderr=subprocess.DEVNULL)
    sizes: list[int] = []
    deadline = time.monotonic() + 20 + (10 + jumps.each_s) * jumps.places
    try:
        while "/done" not in songs.asked:
            assert time.monotonic() < deadline, "the page did not come to its end"
            sizes.append(_renderer_bytes(process.pid))
            time.sleep(0.2)
    finally:
        process.terminate()
        process.wait()
    return sizes


def _renderer_bytes(browser: int) -> int:
    sizes = [0]
    for process in psutil.Process(browser).children(recursive=True):
        try:
            if "--type=renderer" in process.cmdline():
                sizes.append(process.memory_full_info().uss)
        except psutil.Error:
            continue  # it has ended
    return max(sizes)
