// Moments as people read and write them.

export function clock(time_s: number, decimals = 0): string {
  const unit = 10 ** decimals;
  const rounded_s = Math.floor(Math.max(0, time_s) * unit + 1e-6) / unit;
  const hours = Math.floor(rounded_s / 3600);
  const minutes = Math.floor((rounded_s % 3600) / 60);
  const seconds = (rounded_s % 60).toFixed(decimals);
  const padded = seconds.padStart(decimals === 0 ? 2 : decimals + 3, "0");
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, "0")}:${padded}`
    : `${minutes}:${padded}`;
}

// #t=63.2 as in media fragments; also 1:03.2.
export function momentOf(hash: string): number | null {
  const found = /(?:^#|&)t=([\d:.]+)/.exec(hash)?.[1];
  if (found === undefined) return null;
  const time_s = found.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return Number.isFinite(time_s) ? time_s : null;
}

export function withMoment(address: string, time_s: number): string {
  const url = new URL(address);
  url.hash = `t=${Math.round(time_s * 10) / 10}`;
  return url.href;
}
