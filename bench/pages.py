"""Measures the public pages in a real browser, as a slow phone on a slow line sees them."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx2
from playwright.sync_api import Browser, CDPSession, Page

from bench.machine import busy, describe_machine
from bench.report import save
from stemhouse.pages.discovery import LISTED, LISTED_LEGAL
from stemhouse.sites.place import shipped_folder
from stemhouse.testing.sites import TEST_SITE
from tests.browser.chromium import running_chromium
from tests.service.serving import Served, served

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
MARK = "pages-bench"
SITES = ("splitter", "acapella", "karaoke", "studio")
OTHERS = tuple(path for path in (*LISTED, *LISTED_LEGAL) if path != "/")

PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "locale": "en",
}
CPU_TIMES_SLOWER = 4
# What browsers' own tools call slow 4G: 1.6 Mbit/s down, 750 kbit/s up, and each request waits.
SLOW_4G: Final[dict[str, Any]] = {
    "offline": False,
    "latency": 562.5,
    "downloadThroughput": 1.6e6 * 0.9 / 8,
    "uploadThroughput": 0.75e6 * 0.9 / 8,
}
SETTLE_MS = 1_500

_WATCH = """(() => {
  window.seen = { paint_ms: 0, what: '', shift: 0, shifts: [] };
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
      window.seen.paint_ms = entry.startTime;
      window.seen.what = entry.element?.tagName ?? '';
    }
  }).observe({ type: 'largest-contentful-paint', buffered: true });
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
      if (!entry.hadRecentInput) window.seen.shift += entry.value;
      window.seen.shifts.push(...entry.sources.map(s => s.node?.className ?? ''));
    }
  }).observe({ type: 'layout-shift', buffered: true });
})();"""
_SEEN = """() => {
  const built = performance.getEntriesByType('resource')
    .filter(one => /\\.(js|css)(\\?|$)/.test(one.name));
  return { ...window.seen, bytes: built.reduce((sum, one) => sum + one.encodedBodySize, 0) };
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one opening of a page was like."""

    paint_s: float
    shift: float
    built_bytes: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times that a first page is opened")
    parser.add_argument("--no-save", dest="save", action="store_false", help="only print")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="stemhouse-bench-") as folder,
        four_sites(Path(folder)) as service,
        running_chromium() as browser,
    ):
        lines = [line(browser, service, site, arguments.rounds) for site in SITES]
    text = report(lines)
    print(f"\n{text}")
    if arguments.save:
        save(DOCUMENT, text, MARK)
    return 0


@contextmanager
def four_sites(folder: Path) -> Iterator[Served]:
    with served(folder) as service:
        shutil.rmtree(folder / "sites" / TEST_SITE)
        for site in SITES:
            shutil.copytree(shipped_folder() / site, folder / "sites" / site)
        deadline = time.monotonic() + 60
        while any(httpx2.get(f"{service.url}/s/{site}/").status_code != 200 for site in SITES):
            if time.monotonic() > deadline:
                raise TimeoutError("the service did not take the sites up")
            time.sleep(0.2)
        yield service


def line(browser: Browser, service: Served, site: str, rounds: int) -> tuple[str, ...]:
    first = [opened(browser, service, f"/s/{site}/") for _ in range(rounds)]
    others = {path: opened(browser, service, f"/s/{site}{path}") for path in OTHERS}
    slowest = max(others, key=lambda path: others[path].paint_s)
    # One look may have met a hiccup of the machine: the page itself is what is measured.
    again = [opened(browser, service, f"/s/{site}{slowest}") for _ in range(rounds - 1)]
    slow = median(one.paint_s for one in (others[slowest], *again))
    paints = [one.paint_s for one in first]
    every = [*first, *others.values()]
    return (
        site,
        f"{median(paints):.2f} s (slowest of {rounds}: {max(paints):.2f} s)",
        f"{slow:.2f} s (`{slowest}`)",
        f"{max(one.shift for one in every):.3f}",
        f"{max(one.built_bytes for one in every) / 1000:.0f} kB",
    )


def opened(browser: Browser, service: Served, path: str) -> Seen:
    # A browser that has been nowhere: nothing is in its cache.
    context = browser.new_context(base_url=service.url, **PHONE)
    page = context.new_page()
    page.add_init_script(_WATCH)
    slow_down(context.new_cdp_session(page))
    page.goto(path, wait_until="networkidle")
    seen = settled(page)
    context.close()
    return Seen(
        paint_s=seen["paint_ms"] / 1000, shift=seen["shift"], built_bytes=int(seen["bytes"])
    )


def slow_down(session: CDPSession) -> None:
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW_4G)
    session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_TIMES_SLOWER})


def settled(page: Page) -> dict[str, Any]:
    # What comes late may still move what is there.
    page.wait_for_timeout(SETTLE_MS)
    return dict(page.evaluate(_SEEN))


def report(lines: list[tuple[str, ...]]) -> str:
    head = (
        *("site", "largest paint, first page", "largest paint, slowest other page"),
        *("layout shift, worst page", "scripts and styles, largest page"),
    )
    asked = ("*asked*", "< 2 s", "< 2 s", "< 0.05", "≤ 100 kB")
    rows = [" | ".join(row) for row in (head, ("---",) * len(head), *lines, asked)]
    machine = "\n".join(f"* {one}" for one in describe_machine())
    table = "\n".join(f"| {row} |" for row in rows)
    return f"{machine}\n* Others used {busy():.0%} of it when this ended.\n\n{table}"


if __name__ == "__main__":
    sys.exit(main())
