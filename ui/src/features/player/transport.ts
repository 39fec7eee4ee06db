// The bar below: play, time, loop, volume.
import { html, nothing, type TemplateResult } from "lit";
import { LOUDEST_DB, QUIETEST_DB } from "../../player/mixer";
import {
  helpIcon,
  linkIcon,
  loopIcon,
  pauseIcon,
  playIcon,
  resetIcon,
  speakerIcon,
  startIcon,
} from "./icons";
import { gainText } from "./rows";
import type { Session } from "./session";
import { say } from "./texts";

export function playButton({ player, manifest }: Session): TemplateResult {
  const playing = player.state.value.transport === "playing";
  const name = say(playing ? "pause" : "play");
  return html`<button class="go" aria-label=${name} title=${name} ?disabled=${manifest === null}
    @click=${() => player.toggle()}>${playing ? pauseIcon : playIcon}</button>`;
}

// The slider that says where the song is, for everybody's eyes, ears and fingers.
export function seekSlider(session: Session): TemplateResult {
  const { player } = session;
  return html`<input class="seek" type="range" min="0" step="0.1" aria-label=${say("position")}
    .max=${String(Math.max(0.1, player.duration_s))} ?disabled=${session.manifest === null}
    @input=${(event: Event) => player.seek(Number((event.currentTarget as HTMLInputElement).value))} />`;
}

export function timeText(): TemplateResult {
  return html`<div class="time numbers"><b class="now">0:00.0</b> <span class="all"></span></div>`;
}

export function masterVolume(
  { mixer }: Session,
  openHelp: (() => void) | null = null,
): TemplateResult {
  const master_db = mixer?.state.value.master_db ?? 0;
  return html`<div class="master">
    ${speakerIcon}
    <input type="range" min=${QUIETEST_DB} max=${LOUDEST_DB} step="1" .value=${String(master_db)}
      aria-label=${say("master")} aria-valuetext=${gainText(master_db)}
      @input=${(event: Event) => mixer?.setMaster(Number((event.currentTarget as HTMLInputElement).value))} />
    <div class="meter" role="img" aria-label=${say("level")}>
      <div><i></i><u></u></div><div><i></i><u></u></div>
    </div>
    <button aria-label=${say("reset")} title=${say("reset")} @click=${() => mixer?.reset()}>${resetIcon}</button>
    ${
      openHelp === null
        ? ""
        : html`<button aria-label=${say("help")} title=${say("help")} @click=${openHelp}>${helpIcon}</button>`
    }
  </div>`;
}

export interface TransportDoors {
  readonly share: (() => void) | null;
  // Where there is no header that has it.
  readonly openHelp: (() => void) | null;
}

export function transport(session: Session, doors: TransportDoors): TemplateResult {
  const { share, openHelp } = doors;
  const { player } = session;
  const looped = player.state.value.loop !== null;
  const button = (name: string, icon: TemplateResult, act: () => void, pressed?: boolean) =>
    html`<button aria-label=${name} title=${name} aria-pressed=${pressed ?? nothing}
      @click=${act}>${icon}</button>`;
  return html`<div class="transport">
    ${button(say("to_start"), startIcon, () => player.seek(0))} ${playButton(session)}
    ${timeText()} ${seekSlider(session)}
    ${button(say("loop"), loopIcon, () => session.toggleLoop(), looped)}
    ${share === null ? "" : button(say("share"), linkIcon, share)}
    ${masterVolume(session, openHelp)}
  </div>`;
}
