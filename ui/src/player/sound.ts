// What makes a song sound: a context of its rate, the mixer's nodes in it, and the scheduler.
import type { Owner } from "../ui/owner";
import type { SegmentCache } from "./cache";
import type { Manifest } from "./manifest";
import type { Mixer } from "./mixer";
import type { PlayerError } from "./problems";
import { Scheduler } from "./scheduler";

export interface Deck {
  readonly mixer: Mixer;
  readonly cache: SegmentCache;
}

export interface Sound {
  readonly context: BaseAudioContext;
  readonly scheduler: Scheduler;
  readonly output: GainNode;
}

export interface SoundOptions {
  // Makes the context of the song's rate; another one may be given, also an offline one.
  readonly context?: (sample_rate: number) => BaseAudioContext;
  // How far ahead sound is handed to the context.
  readonly horizon_s?: number;
}

export interface SoundParts {
  readonly owner: Owner;
  readonly deck: Deck;
  readonly position: number;
  readonly manifest: () => Manifest;
  readonly onProblem: (problem: PlayerError) => void;
  // The system took the loudspeaker away, as for a call.
  readonly onTaken: () => void;
}

export function openSound(parts: SoundParts, options: SoundOptions): Sound {
  const { deck, manifest, onProblem, onTaken, owner, position } = parts;
  const context = (options.context ?? makeContext)(manifest().sample_rate);
  const { inputs, sum, output } = deck.mixer.connect(context);
  output.connect(context.destination);
  const { cache } = deck;
  const horizon = options.horizon_s === undefined ? {} : { horizon_s: options.horizon_s };
  const scheduler = new Scheduler(
    { context, cache, inputs, gate: sum, manifest, onProblem, ...horizon },
    position,
  );
  if (context instanceof AudioContext) {
    owner.listen(context, "statechange", () => {
      if (context.state !== "running") onTaken();
    });
  }
  return { context, scheduler, output };
}

export function closeSound(sound: Sound | null): void {
  sound?.scheduler.free();
  const context = sound?.context;
  if (context instanceof AudioContext && context.state !== "closed") void context.close();
}

function makeContext(sample_rate: number): AudioContext {
  try {
    return new AudioContext({ sampleRate: sample_rate, latencyHint: "balanced" });
  } catch {
    // A rate that this browser's loudspeaker cannot run at: it is converted (timeline.ts).
    return new AudioContext({ latencyHint: "balanced" });
  }
}
