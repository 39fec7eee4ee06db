// How loud it is: the master's peak, with a line that falls slowly.

const FLOOR_DB = -54;
const FALL_DB_PER_S = 20;
const HOLD_S = 1.2;

interface Side {
  readonly analyser: AnalyserNode;
  readonly samples: Float32Array<ArrayBuffer>;
  level_db: number;
  held_db: number;
  held_at_s: number;
}

export class Meter {
  readonly #sides: Side[];
  #at_s = 0;
  #clipped_s = Number.NEGATIVE_INFINITY;

  constructor(context: BaseAudioContext, output: AudioNode) {
    const splitter = context.createChannelSplitter(2);
    output.connect(splitter);
    this.#sides = [0, 1].map((channel) => {
      const analyser = context.createAnalyser();
      splitter.connect(analyser, channel);
      const samples = new Float32Array(analyser.fftSize);
      return { analyser, samples, level_db: FLOOR_DB, held_db: FLOOR_DB, held_at_s: 0 };
    });
  }

  // Whether it was too loud a moment ago.
  get clipped(): boolean {
    return this.#at_s - this.#clipped_s < HOLD_S;
  }

  // Shares of the scale, 0 to 1, for each side: the level and its held peak.
  read(now_s: number): { level: number; held: number }[] {
    const passed_s = Math.min(0.5, now_s - this.#at_s);
    this.#at_s = now_s;
    return this.#sides.map((side) => {
      side.analyser.getFloatTimeDomainData(side.samples);
      let peak = 0;
      for (const sample of side.samples) peak = Math.max(peak, Math.abs(sample));
      if (peak > 1) this.#clipped_s = now_s;
      const peak_db = Math.max(FLOOR_DB, 20 * Math.log10(peak || 1e-9));
      side.level_db = Math.max(peak_db, side.level_db - FALL_DB_PER_S * passed_s);
      if (peak_db >= side.held_db || now_s - side.held_at_s > HOLD_S) {
        side.held_db = Math.max(peak_db, side.level_db);
        side.held_at_s = now_s;
      }
      return { level: share(side.level_db), held: share(side.held_db) };
    });
  }
}

function share(level_db: number): number {
  return Math.min(1, Math.max(0, 1 - level_db / FLOOR_DB));
}
