// The player as it stands: everything but what moves.
import { html, type TemplateResult } from "lit";
import { downloadIcon, helpIcon, wholeIcon, zoomInIcon, zoomOutIcon } from "./icons";
import { lane, stemRow } from "./rows";
import type { Session } from "./session";
import { say, stemTitle } from "./texts";
import { clock } from "./time";
import { playButton, seekSlider, timeText } from "./transport";

export interface HeaderDoors {
  readonly openHelp: () => void;
  readonly openDownloads: (() => void) | null;
}

export function header({ manifest }: Session, doors: HeaderDoors): TemplateResult {
  const { openDownloads, openHelp } = doors;
  return html`<header>
    <div class="what">
      <div class="title" dir="auto">${manifest?.title ?? say("loading")}</div>
      <div class="artist" dir="auto">${manifest?.artist ?? ""}</div>
    </div>
    ${openDownloads === null ? "" : iconButton(say("download"), downloadIcon, openDownloads)}
    ${iconButton(say("help"), helpIcon, openHelp)}
  </header>`;
}

export function iconButton(name: string, icon: TemplateResult, act: () => void): TemplateResult {
  return html`<button aria-label=${name} title=${name} @click=${act}>${icon}</button>`;
}

// What a listener must know: that it waits, what for, and what to do.
export function notice({ player }: Session): TemplateResult {
  const { problem } = player.state.value;
  if (problem !== null) {
    return html`<div class="notice problem" role="alert"><span>${say(problem.kind)}</span>
      <button @click=${() => player.retry()}>${say("retry")}</button></div>`;
  }
  const text = news(player);
  return html`<div role="status">${text === null ? "" : html`<div class="notice">${text}</div>`}</div>`;
}

function news(player: Session["player"]): string | null {
  const { loading, hunger } = player.state.value;
  if (loading.kind === "waiting") return say(loading.queued ? "queued" : "separating_first");
  if (hunger === "separation") return say("hungry_separation");
  if (hunger === "network") return say("hungry_network");
  if (loading.kind !== "ready" || loading.manifest.complete) return null;
  // In whole tens of seconds: a status that is read aloud must not chatter.
  const available = clock(Math.floor(player.available_s / 10) * 10);
  return say("separating", { available, duration: clock(player.duration_s) });
}

export function stage(session: Session, rows: number): TemplateResult {
  const { player, shown } = session;
  const { from_s, span_s } = shown.state.value;
  const around_s = () => player.position_s;
  return html`<div class="stage">
      <div class="top">
        <div class="zooms">
          ${iconButton(say("zoom_out"), zoomOutIcon, () => shown.zoom(0.5, around_s()))}
          ${iconButton(say("zoom_in"), zoomInIcon, () => shown.zoom(2, around_s()))}
          ${iconButton(say("zoom_all"), wholeIcon, () => shown.showAll())}
        </div>
        <div class="ruler"><canvas aria-hidden="true"></canvas></div>
      </div>
      ${session.stems.map((_, stem) => stemRow(session, stem))}
      ${session.manifest === null ? Array.from({ length: rows }, emptyRow) : ""} ${over(session)}
    </div>
    ${
      shown.whole
        ? ""
        : html`<div class="scroll"><input type="range" aria-label=${say("scroll")} min="0" step="any"
            .max=${String(shown.duration_s - span_s)} .value=${String(from_s)}
            aria-valuetext=${clock(from_s)}
            @input=${(event: Event) => shown.scrollTo(Number((event.currentTarget as HTMLInputElement).value))} /></div>`
    }`;
}

// Keeps the room of a stem that is not known yet.
function emptyRow(): TemplateResult {
  return html`<div class="row" aria-hidden="true"><div class="strip"></div><div class="lane"></div></div>`;
}

export function over({ player, manifest }: Session): TemplateResult {
  const { loop } = player.state.value;
  const rate = manifest?.sample_rate ?? 1;
  const edge = (kind: "from" | "to") =>
    html`<button class="edge ${kind}" tabindex="-1" aria-label=${say(kind === "from" ? "loop_start" : "loop_end")}></button>`;
  const name =
    loop === null
      ? ""
      : say("loop_on", { start: clock(loop.start / rate, 1), end: clock(loop.end / rate, 1) });
  return html`<div class="over">
    <div class="todo"></div>
    ${loop === null ? "" : html`<div class="region" role="group" aria-label=${name}>${edge("from")}${edge("to")}</div>`}
    <div class="head"></div>
  </div>`;
}

// One stem, one button; where the song has more, what is left out can be compared.
export function single(
  session: Session,
  stem: number,
  openHelp: (() => void) | null,
): TemplateResult {
  const { mixer, stems } = session;
  const soloed = mixer?.state.value.stems[stem]?.soloed ?? false;
  const name = stemTitle(stems[stem]?.name ?? "");
  const choice = (text: string, on: boolean, solo: boolean) =>
    html`<button aria-pressed=${on} @click=${() => mixer?.change(stem, { soloed: solo })}>${text}</button>`;
  return html`<div class="solo-stage" data-stem=${stem}>
      ${playButton(session)}
      <div class="stage-one">${lane(session, stem)} ${over(session)}</div>
    </div>
    <div class="transport">
      ${timeText()} ${seekSlider(session)}
      ${
        stems.length < 2
          ? ""
          : html`<div class="compare" role="group" aria-label=${say("compare")}>
              ${choice(name, soloed, true)} ${choice(say("original"), !soloed, false)}</div>`
      }
      ${openHelp === null ? "" : html`<span class="help">${iconButton(say("help"), helpIcon, openHelp)}</span>`}
    </div>`;
}
