// The look. Values come from the page's design system where it has one; elsewhere these stand in.
import { css } from "lit";

export const styles = css`
  :host {
    --_accent: var(--accent, light-dark(#5a3fd6, #a594ff));
    --_on-accent: var(--on-accent, light-dark(#fff, #14101f));
    --_surface: var(--surface, light-dark(#fff, #1b1823));
    --_background: var(--background, light-dark(#f7f6f9, #121017));
    --_text: var(--text, light-dark(#1d1a26, #f1eff6));
    --_muted: var(--muted, light-dark(#5c5769, #aaa4b8));
    --_border: var(--border, light-dark(#d9d5e3, #37323f));
    --_danger: var(--danger, light-dark(#a8201a, #ff8f87));
    --_focus: var(--focus, light-dark(#5a3fd6, #a594ff));
    --_radius: var(--radius, 0.75rem);
    display: block;
    container-type: inline-size;
    color: var(--_text);
    font-family: var(--font-body, system-ui, sans-serif);
    font-size: 0.9375rem;
    line-height: 1.4;
    text-align: start;
  }
  :host([hidden]) { display: none; }
  *, ::before, ::after { box-sizing: border-box; }
  .player {
    --_strip: 15rem;
    --_lane: 5.25rem;
    background: var(--_surface);
    border: 1px solid var(--_border);
    border-radius: var(--_radius);
    overflow: clip;
  }
  .player:focus-visible, :focus-visible { outline: 2px solid var(--_focus); outline-offset: 2px; }
  .player:focus-visible { outline-offset: -2px; }
  svg { display: block; flex: none; inline-size: 1.25rem; block-size: 1.25rem; }
  .lined { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
  .filled { fill: currentColor; }
  button, .button {
    appearance: none; font: inherit; color: inherit; background: none; border: 0; padding: 0;
    min-inline-size: 2.5rem; min-block-size: 2.5rem; border-radius: calc(var(--_radius) * 0.6);
    display: inline-grid; place-items: center; cursor: pointer;
  }
  button:hover, .button:hover { background: color-mix(in srgb, var(--_text) 8%, transparent); }
  button[aria-pressed="true"] { background: color-mix(in srgb, var(--_accent) 18%, transparent); color: var(--_accent); }
  button:disabled { opacity: 0.4; cursor: default; }
  .numbers { font-variant-numeric: tabular-nums; }

  header { display: flex; align-items: center; gap: 0.75rem; padding: 0.75rem 0.75rem 0.75rem 1.25rem; min-block-size: 4.5rem; }
  .what { flex: 1; min-inline-size: 0; }
  .title { font-family: var(--font-heading, inherit); font-weight: 650; font-size: 1.0625rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .artist { color: var(--_muted); font-size: 0.875rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .notice {
    display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 1rem;
    padding: 0.5rem 1.25rem; background: color-mix(in srgb, var(--_accent) 9%, transparent); font-size: 0.875rem;
  }
  .notice.problem { background: color-mix(in srgb, var(--_danger) 11%, transparent); color: var(--_danger); font-weight: 550; }
  .notice button { min-block-size: 2rem; padding-inline: 0.75rem; border: 1px solid currentColor; }

  .stage { position: relative; border-block-start: 1px solid var(--_border); }
  .row, .top { display: grid; grid-template-columns: var(--_strip) minmax(0, 1fr); }
  .row + .row { border-block-start: 1px solid color-mix(in srgb, var(--_border) 60%, transparent); }
  .row { --stem-colour: var(--_accent); position: relative; }
  .row[data-chosen]::before { content: ""; position: absolute; inset-block: 0; inset-inline-start: 0; inline-size: 3px; background: var(--stem-colour); z-index: 1; }
  .top { block-size: 2.25rem; border-block-end: 1px solid color-mix(in srgb, var(--_border) 60%, transparent); }
  .zooms { display: flex; align-items: center; justify-content: flex-end; padding-inline: 0.5rem; border-inline-end: 1px solid var(--_border); }
  .zooms button { min-block-size: 2rem; min-inline-size: 2rem; color: var(--_muted); }
  .strip { display: grid; grid-template: auto auto / minmax(0, 1fr) auto; gap: 0.25rem 0.5rem; align-content: center; padding: 0.5rem 0.75rem 0.5rem 1.25rem; border-inline-end: 1px solid var(--_border); }
  .name { display: flex; align-items: center; gap: 0.5rem; font-weight: 600; min-inline-size: 0; text-transform: capitalize; }
  .name span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .name::before { content: ""; flex: none; inline-size: 0.625rem; block-size: 0.625rem; border-radius: 50%; background: var(--stem-colour); }
  .switches { display: flex; gap: 0.25rem; }
  .switches button { min-inline-size: 1.875rem; min-block-size: 1.75rem; font-size: 0.8125rem; font-weight: 700; border: 1px solid var(--_border); color: var(--_muted); }
  .switches button.mute[aria-pressed="true"] { background: var(--_danger); border-color: transparent; color: var(--_surface); }
  .switches button.solo[aria-pressed="true"] { background: var(--stem-colour); border-color: transparent; color: var(--_surface); }
  .faders { grid-column: 1 / -1; display: grid; grid-template-columns: minmax(0, 1fr) 3.25rem 3.5rem; gap: 0.5rem; align-items: center; }
  .faders output { font-size: 0.75rem; color: var(--_muted); text-align: end; white-space: nowrap; }
  .lane { position: relative; block-size: var(--_lane); color: var(--stem-colour); cursor: text; touch-action: pan-y; transition: opacity 120ms; }
  .lane.off { opacity: 0.25; }
  .lane canvas, .ruler canvas { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; display: block; }
  .lane .quiet { position: absolute; inset: 0; display: grid; place-items: center; font-size: 0.8125rem; color: var(--_muted); }
  .ruler { position: relative; cursor: crosshair; touch-action: none; color: var(--_muted); font-size: 0.6875rem; }

  .over { position: absolute; inset-block: 0; inset-inline: var(--_strip) 0; pointer-events: none; overflow: clip; }
  .head, .todo, .region { position: absolute; inset-block: 0; inset-inline-start: 0; will-change: transform; }
  .head { inline-size: 2px; margin-inline-start: -1px; background: var(--_text); }
  .head::before { content: ""; position: absolute; inset-block-start: 1.5rem; inset-inline-start: -5px; border: 6px solid transparent; border-block-start-color: var(--_text); }
  .todo { inline-size: 100%; background: repeating-linear-gradient(-45deg, transparent 0 6px, color-mix(in srgb, var(--_muted) 14%, transparent) 6px 12px); }
  .region { background: color-mix(in srgb, var(--_accent) 13%, transparent); transform-origin: 0 0; border-inline: 2px solid var(--_accent); }
  .region .edge { position: absolute; inset-block-start: 0; block-size: 2.25rem; inline-size: 1.5rem; min-inline-size: 0; min-block-size: 0; pointer-events: auto; touch-action: none; cursor: ew-resize; border-radius: 0; }
  .region .edge::before { content: ""; inline-size: 0.5rem; block-size: 1rem; border-radius: 2px; background: var(--_accent); }
  .region .edge.from { inset-inline-start: -0.8rem; }
  .region .edge.to { inset-inline-end: -0.8rem; }
  .scroll { display: grid; grid-template-columns: var(--_strip) minmax(0, 1fr); block-size: 1.5rem; align-items: center; border-block-start: 1px solid var(--_border); }
  .scroll input { grid-column: 2; }

  .transport { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 0.5rem; padding: 0.625rem 0.75rem; border-block-start: 1px solid var(--_border); background: color-mix(in srgb, var(--_background) 55%, var(--_surface)); }
  .go { inline-size: 3.25rem; block-size: 3.25rem; border-radius: 50%; background: var(--_accent); color: var(--_on-accent); }
  .go:hover { background: color-mix(in srgb, var(--_accent) 88%, var(--_text)); }
  .go svg { inline-size: 1.5rem; block-size: 1.5rem; }
  .time { min-inline-size: 8.75rem; text-align: center; font-size: 0.9375rem; }
  .time b { font-weight: 650; }
  .time span { color: var(--_muted); }
  .seek { flex: 1 1 8rem; min-inline-size: 6rem; }
  .master { display: flex; align-items: center; gap: 0.5rem; color: var(--_muted); }
  .master input { inline-size: 6rem; }
  .meter { display: grid; gap: 2px; inline-size: 5rem; }
  .meter div { position: relative; block-size: 0.375rem; border-radius: 1rem; overflow: hidden; background: color-mix(in srgb, var(--_muted) 22%, transparent); }
  .meter i { position: absolute; inset: 0; transform-origin: 0 0; transform: scaleX(0); background: linear-gradient(90deg, #2f9e6b 0 60%, #d9a514 80%, #d8443a 96%); background-size: 5rem 100%; }
  .meter u { position: absolute; inset-block: 0; inline-size: 2px; background: var(--_text); opacity: 0; }
  .meter.clipped { outline: 2px solid var(--_danger); outline-offset: 2px; border-radius: 2px; }

  input[type="range"] { appearance: none; inline-size: 100%; block-size: 1.5rem; margin: 0; background: none; cursor: pointer; }
  input[type="range"]::-webkit-slider-runnable-track { block-size: 4px; border-radius: 4px; background: color-mix(in srgb, var(--_muted) 38%, transparent); }
  input[type="range"]::-moz-range-track { block-size: 4px; border-radius: 4px; background: color-mix(in srgb, var(--_muted) 38%, transparent); }
  input[type="range"]::-webkit-slider-thumb { appearance: none; inline-size: 14px; block-size: 14px; margin-block-start: -5px; border-radius: 50%; background: var(--_text); border: 2px solid var(--_surface); }
  input[type="range"]::-moz-range-thumb { inline-size: 12px; block-size: 12px; border-radius: 50%; background: var(--_text); border: 2px solid var(--_surface); }

  dialog { color: var(--_text); background: var(--_surface); border: 1px solid var(--_border); border-radius: var(--_radius); padding: 1.25rem; inline-size: min(30rem, calc(100vw - 2rem)); max-block-size: calc(100dvh - 2rem); }
  dialog::backdrop { background: rgb(10 8 16 / 0.55); }
  dialog h2 { margin: 0 0 1rem; font-size: 1.125rem; font-family: var(--font-heading, inherit); display: flex; justify-content: space-between; align-items: center; }
  dialog dl { display: grid; grid-template-columns: auto 1fr; gap: 0.5rem 1rem; margin: 0 0 1rem; align-items: center; }
  dialog dd { margin: 0; }
  dialog label { display: flex; gap: 0.5rem; align-items: center; }
  kbd { font: inherit; font-size: 0.8125rem; border: 1px solid var(--_border); border-block-end-width: 2px; border-radius: 0.375rem; padding: 0.0625rem 0.4375rem; background: var(--_background); }
  .takes { display: grid; gap: 0.375rem; margin-block: 0.875rem 0; padding: 0; list-style: none; }
  .takes a { display: flex; align-items: center; gap: 0.625rem; min-block-size: 2.75rem; padding-inline: 0.875rem; border: 1px solid var(--_border); border-radius: calc(var(--_radius) * 0.6); color: inherit; text-decoration: none; text-transform: none; }
  .takes a:hover { background: color-mix(in srgb, var(--_text) 6%, transparent); }
  .takes a.first { background: var(--_accent); color: var(--_on-accent); border-color: transparent; }
  .takes a:not([href]) { opacity: 0.55; }
  .takes .dot { inline-size: 0.625rem; block-size: 0.625rem; border-radius: 50%; background: var(--stem-colour); }
  .takes .part { text-transform: capitalize; }
  select { font: inherit; color: inherit; background: var(--_background); border: 1px solid var(--_border); border-radius: calc(var(--_radius) * 0.6); padding: 0.5rem 0.75rem; min-block-size: 2.5rem; }
  .unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

  .solo-stage { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 1rem; align-items: center; padding: 1.25rem; }
  .solo-stage .go { inline-size: 4.5rem; block-size: 4.5rem; }
  .solo-stage .go svg { inline-size: 2rem; block-size: 2rem; }
  .solo-stage .lane { block-size: 6rem; }
  .stage-one { position: relative; }
  .solo-stage .over { inset-inline: 0; }
  .compare { display: inline-flex; border: 1px solid var(--_border); border-radius: calc(var(--_radius) * 0.6); padding: 2px; }
  .compare button { padding-inline: 0.875rem; min-block-size: 2.25rem; text-transform: capitalize; }

  @container (max-width: 46rem) {
    .player { --_strip: 0rem; --_lane: 3.5rem; }
    .row, .top, .scroll { grid-template-columns: minmax(0, 1fr); }
    .zooms { position: absolute; inset-inline-end: 0; inset-block-start: 0; z-index: 2; border: 0; background: var(--_surface); block-size: 2.125rem; }
    .strip { position: relative; z-index: 1; background: var(--_surface); border: 0; padding: 0.625rem 0.875rem 0.25rem; }
    .row[data-chosen]::before { z-index: 2; }
    .strip { min-block-size: 5.125rem; }
    .switches button { min-inline-size: 2.75rem; min-block-size: 2.5rem; }
    .scroll input { grid-column: 1; }
    .transport { justify-content: space-between; }
    .stage ~ .transport { position: sticky; inset-block-end: 0; z-index: 3; }
    .seek { order: -1; flex-basis: 100%; }
    .time { min-inline-size: 0; }
    .master { flex: 1 1 100%; padding-inline: 0.5rem; }
    .master input { inline-size: 0; flex: 1; }
    .solo-stage { padding: 1rem; }
    /* Phones have no keys; ? still opens the help. */
    .solo-stage + .transport .help { display: none; }
    .solo-stage .go { inline-size: 3.75rem; block-size: 3.75rem; }
  }
  @media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
  @media (forced-colors: active) { .head { background: CanvasText; } .name::before { forced-color-adjust: none; } }
`;
