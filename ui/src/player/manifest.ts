// What there is to play: the manifest of docs/results.md, checked before anything relies on it.
import { PlayerError } from "./problems";

export interface Segment {
  readonly name: string;
  readonly offset_samples: number;
  readonly length_samples: number;
  // Decoded samples are multiplied by it; 1 nearly always.
  readonly scale: number;
}

export interface Stem {
  readonly name: string;
  readonly silent: boolean;
  readonly segments: readonly Segment[];
  readonly waveform: string | null;
}

export interface Manifest {
  readonly complete: boolean;
  readonly sample_rate: number;
  readonly channels: number;
  // Samples that every stem has; grows until the manifest is complete.
  readonly length_samples: number;
  readonly stems: readonly Stem[];
  readonly title: string;
  readonly artist: string;
}

const VERSION = 1;

export function parseManifest(value: unknown): Manifest {
  const data = record(value, "the manifest");
  if (data["version"] !== VERSION) {
    throw new PlayerError("unsupported", `a manifest of version ${String(data["version"])}`);
  }
  const song = record(data["song"], "song");
  const tags = record(song["tags"], "tags");
  return {
    complete: data["complete"] === true,
    sample_rate: whole(data["sample_rate"], "sample_rate", 1),
    channels: whole(data["channels"], "channels", 1),
    length_samples: whole(data["length_samples"], "length_samples"),
    stems: list(data["stems"], "stems").map(parseStem),
    title: text(tags["title"]) || text(song["name"]),
    artist: text(tags["artist"]),
  };
}

// The segment that holds a sample, found by halves: an hour has 360 of them.
export function segmentAt(stem: Stem, position: number): Segment | undefined {
  let low = 0;
  let high = stem.segments.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const segment = stem.segments[middle];
    if (segment === undefined) return undefined;
    if (position < segment.offset_samples) high = middle - 1;
    else if (position >= segment.offset_samples + segment.length_samples) low = middle + 1;
    else return segment;
  }
  return undefined;
}

function parseStem(value: unknown): Stem {
  const data = record(value, "a stem");
  const segments = list(data["segments"], "segments").map(parseSegment);
  let end = 0;
  for (const segment of segments) {
    if (segment.offset_samples !== end) damaged(`a gap at sample ${end}`);
    end += segment.length_samples;
  }
  const waveform = data["waveform"];
  return {
    name: text(data["name"]),
    silent: data["silent"] === true,
    segments,
    waveform: waveform === null ? null : text(record(waveform, "waveform")["name"]),
  };
}

function parseSegment(value: unknown): Segment {
  const data = record(value, "a segment");
  return {
    name: text(data["name"]),
    offset_samples: whole(data["offset_samples"], "offset_samples"),
    length_samples: whole(data["length_samples"], "length_samples", 1),
    scale: whole(data["scale"], "scale", 1),
  };
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null) damaged(`${what} is missing`);
  return value as Record<string, unknown>;
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) damaged(`${what} is no list`);
  return value as unknown[];
}

function whole(value: unknown, what: string, least = 0): number {
  if (!Number.isSafeInteger(value) || (value as number) < least) damaged(`${what} is no number`);
  return value as number;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function damaged(why: string): never {
  throw new PlayerError("damaged", `the manifest cannot be read: ${why}`);
}
