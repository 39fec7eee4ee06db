# What comes out of the player, sample for sample.

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from playwright.sync_api import Page

LEAD_S = 0.04  # what the scheduler leaves itself before the first sample
FADE_S = 0.004  # and how long it takes to open
QUANTUM = 128  # frames that a browser computes at a time
LOST_AT_ONCE = 4  # quanta

_TO_BASE64 = """
  const toBase64 = async channels => {
    const reader = new FileReader();
    const read = new Promise(done => reader.onload = done);
    reader.readAsDataURL(new Blob(channels));
    await read;
    return reader.result.split(',')[1];
  };
  const until = async (met, what) => {
    for (let tries = 0; tries < 1200; tries++) {
      if (met()) return;
      await new Promise(go => setTimeout(go, 25));
    }
    throw new Error('never ' + what);
  };
"""

# The real player, its real scheduler, and a context that renders as fast as it can.
_RENDER = (
    "async wish => {"
    + _TO_BASE64
    + """
  const { Player, Owner } = await import('/player.js');
  const owner = new Owner();
  const context = new OfflineAudioContext(2, Math.round(wish.seconds * wish.rate), wish.rate);
  const player = new Player(owner, {
    src: wish.src, context: () => context, horizon_s: wish.seconds, budget_bytes: 1e9,
  });
  const fine = () => { if (player.state.value.problem) throw player.state.value.problem; };
  await until(() => { fine(); return player.manifest; }, 'loaded');
  wish.settings.forEach((setting, stem) => player.mixer.change(stem, setting));
  if (wish.loop) player.setLoop(wish.loop);
  player.seek(wish.start_s);
  player.play();
  const left_s = wish.loop ? Infinity : player.duration_s - wish.start_s;
  const enough_s = Math.min(wish.seconds, left_s);
  await until(() => { fine(); return player.ahead_s >= enough_s; }, 'handed over');
  const sound = await context.startRendering();
  owner.end();
  return toBase64([sound.getChannelData(0), sound.getChannelData(1)]);
}"""
)

# The player of a page as people hear it: what its master gives to the loudspeaker for as long as
# the script runs. It waits in the player's time, because a busy machine loads and starts late.
_RECORD = (
    "async script => {"
    + _TO_BASE64
    + """
  const { player } = document.querySelector('stem-player');
  await until(() => player.output, 'played');
  const context = player.context;
  const code = `registerProcessor('recorder', class extends AudioWorkletProcessor {
    process([input]) {
      this.port.postMessage({ frame: currentFrame, channels: input.map(one => one.slice()) });
      return true;
    }
  });`;
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  await context.audioWorklet.addModule(url);
  const recorder = new AudioWorkletNode(context, 'recorder');
  const blocks = [];
  recorder.port.onmessage = ({ data }) => blocks.push(data);
  player.output.connect(recorder).connect(context.destination);
  await until(() => blocks.length > 0, 'began to record');
  const hear = seconds => {
    const end_s = player.position_s + seconds;
    return until(() => player.position_s >= end_s, `came to ${end_s} s`);
  };
  await new Function('player', 'hear', `return (async () => {${script}})()`)(player, hear);
  const end = context.currentTime * context.sampleRate;
  await until(() => blocks.at(-1)?.frame >= end, 'recorded');
  recorder.disconnect();
  const first = blocks[0].frame;
  const sides = [0, 1].map(() => new Float32Array(blocks.at(-1).frame + 128 - first));
  for (const { frame, channels } of blocks)
    sides.forEach((side, n) => side.set(channels[n] ?? channels[0] ?? [], frame - first));
  return toBase64(sides);
}"""
)


@dataclass(frozen=True, kw_only=True)
class Wish:
    src: str
    rate: int
    seconds: float
    start_s: float = 0.0
    loop: dict[str, float] | None = None
    settings: list[dict[str, Any]] = field(default_factory=list)


def rendered(page: Page, wish: Wish) -> np.ndarray:
    # From the first sample that was asked for.
    sound = _samples(page.evaluate(_RENDER, asdict(wish)))
    return sound[:, int(np.ceil(LEAD_S * wish.rate)) :]


def recorded(page: Page, script: str) -> np.ndarray:
    # What sounds while the script runs, which has `player` and `hear(seconds)`.
    return _samples(page.evaluate(_RECORD, script))


def _samples(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32).reshape(2, -1)


def opened(samples: np.ndarray, rate: int) -> np.ndarray:
    # Without the fade of the beginning.
    return samples[:, int(np.ceil(FADE_S * rate)) + 1 :]


def left_out(heard: np.ndarray) -> np.ndarray:
    # Which samples of a recording the browser left out: it gives a whole quantum of silence, and
    # goes on in step, where a thread that is held up has a lock of its graph in its hand.
    quanta = heard.shape[1] // QUANTUM
    blocks = heard[:, : quanta * QUANTUM].reshape(len(heard), quanta, QUANTUM)
    silent = np.asarray(~blocks.any(axis=(0, 2)))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], silent.astype(np.int8), [0]])))
    for begin, end in edges.reshape(-1, 2):
        silent[begin:end] = end - begin <= LOST_AT_ONCE
    mask = np.zeros(heard.shape[1], bool)
    mask[: quanta * QUANTUM] = silent.repeat(QUANTUM)
    return mask


def longest_match(
    heard: np.ndarray,
    song: np.ndarray,
    *,
    anywhere: bool = True,
    without: np.ndarray | None = None,
) -> int:
    # How long they are the same, wherever that is; without some samples of what was heard.
    looked_at = np.ones(heard.shape[1], bool) if without is None else ~without
    marks = {song[0, at : at + 8].tobytes(): at for at in range(0, song.shape[1] - 8, 1)}
    best = at = 0
    while at < heard.shape[1] - 8:
        found = marks.get(heard[0, at : at + 8].tobytes())
        if found is None or (not anywhere and found > 200):
            at += 64
            continue
        count = min(heard.shape[1] - at, song.shape[1] - found)
        differ = np.flatnonzero(
            (heard[:, at : at + count] != song[:, found : found + count]).any(axis=0)
            & looked_at[at : at + count]
        )
        length = int(differ[0]) if differ.size else count
        best = max(best, length)
        at += max(length, 64)
    return best
