// A stem on the screen: its name, its switches and faders, its lane.
import { html, type TemplateResult } from "lit";
import { audible, LOUDEST_DB, QUIETEST_DB } from "../../player/mixer";
import type { Session } from "./session";
import { say, stemTitle } from "./texts";

const COLOURS = [
  "#7c5cff",
  "#e0569b",
  "#e58a1f",
  "#2e9fd6",
  "#33a36b",
  "#b08900",
  "#8f6bd1",
  "#d4573f",
];

// Every stem has a colour by its place: the page's, or one of these.
export function stemColour(stem: number): string {
  return `var(--stem-${stem}, ${COLOURS[stem % COLOURS.length]})`;
}

export function gainText(gain_db: number): string {
  if (gain_db <= QUIETEST_DB) return say("silent_value");
  const gain = `${gain_db > 0 ? "+" : ""}${Number(gain_db.toFixed(1))}`.replace("-", "−");
  return say("volume_value", { gain });
}

export function panText(pan: number): string {
  if (pan === 0) return say("pan_centre");
  return say(pan < 0 ? "pan_left" : "pan_right", { percent: Math.round(Math.abs(pan) * 100) });
}

const numberOf = (event: Event) => Number((event.currentTarget as HTMLInputElement).value);

export function stemRow(session: Session, stem: number): TemplateResult {
  const name = stemTitle(session.stems[stem]?.name ?? "");
  const chosen = session.chosen.value === stem;
  return html`<div class="row" role="group" aria-label=${name} data-stem=${stem} ?data-chosen=${chosen}
    @focusin=${() => session.choose(stem)}>
    <div class="strip">
      <div class="name"><span>${name}</span></div>
      ${switches(session, stem, name)} ${faders(session, stem, name)}
    </div>
    ${lane(session, stem)}
  </div>`;
}

export function lane(session: Session, stem: number): TemplateResult {
  const state = session.mixer?.state.value;
  const off = state !== undefined && !audible(state, stem);
  return html`<div class="lane ${off ? "off" : ""}">
    <canvas aria-hidden="true"></canvas>
    ${session.stems[stem]?.silent ? html`<span class="quiet">${say("silent")}</span>` : ""}
  </div>`;
}

function switches(session: Session, stem: number, name: string): TemplateResult {
  const setting = session.mixer?.state.value.stems[stem];
  return html`<div class="switches">
    <button class="mute" aria-label=${say("mute", { stem: name })} aria-pressed=${setting?.muted ?? false}
      @click=${() => session.flip(stem, "muted")}>M</button>
    <button class="solo" aria-label=${say("solo", { stem: name })} aria-pressed=${setting?.soloed ?? false}
      @click=${() => session.flip(stem, "soloed")}>S</button>
  </div>`;
}

function faders(session: Session, stem: number, name: string): TemplateResult {
  const { gain_db, pan } = session.mixer?.state.value.stems[stem] ?? { gain_db: 0, pan: 0 };
  const change = (part: { gain_db: number } | { pan: number }) => session.mixer?.change(stem, part);
  return html`<div class="faders">
    <input type="range" min=${QUIETEST_DB} max=${LOUDEST_DB} step="0.5" .value=${String(gain_db)}
      aria-label=${say("volume", { stem: name })} aria-valuetext=${gainText(gain_db)}
      @input=${(event: Event) => change({ gain_db: numberOf(event) })}
      @dblclick=${() => change({ gain_db: 0 })} />
    <input type="range" min="-1" max="1" step="0.1" .value=${String(pan)}
      aria-label=${say("pan", { stem: name })} aria-valuetext=${panText(pan)}
      title=${panText(pan)}
      @input=${(event: Event) => change({ pan: numberOf(event) })}
      @dblclick=${() => change({ pan: 0 })} />
    <output class="numbers">${gainText(gain_db)}</output>
  </div>`;
}
