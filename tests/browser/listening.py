# What comes out of the player, sample for sample.

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from playwright.sync_api import Page

LEAD_S = 0.04  # what the scheduler leaves itself before the first sample
FADE_S = 0.004  # and how long it takes to open

_TO_BASE64 = """
  const toBase64 = channels => {
    const bytes = channels.map(c => new Uint8Array(c.buffer, c.byteOffset, c.byteLength));
    let text = '';
    for (const one of bytes)
      for (let at = 0; at < one.length; at += 32766)
        text += btoa(String.fromCharCode(...one.subarray(at, at + 32766)));
    return text;
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

# The player of a page as people hear it: what its master gives to the loudspeaker.
_RECORD = (
    "async ({ seconds, script }) => {"
    + _TO_BASE64
    + """
  const element = document.querySelector('stem-player');
  const { player } = element;
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
  const frames = Math.round(seconds * context.sampleRate);
  const channels = [new Float32Array(frames), new Float32Array(frames)];
  let first = null;
  const full = new Promise(done => {
    recorder.port.onmessage = ({ data }) => {
      first ??= data.frame;
      const at = data.frame - first;
      if (at >= frames) return done();
      channels.forEach((channel, side) => {
        const block = data.channels[side] ?? data.channels[0];
        if (block) channel.set(block.subarray(0, frames - at), at);
      });
    };
  });
  player.output.connect(recorder).connect(context.destination);
  const act = new Function('player', `return (async () => {${script}})()`);
  await act(player);
  await full;
  recorder.disconnect();
  return toBase64(channels);
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


def recorded(page: Page, seconds: float, script: str = "") -> np.ndarray:
    return _samples(page.evaluate(_RECORD, {"seconds": seconds, "script": script}))


def _samples(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32).reshape(2, -1)


def opened(samples: np.ndarray, rate: int) -> np.ndarray:
    # Without the fade of the beginning.
    return samples[:, int(np.ceil(FADE_S * rate)) + 1 :]


def longest_match(heard: np.ndarray, song: np.ndarray, *, anywhere: bool = True) -> int:
    # How long they are the same, wherever that is.
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
        )
        length = int(differ[0]) if differ.size else count
        best = max(best, length)
        at += max(length, 64)
    return best
