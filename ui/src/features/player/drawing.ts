// Draws overviews and rulers: sharp on every screen, and only when something changed.
import { FULL_SCALE, levelFor, type Overview, VALUES } from "../../player/waveform";
import { clock } from "./time";
import type { Shown } from "./window";

// The canvas fitted to its place on the screen, and a pen that writes in CSS pixels.
export function prepare(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  const { clientWidth, clientHeight } = canvas;
  const density = window.devicePixelRatio || 1;
  const [width, height] = [clientWidth * density, clientHeight * density].map(Math.round);
  if (!width || !height) return null;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pen = canvas.getContext("2d");
  pen?.setTransform(density, 0, 0, density, 0, 0);
  pen?.clearRect(0, 0, clientWidth, clientHeight);
  return pen;
}

export interface Drawn {
  readonly overview: Overview | null;
  readonly shown: Shown;
  readonly sample_rate: number;
}

export function drawOverview(canvas: HTMLCanvasElement, { overview, shown, ...more }: Drawn): void {
  const pen = prepare(canvas);
  if (pen === null || shown.span_s === 0) return;
  const { clientWidth: width, clientHeight: height } = canvas;
  const colour = getComputedStyle(canvas).color;
  pen.fillStyle = colour;
  const middle = height / 2;
  pen.globalAlpha = 0.35;
  pen.fillRect(0, middle - 0.5, width, 1);
  if (overview === null) return;
  const samples_per_pixel = (shown.span_s * more.sample_rate) / width;
  const level = levelFor(overview, samples_per_pixel);
  if (level === undefined) return;
  const columns = columnsOf(level, shown.from_s * more.sample_rate, samples_per_pixel, width);
  const half = (middle - 2) / FULL_SCALE;
  pen.globalAlpha = 0.45;
  outline(pen, columns, (low, high) => [middle - high * half - 0.5, middle - low * half + 0.5]);
  pen.globalAlpha = 0.9;
  outline(pen, columns, (_low, _high, rms) => [middle - rms * half, middle + rms * half]);
}

type Column = readonly [x: number, low: number, high: number, rms: number];

// What each pixel shows; where a point is wider than a pixel, each point.
function columnsOf(
  { samples_per_point, points }: { samples_per_point: number; points: Int16Array },
  first_sample: number,
  samples_per_pixel: number,
  width: number,
): Column[] {
  const columns: Column[] = [];
  const step = Math.max(1, samples_per_point / samples_per_pixel);
  const count = points.length / VALUES;
  for (let x = -step; x <= width + step; x += step) {
    const from = Math.floor((first_sample + x * samples_per_pixel) / samples_per_point);
    const to = Math.floor((first_sample + (x + step) * samples_per_pixel) / samples_per_point);
    let [low, high, rms] = [FULL_SCALE, -FULL_SCALE, 0];
    for (let point = Math.max(0, from); point < Math.max(to, from + 1) && point < count; point++) {
      low = Math.min(low, points[point * VALUES] as number);
      high = Math.max(high, points[point * VALUES + 1] as number);
      rms = Math.max(rms, points[point * VALUES + 2] as number);
    }
    // Points lie in the middle of what they stand for.
    const at = (from * samples_per_point - first_sample) / samples_per_pixel;
    if (low <= high) columns.push([step === 1 ? x : at + step / 2, low, high, rms]);
  }
  return columns;
}

function outline(
  pen: CanvasRenderingContext2D,
  columns: readonly Column[],
  edges: (low: number, high: number, rms: number) => readonly [top: number, bottom: number],
): void {
  const lower: [number, number][] = [];
  pen.beginPath();
  for (const [x, low, high, rms] of columns) {
    const [top, bottom] = edges(low, high, rms);
    pen.lineTo(x, top);
    lower.push([x, bottom]);
  }
  for (const [x, bottom] of lower.reverse()) pen.lineTo(x, bottom);
  pen.fill();
}

const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200];
const LEAST_GAP = 68;

export function drawRuler(canvas: HTMLCanvasElement, shown: Shown): void {
  const pen = prepare(canvas);
  if (pen === null || shown.span_s === 0) return;
  const { clientWidth: width, clientHeight: height } = canvas;
  const style = getComputedStyle(canvas);
  const scale = width / shown.span_s;
  const step_s = STEPS_S.find((one) => one * scale >= LEAST_GAP) ?? 3600;
  pen.font = `${style.fontSize} ${style.fontFamily}`;
  pen.textBaseline = "middle";
  const first = Math.floor(shown.from_s / step_s);
  const last = Math.ceil((shown.from_s + shown.span_s) / step_s);
  for (let tick = first; tick <= last; tick++) {
    const x = Math.round((tick * step_s - shown.from_s) * scale) + 0.5;
    pen.fillStyle = style.color;
    pen.globalAlpha = 0.35;
    pen.fillRect(x - 0.5, height - 7, 1, 7);
    pen.globalAlpha = 1;
    pen.fillText(clock(tick * step_s, step_s < 1 ? 1 : 0), x + 5, height / 2 - 1);
  }
}
