// The parts of the example on one clock: buffers that start together, each behind its own gain.

const RAMP_S = 0.08;

export interface Part {
  readonly name: string;
  readonly address: string;
}

export class Sound {
  readonly #context = new AudioContext();
  readonly #gains = new Map<string, GainNode>();
  #buffers: ReadonlyMap<string, AudioBuffer> = new Map();
  #sources: AudioBufferSourceNode[] = [];
  #began_s = 0;
  #offset_s = 0;

  get playing(): boolean {
    return this.#sources.length > 0;
  }

  get duration_s(): number {
    return Math.max(0, ...[...this.#buffers.values()].map((buffer) => buffer.duration));
  }

  // Where the example is, in seconds from its beginning; it starts over at its end.
  get position_s(): number {
    if (!this.playing || this.duration_s === 0) return this.#offset_s;
    const elapsed_s = this.#context.currentTime - this.#began_s + this.#offset_s;
    return Math.max(0, elapsed_s) % this.duration_s;
  }

  async load(parts: readonly Part[], signal: AbortSignal): Promise<void> {
    const loaded = parts.map(async ({ name, address }) => {
      const answer = await fetch(address, { signal });
      if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
      return [name, await this.#context.decodeAudioData(await answer.arrayBuffer())] as const;
    });
    this.#buffers = new Map(await Promise.all(loaded));
    for (const name of this.#buffers.keys()) this.#gain(name);
  }

  async start(): Promise<void> {
    await this.#context.resume();
    this.#began_s = this.#context.currentTime + RAMP_S / 2;
    this.#sources = [...this.#buffers].map(([name, buffer]) => {
      const source = new AudioBufferSourceNode(this.#context, { buffer, loop: true });
      source.connect(this.#gain(name));
      source.start(this.#began_s, this.#offset_s);
      return source;
    });
  }

  stop(): void {
    this.#offset_s = this.position_s;
    for (const source of this.#sources) {
      source.stop();
      source.disconnect();
    }
    this.#sources = [];
  }

  setGain(name: string, gain: number): void {
    this.#gain(name).gain.setTargetAtTime(gain, this.#context.currentTime, RAMP_S / 3);
  }

  close(): void {
    this.stop();
    void this.#context.close();
  }

  #gain(name: string): GainNode {
    let node = this.#gains.get(name);
    if (node === undefined) {
      node = new GainNode(this.#context);
      node.connect(this.#context.destination);
      this.#gains.set(name, node);
    }
    return node;
  }
}
