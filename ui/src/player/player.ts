// One song with its stems: loads it, plays it, and says at every moment how it stands.
import type { Owner } from "../ui/owner";
import { SegmentCache } from "./cache";
import { follow } from "./following";
import type { Manifest } from "./manifest";
import { Mixer } from "./mixer";
import { asPlayerError, type PlayerError } from "./problems";
import { Remote } from "./remote";
import type { Hunger } from "./scheduler";
import { closeSound, type Deck, openSound, type Sound, type SoundOptions } from "./sound";
import { Store } from "./store";
import type { Region } from "./timeline";
import { type Overview, parseWaveform, Sketch } from "./waveform";

export type Loading =
  | { readonly kind: "loading" }
  | { readonly kind: "waiting"; readonly queued: boolean }
  | { readonly kind: "ready"; readonly manifest: Manifest }
  | { readonly kind: "failed" };

export interface PlayerState {
  readonly loading: Loading;
  readonly transport: "paused" | "playing" | "ended";
  // What playing waits for; null while it sounds.
  readonly hunger: Hunger | null;
  readonly loop: Region | null;
  readonly problem: PlayerError | null;
  // Samples that the song will have, where that is known before it is separated.
  readonly expected_samples: number;
  readonly overviews: readonly (Overview | null)[];
  // Grows with every jump.
  readonly jumps: number;
}

export interface PlayerOptions extends SoundOptions {
  readonly src: string;
  // What decoded sound may take.
  readonly budget_bytes?: number;
}

const BUDGET_BYTES = 30e6;
const TICK_MS = 100;
// A context that plays nothing still costs battery.
const SLEEP_AFTER_MS = 10_000;

export class Player {
  readonly remote: Remote;
  readonly state = new Store<PlayerState>({
    loading: { kind: "loading" },
    transport: "paused",
    hunger: null,
    loop: null,
    problem: null,
    expected_samples: 0,
    overviews: [],
    jumps: 0,
  });
  readonly #owner: Owner;
  readonly #options: PlayerOptions;
  #deck: Deck | null = null;
  #sound: Sound | null = null;
  // Where a paused song stands, in samples.
  #position = 0;
  #wanted_s = 0;
  #wake: () => void = () => undefined;

  constructor(owner: Owner, options: PlayerOptions) {
    this.#owner = owner;
    this.#options = options;
    this.remote = new Remote(options.src);
    owner.hold(() => this.#free());
    owner.every(TICK_MS, () => this.#tick());
    owner.listen(globalThis as unknown as EventTarget, "online", () => this.retry());
    void this.#load();
  }

  get manifest(): Manifest | null {
    const { loading } = this.state.value;
    return loading.kind === "ready" ? loading.manifest : null;
  }

  get mixer(): Mixer | null {
    return this.#deck?.mixer ?? null;
  }

  // What the loudspeaker gets; null until it first plays.
  get output(): AudioNode | null {
    return this.#sound?.output ?? null;
  }

  get context(): BaseAudioContext | null {
    return this.#sound?.context ?? null;
  }

  // Bytes of decoded sound.
  get held_bytes(): number {
    return this.#deck?.cache.size_bytes ?? 0;
  }

  // Seconds of sound that are certain to come, whatever this page does meanwhile.
  get ahead_s(): number {
    return this.#sound?.scheduler.ahead_s ?? 0;
  }

  get position_s(): number {
    const rate = this.manifest?.sample_rate;
    return rate === undefined ? this.#wanted_s : this.#heard() / rate;
  }

  // All of the song, as far as its length is known.
  get duration_s(): number {
    const manifest = this.manifest;
    if (manifest === null) return 0;
    const { expected_samples } = this.state.value;
    const samples = manifest.complete
      ? manifest.length_samples
      : Math.max(expected_samples, manifest.length_samples);
    return samples / manifest.sample_rate;
  }

  get available_s(): number {
    const manifest = this.manifest;
    return manifest === null ? 0 : manifest.length_samples / manifest.sample_rate;
  }

  play(): void {
    const manifest = this.manifest;
    if (manifest === null || this.#owner.ended) return;
    const { transport } = this.state.value;
    if (transport === "playing") return;
    if (transport === "ended") this.#position = this.state.value.loop?.start ?? 0;
    this.#sound ??= this.#open(manifest);
    this.#wake();
    const { context, scheduler } = this.#sound;
    if (context instanceof AudioContext && context.state !== "running") void context.resume();
    scheduler.setLoop(this.state.value.loop);
    scheduler.start(this.#position);
    this.state.patch({ transport: "playing" });
  }

  pause(): void {
    if (this.state.value.transport !== "playing") return;
    this.#position = Math.round(this.#heard());
    this.#sound?.scheduler.stop();
    this.state.patch({ transport: "paused", hunger: null });
    this.#sleepLater();
  }

  toggle(): void {
    if (this.state.value.transport === "playing") this.pause();
    else this.play();
  }

  seek(position_s: number): void {
    this.#wanted_s = Math.max(0, position_s);
    const manifest = this.manifest;
    if (manifest === null) return;
    const most = manifest.complete ? manifest.length_samples : Number.POSITIVE_INFINITY;
    this.#position = Math.min(most, Math.round(this.#wanted_s * manifest.sample_rate));
    const { transport } = this.state.value;
    if (transport === "playing") this.#sound?.scheduler.start(this.#position);
    else {
      if (transport === "ended") this.state.patch({ transport: "paused" });
      this.#sound?.scheduler.stop();
      this.#prepare();
    }
    this.state.patch({ jumps: this.state.value.jumps + 1 });
  }

  // Plays from `start_s` to `end_s` again and again; null ends it.
  setLoop(region: { start_s: number; end_s: number } | null): void {
    const manifest = this.manifest;
    if (manifest === null) return;
    let loop: Region | null = null;
    if (region !== null) {
      const at = (time_s: number) => Math.round(Math.max(0, time_s) * manifest.sample_rate);
      loop = {
        start: at(region.start_s),
        end: Math.min(at(region.end_s), this.#longest(manifest)),
      };
      // Shorter than a twentieth of a second is a tone, and an accident.
      if (loop.end - loop.start < manifest.sample_rate / 20) return;
    }
    this.state.patch({ loop });
    this.#sound?.scheduler.setLoop(loop);
    if (loop === null) return;
    const here = this.#heard();
    if (here < loop.start || here >= loop.end) this.seek(loop.start / manifest.sample_rate);
  }

  retry(): void {
    const { loading, problem } = this.state.value;
    if (problem === null || this.#owner.ended) return;
    this.state.patch({ problem: null });
    if (loading.kind === "ready" && loading.manifest.complete) {
      this.#sound?.scheduler.retry();
      this.#prepare();
      void this.#draw(loading.manifest);
    } else void this.#load();
  }

  #longest(manifest: Manifest): number {
    return manifest.complete ? manifest.length_samples : Number.POSITIVE_INFINITY;
  }

  #heard(): number {
    const sound = this.#sound;
    if (sound === null || this.state.value.transport !== "playing") return this.#position;
    const { context, scheduler } = sound;
    const latency_s = context instanceof AudioContext ? context.outputLatency || 0 : 0;
    return scheduler.position(scheduler.frame - latency_s * context.sampleRate);
  }

  async #load(): Promise<void> {
    if (this.manifest === null) this.state.patch({ loading: { kind: "loading" } });
    try {
      await follow(this.remote, this.#owner, {
        onManifest: (manifest) => this.#take(manifest),
        onWaiting: (queued) => {
          if (this.manifest === null) this.state.patch({ loading: { kind: "waiting", queued } });
        },
        onExpected: (expected_samples) => this.state.patch({ expected_samples }),
      });
    } catch (error) {
      if (this.#owner.ended) return;
      if (this.manifest === null) this.state.patch({ loading: { kind: "failed" } });
      this.state.patch({ problem: asPlayerError(error) });
    }
  }

  #take(manifest: Manifest): void {
    if (this.#owner.ended) return;
    if (this.#deck === null) {
      this.#deck = this.#makeDeck(manifest);
      this.#position = Math.round(this.#wanted_s * manifest.sample_rate);
      this.state.patch({ overviews: manifest.stems.map(() => null) });
    }
    this.state.patch({ loading: { kind: "ready", manifest } });
    if (this.#sound === null) this.#prepare();
    else this.#sound.scheduler.pump();
    if (manifest.complete) void this.#draw(manifest);
  }

  #makeDeck(manifest: Manifest): Deck {
    const { channels, sample_rate, stems } = manifest;
    const budget = this.#options.budget_bytes ?? BUDGET_BYTES;
    const cache = new SegmentCache(this.remote, channels, sample_rate, budget);
    cache.onDecoded = ({ stem, segment, buffer }) => {
      const { overviews } = this.state.value;
      if (this.manifest?.complete) return;
      const sketch = overviews[stem] instanceof Sketch ? overviews[stem] : new Sketch();
      sketch.add(segment.offset_samples, buffer);
      this.state.patch({ overviews: overviews.with(stem, sketch) });
    };
    return { mixer: new Mixer(stems.length), cache };
  }

  // Decodes where playing will begin, so that it begins at once.
  #prepare(): void {
    const { manifest } = this;
    if (manifest === null || this.#deck === null || this.state.value.transport === "playing")
      return;
    const { cache } = this.#deck;
    cache.prepare(manifest, this.#position).catch((error: unknown) => {
      if (!this.#owner.ended && !isAbort(error))
        this.state.patch({ problem: asPlayerError(error) });
    });
  }

  async #draw(manifest: Manifest): Promise<void> {
    await Promise.all(
      manifest.stems.map(async ({ waveform }, stem) => {
        if (waveform === null) return;
        try {
          const overview = parseWaveform(await this.remote.bytes(waveform, this.#owner.signal));
          if (this.#owner.ended) return;
          const { overviews } = this.state.value;
          this.state.patch({ overviews: overviews.with(stem, overview) });
        } catch (error) {
          if (this.#owner.ended) return;
          this.state.patch({ problem: asPlayerError(error) });
        }
      }),
    );
  }

  #open(manifest: Manifest): Sound {
    return openSound(
      {
        owner: this.#owner,
        deck: this.#deck as Deck,
        position: this.#position,
        manifest: () => this.manifest ?? manifest,
        onProblem: (problem) => this.state.patch({ problem }),
        onTaken: () => this.pause(),
      },
      this.#options,
    );
  }

  #tick(): void {
    if (this.#sound === null || this.state.value.transport !== "playing") return;
    const { scheduler } = this.#sound;
    scheduler.pump();
    if (scheduler.ended) {
      this.#position = this.manifest?.length_samples ?? 0;
      scheduler.stop();
      this.state.patch({ transport: "ended", hunger: null });
      this.#sleepLater();
    } else this.state.patch({ hunger: scheduler.hunger });
  }

  #sleepLater(): void {
    const context = this.#sound?.context;
    if (!(context instanceof AudioContext)) return;
    this.#wake();
    this.#wake = this.#owner.after(SLEEP_AFTER_MS, () => void context.suspend());
  }

  #free(): void {
    closeSound(this.#sound);
    this.#deck?.mixer.disconnect();
    this.#deck?.cache.clear();
    this.state.clear();
    this.#sound = null;
    this.#deck = null;
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
