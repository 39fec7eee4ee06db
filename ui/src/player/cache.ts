// Decoded segments, as many as fit a budget: an hour plays in the memory of half a minute.
import { type Manifest, type Segment, segmentAt } from "./manifest";
import { PlayerError } from "./problems";
import type { Remote } from "./remote";
import { countAsOurs, giveBack, multiply } from "./samples";
import { Turns } from "./turns";

const BYTES_PER_SAMPLE = 4;
// What is read waits to be decoded, and takes room meanwhile: no more than a song's stems need.
const READ_AT_ONCE = 4;
// A decoder takes twice what it makes until it is done. One fills ten seconds in thirty
// milliseconds: several at once gain little and were seen to add 40 MB.
const DECODED_AT_ONCE = 1;

interface Entry {
  readonly abort: AbortController;
  readonly loading: Promise<AudioBuffer>;
  readonly size_bytes: number;
  buffer: AudioBuffer | null;
  // How many sound it.
  uses: number;
  dropped: boolean;
}

export interface Decoded {
  readonly stem: number;
  readonly segment: Segment;
  readonly buffer: AudioBuffer;
}

export class SegmentCache {
  // Told of every segment that was decoded, for drawings of stems that have no overview yet.
  onDecoded: (decoded: Decoded) => void = () => undefined;

  // In the order of last use.
  readonly #entries = new Map<string, Entry>();
  readonly #remote: Remote;
  readonly #decoder: OfflineAudioContext;
  readonly #channels: number;
  readonly #budget_bytes: number;
  readonly #reading = new Turns(READ_AT_ONCE);
  readonly #decoding = new Turns(DECODED_AT_ONCE);

  constructor(remote: Remote, channels: number, sample_rate: number, budget_bytes: number) {
    this.#remote = remote;
    this.#channels = channels;
    this.#budget_bytes = budget_bytes;
    try {
      // A context of the song's own rate: decodeAudioData resamples to the rate of its context,
      // and this one leaves every sample as it is, whatever the loudspeaker runs at.
      this.#decoder = new OfflineAudioContext(channels, 1, sample_rate);
    } catch (error) {
      const message = `this browser cannot decode audio of ${sample_rate} Hz`;
      throw new PlayerError("unsupported", message, { cause: error });
    }
  }

  // What is held, for the tests of memory.
  get size_bytes(): number {
    return [...this.#entries.values()].reduce((sum, entry) => sum + entry.size_bytes, 0);
  }

  peek(stem: number, segment: Segment): AudioBuffer | null {
    return this.#entries.get(key(stem, segment))?.buffer ?? null;
  }

  loading(stem: number, segment: Segment): boolean {
    return this.#entries.get(key(stem, segment))?.buffer === null;
  }

  load(stem: number, segment: Segment): Promise<AudioBuffer> {
    const name = key(stem, segment);
    const known = this.#entries.get(name);
    if (known !== undefined) {
      this.#entries.delete(name);
      this.#entries.set(name, known);
      return known.loading;
    }
    const abort = new AbortController();
    const loading = this.#reading.take(() => this.#read(stem, segment, abort.signal));
    const size_bytes = segment.length_samples * this.#channels * BYTES_PER_SAMPLE;
    const entry: Entry = { abort, loading, size_bytes, buffer: null, uses: 0, dropped: false };
    this.#entries.set(name, entry);
    loading.then(
      (buffer) => {
        entry.buffer = buffer;
        if (this.#entries.get(name) === entry) this.onDecoded({ stem, segment, buffer });
      },
      () => {
        // A failure is not kept: the next one who asks tries again.
        if (this.#entries.get(name) === entry) this.#entries.delete(name);
      },
    );
    return loading;
  }

  // Whoever sounds a buffer says so, and calls the answer once when it is silent: its memory is not
  // given back before.
  use(stem: number, segment: Segment): () => void {
    const entry = this.#entries.get(key(stem, segment));
    if (entry === undefined) return () => undefined;
    entry.uses++;
    return () => {
      entry.uses--;
      if (entry.dropped && entry.uses === 0 && entry.buffer !== null) giveBack(entry.buffer);
    };
  }

  // Decodes what sounds at a position, for all stems.
  async prepare(manifest: Manifest, position: number): Promise<void> {
    const found = manifest.stems.map((stem) => segmentAt(stem, position));
    const segments = found.filter((segment) => segment !== undefined);
    this.keep(new Set(segments.map((segment, stem) => key(stem, segment))));
    await Promise.all(segments.map((segment, stem) => this.load(stem, segment)));
  }

  // Lets go of what is not wanted: loads at once, buffers when they are too many.
  keep(wanted: ReadonlySet<string>): void {
    let size_bytes = this.size_bytes;
    for (const [name, entry] of this.#entries) {
      if (wanted.has(name)) continue;
      if (entry.buffer === null || size_bytes > this.#budget_bytes) {
        this.#drop(name, entry);
        size_bytes -= entry.size_bytes;
      }
    }
  }

  clear(): void {
    for (const [name, entry] of this.#entries) this.#drop(name, entry);
  }

  #drop(name: string, entry: Entry): void {
    this.#entries.delete(name);
    entry.dropped = true;
    if (entry.buffer === null) entry.abort.abort();
    else if (entry.uses === 0) giveBack(entry.buffer);
  }

  async #read(stem: number, segment: Segment, signal: AbortSignal): Promise<AudioBuffer> {
    signal.throwIfAborted();
    const bytes = await this.#remote.bytes(segment.name, signal);
    const buffer = await this.#decoding.take(async () => {
      signal.throwIfAborted();
      return await this.#decoder.decodeAudioData(bytes).catch((error: unknown) => {
        const message = `segment ${segment.name} of stem ${stem + 1} cannot be decoded`;
        throw new PlayerError("damaged", message, { cause: error });
      });
    });
    if (signal.aborted) {
      giveBack(buffer);
      throw signal.reason;
    }
    if (buffer.length !== segment.length_samples) {
      const facts = `${buffer.length} samples instead of ${segment.length_samples}`;
      throw new PlayerError("damaged", `segment ${segment.name} has ${facts}`);
    }
    countAsOurs(buffer);
    if (segment.scale !== 1) multiply(buffer, segment.scale);
    return buffer;
  }
}

export function key(stem: number, segment: Segment): string {
  return `${stem}/${segment.offset_samples}`;
}
