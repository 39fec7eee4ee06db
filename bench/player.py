"""Measures the player in a real browser: the first sound, an hour's memory, sound while zooming."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from bench.load import quantile
from bench.machine import busy, describe_machine
from bench.report import save
from tests.browser.chromium import running_chromium
from tests.browser.listening import longest_match, recorded
from tests.browser.memory import Jumps, page_sizes
from tests.browser.stored_songs import SongServer, lengthened, noise, song_server, store

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
MARK = "player-bench"
RATE = 44_100
STEMS = 4
MIB = 2**20
MB = 10**6

Row = tuple[str, str, str]

_OPEN = """async src => {
  await import('/player.js');
  const element = document.createElement('stem-player');
  element.src = src;
  document.body.append(element);
  await element.updateComplete;
  const { player } = element;
  while (!player.manifest) await new Promise(go => setTimeout(go, 2));
  player.play();
  while (!player.output) await new Promise(go => setTimeout(go, 2));
  const ear = player.context.createAnalyser();
  player.output.connect(ear);
  const heard = new Float32Array(ear.fftSize);
  do {
    await new Promise(go => setTimeout(go, 2));
    ear.getFloatTimeDomainData(heard);
  } while (!heard.some(sample => sample !== 0));
  return performance.now();
}"""
_ZOOM = """
  const element = document.querySelector('stem-player');
  const frames = [];
  let last = performance.now();
  const ends = last + 5000;
  const tick = now => {
    frames.push(now - last);
    last = now;
    const key = Math.floor(now / 400) % 2 ? '+' : '-';
    element.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true }));
    if (now < ends) requestAnimationFrame(tick);
    else window.frames_ms = frames.slice(1);
  };
  requestAnimationFrame(tick);
  await hear(6);
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.player", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times that a song is opened")
    parser.add_argument("--jumps", type=int, default=120, help="places that are played fast")
    parser.add_argument("--no-save", dest="save", action="store_false", help="only print")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="stemhouse-bench-") as folder,
        song_server(Path(folder)) as songs,
        running_chromium() as browser,
    ):
        rows = [row for measure in MEASURES for row in measure(arguments, songs, browser)]
    text = report(rows)
    print(f"\n{text}")
    if arguments.save:
        save(DOCUMENT, text, MARK)
    return 0


def report(rows: list[Row]) -> str:
    head = ("what", "measured", "at most")
    lines = [" | ".join(row) for row in (head, ("---",) * 3, *rows)]
    machine = "\n".join(f"* {line}" for line in describe_machine())
    table = "\n".join(f"| {line} |" for line in lines)
    return f"{machine}\n* Others used {busy():.0%} of it when this ended.\n\n{table}"


@contextmanager
def opened(browser: Browser, songs: SongServer) -> Iterator[Page]:
    context = browser.new_context(base_url=songs.url)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def first_sound(arguments: argparse.Namespace, songs: SongServer, browser: Browser) -> list[Row]:
    store(songs.folder / "song", noise(STEMS, seconds=30, rate=RATE), rate=RATE, segment_s=10)
    lengthened(songs.folder / "song", 10)
    taken = []
    for _ in range(arguments.rounds):
        with opened(browser, songs) as page:
            taken.append(page.evaluate(_OPEN, "/song/manifest.json") / 1000)
    measured = f"{median(taken):.2f} s (slowest of {len(taken)}: {max(taken):.2f} s)"
    return [("first sound after opening the page of 5 minutes, 4 stems", measured, "1 s")]


def hour(arguments: argparse.Namespace, songs: SongServer, _browser: Browser) -> list[Row]:
    store(songs.folder / "hour", noise(STEMS, seconds=30, rate=RATE), rate=RATE, segment_s=10)
    lengthened(songs.folder / "hour", 120)
    ways = {
        "every 4 s": Jumps(places=30, each_s=4.0),
        "three times a second": Jumps(places=arguments.jumps, each_s=0.3),
    }
    rows = []
    for how_often, jumps in ways.items():
        profile = songs.folder / f"profile-{jumps.places}"
        sizes = page_sizes(songs, "/hour/manifest.json", jumps, profile)
        what = f"process of a page that plays an hour, jumping {how_often}, {jumps.places} times"
        measured = f"{amount(max(sizes))} ({amount(median(sizes))} in the middle)"
        rows.append((what, measured, "150 MB"))
    return rows


def amount(size_bytes: float) -> str:
    return f"{size_bytes / MB:.0f} MB, {size_bytes / MIB:.0f} MiB"


def zooming(_arguments: argparse.Namespace, songs: SongServer, browser: Browser) -> list[Row]:
    stems = noise(STEMS, seconds=14, rate=RATE)
    store(songs.folder / "short", stems, rate=RATE, segment_s=2)
    with opened(browser, songs) as page:
        page.evaluate(_OPEN, "/short/manifest.json")
        # Loading is over: what is lost now is lost by zooming.
        page.wait_for_function("document.querySelector('stem-player').player.ahead_s > 4")
        heard = recorded(page, _ZOOM)
        frames_ms: list[Any] = page.evaluate("window.frames_ms")
    mix = np.stack(list(stems.values())).sum(axis=0, dtype=np.float32)
    # When an audio worklet starts, Chromium leaves some blocks out, once, whatever the page does.
    heard = heard[:, RATE // 10 :]
    lost = heard.shape[1] - longest_match(heard, mix)
    return [
        ("sound lost in 6 s while zooming in every frame", f"{lost / RATE * 1000:.0f} ms", "0 ms"),
        ("a frame takes then (95 of 100)", f"{quantile(frames_ms, 0.95):.0f} ms", "-"),
    ]


Measure = Callable[[argparse.Namespace, SongServer, Browser], list[Row]]
MEASURES: tuple[Measure, ...] = (first_sound, hour, zooming)

if __name__ == "__main__":
    sys.exit(main())
