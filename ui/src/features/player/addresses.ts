// Where downloads are, and the mix as it is set.

import type { Manifest } from "../../player/manifest";
import { audible, type MixerState, QUIETEST_DB } from "../../player/mixer";
import type { Remote } from "../../player/remote";

// Whether the manifest comes from the job's own address, which has downloads beside it.
export function hasDownloads(remote: Remote): boolean {
  return /\/v1\/jobs\/[^/]+\/manifest$/.test(new URL(remote.manifestUrl).pathname);
}

export function stemAddress(remote: Remote, stem: string, format: string): string {
  return withQuery(remote.url(`./stems/${encodeURIComponent(stem)}`), [["format", format]]);
}

export function archiveAddress(remote: Remote, format: string): string {
  return withQuery(remote.url("./archive"), [["format", format]]);
}

// null where nothing would be heard.
export function mixAddress(
  remote: Remote,
  manifest: Manifest,
  mixer: MixerState,
  format: string,
): string | null {
  const heard = manifest.stems.flatMap(({ name }, stem): [string, string][] => {
    const setting = mixer.stems[stem];
    if (!setting || !audible(mixer, stem) || setting.gain_db <= QUIETEST_DB) return [];
    return [["stem", `${name},${setting.gain_db},${setting.pan}`]];
  });
  if (heard.length === 0) return null;
  return withQuery(remote.url("./mix"), [["format", format], ...heard]);
}

function withQuery(address: string, params: [string, string][]): string {
  const url = new URL(address);
  for (const [name, value] of params) url.searchParams.append(name, value);
  return url.href;
}
