// Hands the song to the audio context, a stretch of all stems at a time, ahead of what is heard.
// A stretch begins in one frame for all stems or not at all: stems cannot drift.
import { key, type SegmentCache } from "./cache";
import { type Manifest, type Segment, segmentAt } from "./manifest";
import { asPlayerError, type PlayerError } from "./problems";
import { giveBack } from "./samples";
import { type Region, type Span, stretchEnd, Timeline } from "./timeline";

// Between the call and the first frame: enough to hand all stems over.
const LEAD_S = 0.04;
// What is nearer than this may be late for some stems, so all of them begin anew.
const TOO_NEAR_S = 0.01;
const FADE_IN_S = 0.004;
const FADE_OUT_S = 0.01;
// How far ahead sound is handed over. Timers of hidden pages run once a second.
const HORIZON_S = 5;
// A loop that was changed takes effect this much later, so that nothing that sounds is touched.
const CUT_AHEAD_S = 0.1;

export interface SchedulerParts {
  readonly context: BaseAudioContext;
  readonly cache: SegmentCache;
  readonly inputs: readonly AudioNode[];
  // Faded at starts and stops.
  readonly gate: GainNode;
  readonly manifest: () => Manifest;
  readonly horizon_s?: number;
  readonly onProblem: (problem: PlayerError) => void;
}

export type Hunger = "separation" | "network";

interface Sounding {
  readonly node: AudioBufferSourceNode;
  readonly release: () => void;
  readonly frame: number;
  endFrame: number;
}

interface Lent {
  readonly buffer: AudioBuffer;
  readonly release: () => void;
}

export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #horizon_s: number;
  readonly #sounding = new Set<Sounding>();
  #timeline: Timeline;
  #loop: Region | null = null;
  #running = false;
  #stuck = false;
  // Segments that the present look ahead asked for.
  #wanted = new Set<string>();

  constructor(parts: SchedulerParts, position: number) {
    this.#parts = parts;
    this.#horizon_s = parts.horizon_s ?? HORIZON_S;
    this.#timeline = this.#newTimeline(position);
  }

  get running(): boolean {
    return this.#running;
  }

  // The frame that the context computes next.
  get frame(): number {
    return Math.round(this.#parts.context.currentTime * this.#parts.context.sampleRate);
  }

  position(frame = this.frame): number {
    return this.#timeline.position(frame);
  }

  // Seconds of sound that the context has been given and has not played yet.
  get ahead_s(): number {
    const next = this.#timeline.nextFrame;
    return next === null ? 0 : (next - this.frame) / this.#parts.context.sampleRate;
  }

  start(position: number): void {
    this.stop();
    this.#timeline = this.#newTimeline(position);
    this.#running = true;
    this.#stuck = false;
    this.pump();
  }

  stop(): void {
    const position = this.position();
    this.#running = false;
    const { context, gate } = this.#parts;
    const now = context.currentTime;
    if (this.#sounding.size > 0) {
      const level = gate.gain.value;
      gate.gain.cancelScheduledValues(now);
      gate.gain.setValueAtTime(level, now);
      gate.gain.linearRampToValueAtTime(0, now + FADE_OUT_S);
    }
    const end = this.frame + Math.ceil(FADE_OUT_S * context.sampleRate);
    for (const one of this.#sounding) this.#endAt(one, end);
    this.#timeline = this.#newTimeline(position);
  }

  // What waits for a segment tries again.
  retry(): void {
    this.#stuck = false;
    this.pump();
  }

  setLoop(loop: Region | null): void {
    this.#loop = loop;
    if (!this.#running) return;
    const frame = this.frame + Math.ceil(CUT_AHEAD_S * this.#parts.context.sampleRate);
    this.#timeline.cut(frame);
    const next = this.#timeline.nextFrame ?? Number.POSITIVE_INFINITY;
    for (const one of this.#sounding) if (one.endFrame > next) this.#endAt(one, next);
    this.pump();
  }

  // Whether everything has been played.
  get ended(): boolean {
    const { complete, length_samples } = this.#parts.manifest();
    return complete && this.#timeline.next >= length_samples && this.#silent;
  }

  // What is waited for while nothing sounds.
  get hunger(): Hunger | null {
    if (!this.#running || !this.#silent || this.ended) return null;
    const { complete, length_samples } = this.#parts.manifest();
    return !complete && this.#timeline.next >= length_samples ? "separation" : "network";
  }

  // Hands over what is due, and asks for what will be. Called on a timer and when segments come.
  pump(): void {
    this.#release();
    this.#wanted = new Set();
    const { context } = this.#parts;
    const limit = this.frame + this.#horizon_s * context.sampleRate;
    const { length_samples } = this.#parts.manifest();
    while (
      this.#running &&
      (this.#timeline.nextFrame ?? 0) <= limit &&
      this.#timeline.next < length_samples &&
      this.#handOver()
    );
    this.#prefetch();
  }

  free(): void {
    this.#running = false;
    for (const one of this.#sounding) {
      one.node.stop();
      this.#letGo(one);
    }
  }

  get #silent(): boolean {
    const next = this.#timeline.nextFrame;
    return next === null || this.frame >= next;
  }

  #newTimeline(position: number): Timeline {
    const { context, manifest } = this.#parts;
    return new Timeline(context.sampleRate / manifest().sample_rate, position);
  }

  // One stretch of all stems; false when a segment of it is not here yet.
  #handOver(): boolean {
    const position = this.#timeline.next;
    const segments = this.#segmentsAt(position);
    const ends = segments.map((segment) => segment.offset_samples + segment.length_samples);
    const end = stretchEnd(position, ends, this.#loop);
    const buffers = segments.map((segment, stem) => this.#ready(stem, segment));
    // Where rates differ, a stretch needs the sample after its last, to reach it smoothly.
    const after = this.#timeline.ratio === 1 ? [] : this.#segmentsAt(end);
    const tails = after.map((segment, stem) => this.#ready(stem, segment));
    if ([...buffers, ...tails].includes(null)) return false;
    this.#placeIfLate();
    const jump = this.#loop?.end === end ? this.#loop.start : null;
    const span = this.#timeline.append(end, jump);
    segments.forEach((segment, stem) => {
      const buffer = buffers[stem] as AudioBuffer;
      const tail = tails[stem];
      if (tail && tail !== buffer) {
        const longer = this.#withTail(buffer, tail);
        this.#sound(stem, span, segment, { buffer: longer, release: () => giveBack(longer) });
      } else {
        const release = this.#parts.cache.use(stem, segment);
        this.#sound(stem, span, segment, { buffer, release });
      }
    });
    if (this.frame < span.frame) return true;
    // This page was held up while it handed the stems over: some may have begun late.
    this.start(span.position);
    return false;
  }

  #placeIfLate(): void {
    const { context, gate } = this.#parts;
    const next = this.#timeline.nextFrame;
    if (next !== null && next >= this.frame + TOO_NEAR_S * context.sampleRate) return;
    const frame = this.frame + Math.ceil(LEAD_S * context.sampleRate);
    this.#timeline.place(frame);
    const start = frame / context.sampleRate;
    gate.gain.setValueAtTime(0, start);
    gate.gain.linearRampToValueAtTime(1, start + FADE_IN_S);
  }

  #sound(stem: number, span: Span, segment: Segment, { buffer, release }: Lent): void {
    const { context, inputs } = this.#parts;
    const node = context.createBufferSource();
    node.buffer = buffer;
    node.connect(inputs[stem] as AudioNode);
    // Rounding may leave it a trifle below the first sample.
    const offset_samples = Math.max(0, span.position - segment.offset_samples);
    node.start(span.frame / context.sampleRate, offset_samples / buffer.sampleRate);
    const one: Sounding = { node, release, frame: span.frame, endFrame: span.endFrame };
    this.#sounding.add(one);
    const natural = segment.offset_samples + buffer.length;
    if (span.end < natural) node.stop(span.endFrame / context.sampleRate);
  }

  #withTail(buffer: AudioBuffer, tail: AudioBuffer): AudioBuffer {
    const { length, numberOfChannels, sampleRate } = buffer;
    const longer = new AudioBuffer({ length: length + 1, numberOfChannels, sampleRate });
    for (let channel = 0; channel < numberOfChannels; channel++) {
      longer.copyToChannel(buffer.getChannelData(channel), channel);
      longer.copyToChannel(tail.getChannelData(channel).subarray(0, 1), channel, length);
    }
    return longer;
  }

  #endAt(one: Sounding, frame: number): void {
    if (frame >= one.endFrame) return;
    one.endFrame = Math.max(frame, one.frame);
    // One that has not begun never does.
    if (frame <= one.frame) {
      one.node.stop();
      this.#letGo(one);
    } else one.node.stop(frame / this.#parts.context.sampleRate);
  }

  #letGo(one: Sounding): void {
    one.node.disconnect();
    // Or the samples live until the node is collected.
    one.node.buffer = null;
    this.#sounding.delete(one);
    one.release();
  }

  #release(): void {
    const frame = this.frame;
    for (const one of this.#sounding) {
      if (one.endFrame >= frame) continue;
      this.#letGo(one);
    }
    this.#timeline.prune(frame - this.#parts.context.sampleRate);
  }

  #segmentsAt(position: number): Segment[] {
    const { stems } = this.#parts.manifest();
    const found = stems.map((stem) => segmentAt(stem, position));
    return found.every((segment) => segment !== undefined) ? (found as Segment[]) : [];
  }

  #ready(stem: number, segment: Segment): AudioBuffer | null {
    const { cache, onProblem } = this.#parts;
    this.#wanted.add(key(stem, segment));
    const buffer = cache.peek(stem, segment);
    if (buffer !== null || this.#stuck || cache.loading(stem, segment)) return buffer;
    const timeline = this.#timeline;
    cache.load(stem, segment).then(
      () => this.pump(),
      (error: unknown) => {
        // What was let go on purpose, or asked for before a jump, is nobody's problem.
        if (isAbort(error) || timeline !== this.#timeline) return;
        this.#stuck = true;
        onProblem(asPlayerError(error));
      },
    );
    return null;
  }

  // Asks for what comes next, and lets the cache forget the rest.
  #prefetch(): void {
    const { manifest, cache } = this.#parts;
    const { sample_rate, length_samples } = manifest();
    const here = this.position();
    const ahead = [here, this.#timeline.next, this.#timeline.next + sample_rate];
    if (this.#running && this.#loop !== null) ahead.push(this.#loop.start);
    for (const position of ahead) {
      if (position >= length_samples) continue;
      this.#segmentsAt(position).forEach((segment, stem) => {
        this.#ready(stem, segment);
      });
    }
    cache.keep(this.#wanted);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
