// Volume, pan, mute and solo of each stem, and the master: gains with short ramps.
import { Store } from "./store";

export const QUIETEST_DB = -60;
export const LOUDEST_DB = 6;
const RAMP_S = 0.012;

export interface StemSetting {
  // At QUIETEST_DB and below it is silent.
  readonly gain_db: number;
  // -1 is left, 1 is right.
  readonly pan: number;
  readonly muted: boolean;
  readonly soloed: boolean;
}

export interface MixerState {
  readonly stems: readonly StemSetting[];
  readonly master_db: number;
}

const CENTRED: StemSetting = { gain_db: 0, pan: 0, muted: false, soloed: false };

export function amplitude(gain_db: number): number {
  return gain_db <= QUIETEST_DB ? 0 : 10 ** (gain_db / 20);
}

// Solo wins over mute of the others, mute wins over solo of the same.
export function audible(state: MixerState, stem: number): boolean {
  const setting = state.stems[stem];
  if (setting === undefined || setting.muted) return false;
  return setting.soloed || !state.stems.some((other) => other.soloed);
}

interface Strip {
  readonly gain: GainNode;
  readonly pan: StereoPannerNode;
}

export class Mixer {
  readonly state: Store<MixerState>;
  #strips: Strip[] = [];
  #sum: GainNode | null = null;
  #master: GainNode | null = null;
  #context: BaseAudioContext | null = null;

  constructor(stems: number) {
    this.state = new Store<MixerState>({ stems: new Array(stems).fill(CENTRED), master_db: 0 });
    this.state.watch(() => this.#apply());
  }

  change(stem: number, part: Partial<StemSetting>): void {
    const { stems } = this.state.value;
    const now = stems[stem];
    if (now === undefined) return;
    const next = { ...now, ...part };
    const setting = {
      ...next,
      gain_db: clamp(next.gain_db, QUIETEST_DB, LOUDEST_DB),
      pan: clamp(next.pan, -1, 1),
    };
    this.state.patch({ stems: stems.with(stem, setting) });
  }

  setMaster(master_db: number): void {
    this.state.patch({ master_db: clamp(master_db, QUIETEST_DB, LOUDEST_DB) });
  }

  reset(): void {
    this.state.set({ stems: this.state.value.stems.map(() => CENTRED), master_db: 0 });
  }

  // Builds the nodes: stem → gain → pan → sum → master. The sum is the scheduler's to fade.
  connect(context: BaseAudioContext): { inputs: AudioNode[]; sum: GainNode; output: GainNode } {
    this.disconnect();
    this.#context = context;
    this.#master = context.createGain();
    this.#sum = context.createGain();
    this.#sum.connect(this.#master);
    for (const _ of this.state.value.stems) {
      const gain = context.createGain();
      // Mono is made stereo before it is panned: a mono source at the centre would lose 3 dB.
      gain.channelCount = 2;
      gain.channelCountMode = "explicit";
      const pan = context.createStereoPanner();
      gain.connect(pan).connect(this.#sum);
      this.#strips.push({ gain, pan });
    }
    this.#apply(0);
    return {
      inputs: this.#strips.map((strip) => strip.gain),
      sum: this.#sum,
      output: this.#master,
    };
  }

  disconnect(): void {
    for (const { gain, pan } of this.#strips) {
      gain.disconnect();
      pan.disconnect();
    }
    this.#sum?.disconnect();
    this.#master?.disconnect();
    this.#strips = [];
    this.#sum = this.#master = this.#context = null;
  }

  #apply(ramp_s = RAMP_S): void {
    const state = this.state.value;
    const setting = (param: AudioParam, value: number) => this.#slide(param, value, ramp_s);
    this.#strips.forEach(({ gain, pan }, stem) => {
      const { gain_db, pan: side } = state.stems[stem] ?? CENTRED;
      setting(gain.gain, audible(state, stem) ? amplitude(gain_db) : 0);
      setting(pan.pan, side);
    });
    if (this.#master !== null) setting(this.#master.gain, amplitude(state.master_db));
  }

  #slide(param: AudioParam, value: number, ramp_s: number): void {
    const now = this.#context?.currentTime ?? 0;
    if (ramp_s === 0 || now === 0) {
      param.value = value;
      return;
    }
    // From where it is now, also in the middle of another ramp.
    const from = param.value;
    param.cancelScheduledValues(now);
    param.setValueAtTime(from, now);
    param.linearRampToValueAtTime(value, now + ramp_s);
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
