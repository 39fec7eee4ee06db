// The overview of a stem that is drawn: read from the file of docs/results.md, or gathered from
// what was decoded while there is no such file yet.
import { PlayerError } from "./problems";

// Lowest, highest and root mean square of each point, full scale being FULL_SCALE.
export interface Level {
  readonly samples_per_point: number;
  readonly points: Int16Array;
}

export interface Overview {
  readonly length_samples: number;
  // From coarse to fine.
  readonly levels: readonly Level[];
}

export const FULL_SCALE = 32_767;
export const VALUES = 3;
const HEAD_BYTES = 24;
const LEVEL_BYTES = 8;
const MOST_LEVELS = 64;

export function parseWaveform(data: ArrayBuffer): Overview {
  const view = new DataView(data);
  const bad = (why: string) => new PlayerError("damaged", `the waveform cannot be read: ${why}`);
  if (data.byteLength < HEAD_BYTES || view.getUint32(0) !== 0x53485746) throw bad("no SHWF");
  if (view.getUint16(4, true) !== 1) throw bad("another version");
  const count = view.getUint32(12, true);
  let offset = HEAD_BYTES + count * LEVEL_BYTES;
  if (count > MOST_LEVELS || offset > data.byteLength) throw bad("cut off");
  const levels: Level[] = [];
  for (let number = 0; number < count; number++) {
    const at = HEAD_BYTES + number * LEVEL_BYTES;
    const values = view.getUint32(at + 4, true) * VALUES;
    if (offset + values * 2 > data.byteLength) throw bad("cut off");
    levels.push({
      samples_per_point: view.getUint32(at, true),
      points: littleEndian(data, offset, values),
    });
    offset += values * 2;
  }
  return { length_samples: Number(view.getBigUint64(16, true)), levels };
}

// The coarsest level that has a point for each pixel, or the finest.
export function levelFor(overview: Overview, samples_per_pixel: number): Level | undefined {
  return (
    overview.levels.find((level) => level.samples_per_point <= samples_per_pixel) ??
    overview.levels.at(-1)
  );
}

const SKETCH_SAMPLES = [8_192, 1_024];

// An overview of the segments that were decoded so far.
export class Sketch implements Overview {
  levels: Level[] = [];
  length_samples = 0;

  add(offset_samples: number, buffer: AudioBuffer): void {
    this.length_samples = Math.max(this.length_samples, offset_samples + buffer.length);
    this.levels = SKETCH_SAMPLES.map((samples_per_point, number) => ({
      samples_per_point,
      points: grown(
        this.levels[number]?.points,
        Math.ceil(this.length_samples / samples_per_point),
      ),
    }));
    for (const level of this.levels) sketch(level, offset_samples, buffer);
  }
}

function sketch({ samples_per_point, points }: Level, offset: number, buffer: AudioBuffer): void {
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, number) =>
    buffer.getChannelData(number),
  );
  const first = Math.ceil(offset / samples_per_point);
  const last = Math.ceil((offset + buffer.length) / samples_per_point);
  for (let point = first; point < last; point++) {
    const from = point * samples_per_point - offset;
    const to = Math.min(buffer.length, from + samples_per_point);
    let [low, high, squares] = [0, 0, 0];
    for (const samples of channels) {
      // Every fourth sample is enough for a sketch that the server's overview replaces.
      for (let i = from; i < to; i += 4) {
        const sample = samples[i] as number;
        if (sample < low) low = sample;
        else if (sample > high) high = sample;
        squares += sample * sample;
      }
    }
    const rms = Math.sqrt(squares / (((to - from) / 4) * channels.length));
    points.set([low, high, rms].map(toPoint), point * VALUES);
  }
}

function toPoint(value: number): number {
  return Math.round(Math.min(1, Math.max(-1, value)) * FULL_SCALE);
}

function grown(points: Int16Array | undefined, count: number): Int16Array {
  if (points !== undefined && points.length >= count * VALUES) return points;
  const longer = new Int16Array(count * VALUES);
  if (points !== undefined) longer.set(points);
  return longer;
}

function littleEndian(data: ArrayBuffer, offset: number, values: number): Int16Array {
  const host = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  if (host && offset % 2 === 0) return new Int16Array(data, offset, values);
  const view = new DataView(data, offset);
  return Int16Array.from({ length: values }, (_, number) => view.getInt16(number * 2, true));
}
