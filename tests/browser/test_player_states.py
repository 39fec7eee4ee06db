# A song that is still being separated, links that have expired, lines that break, and the memory of
# all that was left.

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.memory import Jumps, page_sizes
from tests.browser.stored_songs import (
    SongServer,
    lengthened,
    noise,
    shown_until,
    song_server,
    store,
)

RATE = 44_100

_MOUNT = """async src => {
  await import('/player.js');
  const element = document.createElement('stem-player');
  element.src = src;
  document.body.append(element);
  await element.updateComplete;
}"""
_STATE = """() => {
  const { player } = document.querySelector('stem-player');
  const { loading, transport, hunger, problem } = player.state.value;
  return {
    loading: loading.kind, queued: loading.queued ?? null, transport, hunger,
    problem: problem?.kind ?? null, position_s: player.position_s, duration_s: player.duration_s,
    available_s: player.available_s, said: document.querySelector('stem-player')
      .shadowRoot.querySelector('.notice')?.textContent.trim().replace(/\\s+/g, ' ') ?? null,
  };
}"""
_PLAY = "() => document.querySelector('stem-player').player.play()"
_HELD = "() => document.querySelector('stem-player').player.held_bytes"

State = dict[str, Any]


@pytest.fixture
def songs(tmp_path: Path) -> Iterator[SongServer]:
    store(tmp_path / "song", noise(2, seconds=4.5, rate=RATE), rate=RATE, segment_s=1.0)
    with song_server(tmp_path) as server:
        yield server


@pytest.fixture
def listener(browser: Browser, songs: SongServer) -> Iterator[Page]:
    context = browser.new_context(base_url=songs.url)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def mounted(page: Page, src: str = "/song/manifest.json") -> None:
    page.evaluate(_MOUNT, src)


def wait_for(page: Page, met: Callable[[State], bool], within_s: float = 30) -> State:
    state: State = {}
    for _ in range(int(within_s * 20)):
        state = page.evaluate(_STATE)
        if met(state):
            return state
        page.wait_for_timeout(50)
    raise AssertionError(f"it stayed at {state}")


def test_it_plays_while_the_song_is_being_separated_and_goes_on_when_more_is_there(
    listener: Page, songs: SongServer
) -> None:
    there: list[int | None] = [1]
    songs.instead["/song/manifest.json"] = lambda: (
        200,
        json.dumps(shown_until(songs.folder / "song", there[0])).encode(),
    )

    mounted(listener)
    wait_for(listener, lambda state: state["loading"] == "ready")
    listener.evaluate(_PLAY)
    caught_up = wait_for(listener, lambda state: state["hunger"] == "separation")
    there[0] = 2
    further = wait_for(listener, lambda state: state["position_s"] > 1.2)
    there[0] = None
    ended = wait_for(listener, lambda state: state["transport"] == "ended")

    assert caught_up["position_s"] == pytest.approx(1.0, abs=0.05)
    assert "caught up" in caught_up["said"]
    assert further["transport"] == "playing"
    assert ended["position_s"] == pytest.approx(4.5)
    assert ended["said"] is None


def test_a_job_in_the_queue_is_waited_for(listener: Page, songs: SongServer) -> None:
    path = "/song/manifest.json"
    songs.refuse(path, 404, {"status": "queued"})
    mounted(listener)
    queued = wait_for(listener, lambda state: state["loading"] == "waiting")
    songs.refuse(path, 404, {"status": "processing"})
    begun = wait_for(listener, lambda state: state["queued"] is False)
    del songs.instead[path]
    ready = wait_for(listener, lambda state: state["loading"] == "ready")

    assert queued["queued"] is True
    assert "queue" in queued["said"]
    assert "first seconds" in begun["said"]
    assert ready["problem"] is None


@pytest.mark.parametrize(
    ("status", "details", "problem"),
    [
        (404, {"status": "expired"}, "expired"),
        (403, {"reason": "expired"}, "expired"),
        (404, {"status": "failed"}, "failed"),
        (404, {"status": "canceled"}, "failed"),
        (404, {}, "missing"),
        (401, {}, "missing"),
    ],
)
def test_what_cannot_be_played_says_why(
    listener: Page, songs: SongServer, status: int, details: dict[str, str], problem: str
) -> None:
    songs.refuse("/song/manifest.json", status, details)

    mounted(listener)

    state = wait_for(listener, lambda state: state["problem"] is not None)
    assert state["problem"] == problem
    assert "Try again" in state["said"]


def test_a_line_that_breaks_is_tried_again_by_itself(listener: Page, songs: SongServer) -> None:
    whole = (songs.folder / "song" / "0" / "000001.flac").read_bytes()
    answers = iter([(0, b""), (503, b"{}")])
    songs.instead["/song/0/000001.flac"] = lambda: next(answers, (200, whole))

    mounted(listener)
    wait_for(listener, lambda state: state["loading"] == "ready")
    listener.evaluate(_PLAY)

    state = wait_for(listener, lambda state: state["position_s"] > 1.3)
    assert state["problem"] is None


def test_a_lost_network_is_a_problem_with_a_way_out(listener: Page, songs: SongServer) -> None:
    songs.instead["/song/1/000002.flac"] = lambda: (0, b"")
    mounted(listener)
    wait_for(listener, lambda state: state["loading"] == "ready")
    listener.evaluate(_PLAY)

    lost = wait_for(listener, lambda state: state["problem"] == "network")
    starved = wait_for(listener, lambda state: state["hunger"] == "network")
    songs.instead.clear()
    listener.get_by_role("button", name="Try again").click()
    again = wait_for(listener, lambda state: state["position_s"] > 2.3)

    assert lost["transport"] == "playing"
    # Both stems stopped at the same sample, and go on from it.
    assert starved["position_s"] == pytest.approx(2.0, abs=0.05)
    assert again["problem"] is None


def test_a_damaged_segment_is_said(listener: Page, songs: SongServer) -> None:
    songs.instead["/song/0/000000.flac"] = lambda: (200, b"fLaC and no more")

    mounted(listener)

    state = wait_for(listener, lambda state: state["problem"] is not None)
    assert state["problem"] == "damaged"


def test_late_answers_after_a_jump_are_dropped(listener: Page, songs: SongServer) -> None:
    held = threading.Event()
    whole = (songs.folder / "song" / "0" / "000000.flac").read_bytes()

    def late() -> tuple[int, bytes]:
        held.wait(120)
        return 500, b"too late"

    songs.instead["/song/0/000000.flac"] = late
    mounted(listener)
    wait_for(listener, lambda state: state["loading"] == "ready")
    listener.evaluate(
        "() => { const { player } = document.querySelector('stem-player');"
        "player.play(); player.seek(3.2); }"
    )
    state = wait_for(listener, lambda state: state["position_s"] > 3.4)
    held.set()
    songs.instead["/song/0/000000.flac"] = lambda: (200, whole)
    listener.wait_for_timeout(300)

    assert state["problem"] is None
    assert listener.evaluate(_STATE)["problem"] is None


def test_what_was_left_leaves_nothing_behind(listener: Page) -> None:
    once = """async () => {
      const element = document.createElement('stem-player');
      element.src = '/song/manifest.json';
      document.body.append(element);
      await element.updateComplete;
      const { player } = element;
      while (!player.manifest) await new Promise(go => setTimeout(go, 10));
      player.play();
      while (player.position_s < 0.1) await new Promise(go => setTimeout(go, 10));
      element.remove();
    }"""
    mounted(listener)
    listener.evaluate("() => document.querySelector('stem-player').remove()")
    listener.evaluate(once)
    before = counted(listener)

    for _ in range(5):
        listener.evaluate(once)

    # What was ended goes at its own pace, and comes no nearer where something holds it.
    for _ in range(60):
        after = counted(listener)
        if after["StemPlayer"] == 0 and after["AudioContext"] <= before["AudioContext"]:
            break
        listener.wait_for_timeout(500)
    assert after["AudioContext"] <= before["AudioContext"]
    assert after["StemPlayer"] == 0
    assert after["Nodes"] <= before["Nodes"] + 5
    assert after["JSEventListeners"] <= before["JSEventListeners"]


def counted(page: Page) -> dict[str, int]:
    page.wait_for_timeout(700)
    client = page.context.new_cdp_session(page)
    client.send("HeapProfiler.collectGarbage")
    client.send("HeapProfiler.collectGarbage")
    client.send("Performance.enable")
    metrics = client.send("Performance.getMetrics")["metrics"]
    counts = {
        one["name"]: int(one["value"])
        for one in metrics
        if one["name"] in {"Nodes", "JSEventListeners"}
    }
    kinds = {
        "AudioContext": "AudioContext.prototype",
        "StemPlayer": "customElements.get('stem-player').prototype",
    }
    for name, prototype in kinds.items():
        found = client.send("Runtime.evaluate", {"expression": prototype})["result"]["objectId"]
        objects = client.send("Runtime.queryObjects", {"prototypeObjectId": found})["objects"]
        listed = client.send(
            "Runtime.callFunctionOn",
            {
                "objectId": objects["objectId"],
                "functionDeclaration": "function() {"
                "return this.filter(one => one.state !== 'closed').length }",
                "returnByValue": True,
            },
        )
        counts[name] = listed["result"]["value"]
    client.detach()
    return counts


@pytest.mark.slow
def test_an_hour_of_four_stems_is_held_in_half_a_minute_of_memory(
    listener: Page, songs: SongServer
) -> None:
    store(songs.folder / "hour", noise(4, seconds=30, rate=RATE), rate=RATE, segment_s=10)
    lengthened(songs.folder / "hour", 120)
    mounted(listener, "/hour/manifest.json")
    wait_for(listener, lambda state: state["loading"] == "ready")
    listener.evaluate(_PLAY)

    held = []
    for minute in range(0, 60, 3):
        at_s = minute * 60 + 9.5  # over a join
        listener.evaluate(
            "at_s => document.querySelector('stem-player').player.seek(at_s)", arg=at_s
        )
        wait_for(listener, lambda state, at_s=at_s: state["position_s"] > at_s + 0.6)
        held.append(
            listener.evaluate("() => document.querySelector('stem-player').player.held_bytes")
        )

    state = listener.evaluate(_STATE)
    assert state["duration_s"] == pytest.approx(3600)
    assert state["problem"] is None
    assert max(held) <= 50e6


@pytest.mark.slow
def test_the_memory_of_what_was_played_goes_back_to_the_system(
    songs: SongServer, tmp_path: Path
) -> None:
    store(songs.folder / "hour", noise(4, seconds=30, rate=RATE), rate=RATE, segment_s=10)
    lengthened(songs.folder / "hour", 120)

    # Faster than anybody looks for a place, and than a browser collects what is let go.
    jumps = Jumps(places=25, each_s=0.3)
    sizes = page_sizes(songs, "/hour/manifest.json", jumps, tmp_path / "profile")

    # Twenty-five places are 700 MB of decoded sound.
    assert max(sizes) < 150e6
