// Numbers, sizes and times as people read them, in the page's language.
import { page } from "./page";
import { t } from "./texts";

const number = (digits: number) =>
  new Intl.NumberFormat(page.language, { maximumFractionDigits: digits });
const date = new Intl.DateTimeFormat(page.language, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(page.language, { dateStyle: "medium", timeStyle: "short" });
const months = new Intl.DateTimeFormat(page.language, { month: "short", year: "numeric" });
const relative = new Intl.RelativeTimeFormat(page.language, { numeric: "auto" });

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

// How many decimals an amount has, as Stripe counts them (sites/money.py): not always as many as
// the language writes.
const WHOLE = /^(bif|clp|djf|gnf|jpy|kmf|krw|mga|pyg|rwf|vnd|vuv|xaf|xof|xpf)$/i;
const THOUSANDTHS = /^(bhd|jod|kwd|omr|tnd)$/i;
const decimals = (currency: string): number =>
  WHOLE.test(currency) ? 0 : THOUSANDTHS.test(currency) ? 3 : 2;

// An amount in a currency's smallest unit; smaller parts of it where they are asked for.
export function price(amount: number, currency: string, parts = 0): string {
  const style = { style: "currency", currency } as const;
  const usual = new Intl.NumberFormat(page.language, style).resolvedOptions();
  const written = new Intl.NumberFormat(page.language, {
    ...style,
    signDisplay: "negative", // what is rounded to nothing has no sign
    maximumFractionDigits: (usual.maximumFractionDigits ?? 2) + parts,
  });
  return written.format(amount / 10 ** decimals(currency));
}

export const songs = (value: number): string => t("units.songs", { count: value });

// Credits: songs are counted, seconds of audio told as a length.
export const credits = (value: number, unit: "song" | "second"): string =>
  unit === "song" ? songs(value) : length(value);

export const count = (value: number): string => number(0).format(value);

export function size(bytes: number): string {
  const [unit, step] = bytes < 1e6 ? ["kB", 1e3] : bytes < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${number(bytes < 1e7 ? 1 : 0).format(bytes / Number(step))} ${unit}`;
}

// As on a player: 3:05, 1:00:07. A second counts when it is over.
export function clock(duration_s: number): string {
  const all = Math.floor(duration_s);
  const [hours, minutes, seconds] = [
    Math.floor(all / HOUR_S),
    Math.floor((all % HOUR_S) / MINUTE_S),
    all % MINUTE_S,
  ];
  const two = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

const span = (value: number, unit: "hour" | "minute" | "second"): string =>
  new Intl.NumberFormat(page.language, { style: "unit", unit, unitDisplay: "short" }).format(value);

// As somebody who owns it wants it: never more than there is.
export function length(duration_s: number): string {
  const all = Math.floor(duration_s);
  const hours = Math.floor(all / HOUR_S);
  const minutes = Math.floor((all % HOUR_S) / MINUTE_S);
  const seconds = all % MINUTE_S;
  const parts = [
    hours > 0 ? span(hours, "hour") : "",
    minutes > 0 ? span(minutes, "minute") : "",
    hours === 0 && (seconds > 0 || minutes === 0) ? span(seconds, "second") : "",
  ];
  return parts.filter((part) => part !== "").join(" ");
}

// As somebody who waits wants it: never exact, never zero.
export function wait(duration_s: number): string {
  if (duration_s < 90) return t("units.seconds", { count: Math.max(1, Math.ceil(duration_s)) });
  if (duration_s < 90 * MINUTE_S)
    return t("units.minutes", { count: Math.ceil(duration_s / MINUTE_S) });
  return t("units.hours", { count: Math.ceil(duration_s / HOUR_S) });
}

// "2026-11", as books have it.
export const month = (name: string): string => months.format(new Date(`${name}-15T00:00:00Z`));

export const day = (at: string): string => date.format(new Date(at));
export const time = (at: string): string => moment.format(new Date(at));

export function fromNow(at: string, now = Date.now()): string {
  const seconds = (Date.parse(at) - now) / 1000;
  const far = Math.abs(seconds);
  if (far < HOUR_S) return relative.format(Math.round(seconds / MINUTE_S), "minute");
  if (far < 2 * DAY_S) return relative.format(Math.round(seconds / HOUR_S), "hour");
  return relative.format(Math.round(seconds / DAY_S), "day");
}

export const percent = (fraction: number): string =>
  new Intl.NumberFormat(page.language, { style: "percent" }).format(
    Math.floor(fraction * 100) / 100,
  );
