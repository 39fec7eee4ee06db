// What opens above the player: downloads, and the help of the keys.
import { html, type TemplateResult } from "lit";
import { archiveAddress, mixAddress, stemAddress } from "./addresses";
import type { KeyRule } from "./keys";
import { stemColour } from "./rows";
import type { Session } from "./session";
import { say, stemTitle } from "./texts";

const FORMAT_NAMES: Readonly<Record<string, string>> = {
  wav: "WAV, 16 bit",
  wav24: "WAV, 24 bit",
  wavfloat: "WAV, float",
  flac: "FLAC, 16 bit",
  flac24: "FLAC, 24 bit",
  mp3: "MP3",
  "mp3-320": "MP3, 320 kbit/s",
  m4a: "M4A (AAC)",
  ogg: "Ogg Vorbis",
  opus: "Opus",
};

function frame(id: string, title: string, body: TemplateResult): TemplateResult {
  return html`<dialog id=${id} aria-label=${title}>
    <form method="dialog">
      <h2>${title}<button aria-label=${say("close")} title=${say("close")}>✕</button></h2>
    </form>
    ${body}
  </dialog>`;
}

export interface DownloadChoice {
  readonly formats: readonly string[];
  // The one stem that is offered; null offers all, their mix and an archive.
  readonly only: number | null;
  readonly format: string;
  choose(format: string): void;
}

export function downloadDialog(session: Session, choice: DownloadChoice): TemplateResult {
  const { manifest } = session;
  if (!manifest?.complete) {
    return frame("downloads", say("download_title"), html`<p>${say("not_complete")}</p>`);
  }
  const options = choice.formats.map(
    (format) => html`<option value=${format} ?selected=${format === choice.format}>
      ${FORMAT_NAMES[format] ?? format.toUpperCase()}</option>`,
  );
  const body = html`<label>${say("format")}
      <select @change=${(event: Event) => choice.choose((event.currentTarget as HTMLSelectElement).value)}>
        ${options}</select></label>
    ${files(session, choice)}`;
  return frame("downloads", say("download_title"), body);
}

function files(session: Session, { format, only }: DownloadChoice): TemplateResult {
  const { manifest, mixer, player } = session;
  if (manifest === null || mixer === null) return html``;
  const { remote } = player;
  const several = manifest.stems.length > 1 && only === null;
  const mix = mixAddress(remote, manifest, mixer.state.value, format);
  const mixLine =
    mix === null
      ? html`<a aria-disabled="true" role="link">${say("nothing_audible")}</a>`
      : html`<a class="first" href=${mix} download>${say("download_mix")}</a>`;
  return html`<ul class="takes">
    ${several ? html`<li>${mixLine}</li>` : ""}
    ${manifest.stems.map(({ name }, stem) =>
      only === null || only === stem
        ? html`<li><a class=${several ? "" : "first"} href=${stemAddress(remote, name, format)} download
        data-colour=${stemColour(stem)}><span class="dot"></span><span class="part">${stemTitle(name)}</span></a></li>`
        : "",
    )}
    ${several ? html`<li><a href=${archiveAddress(remote, format)} download>${say("download_all")}</a></li>` : ""}
  </ul>`;
}

export function helpDialog(
  rules: readonly KeyRule[],
  everywhere: boolean,
  setEverywhere: (on: boolean) => void,
): TemplateResult {
  const lines = rules.map(
    ({
      shown,
      text,
    }) => html`<dt>${shown.map((one) => (one === "…" ? one : html`<kbd>${one}</kbd> `))}</dt>
      <dd>${say(text)}</dd>`,
  );
  const flip = (event: Event) => setEverywhere((event.currentTarget as HTMLInputElement).checked);
  return frame(
    "help",
    say("help_title"),
    html`<dl>${lines}</dl>
      <label><input type="checkbox" .checked=${everywhere} @change=${flip} />${say("keys_everywhere")}</label>`,
  );
}
