// Drawn for this player; they take the colour of the text beside them.
import { html, type TemplateResult } from "lit";

const icon = (path: string, filled = false): TemplateResult => html`<svg viewBox="0 0 24 24"
  aria-hidden="true" class=${filled ? "filled" : "lined"}><path d=${path} /></svg>`;

export const playIcon = icon(
  "M7 4.6v14.8a1 1 0 0 0 1.5.86l12.3-7.4a1 1 0 0 0 0-1.72L8.5 3.74A1 1 0 0 0 7 4.6z",
  true,
);
export const pauseIcon = icon("M7 4h3.2v16H7zM13.8 4H17v16h-3.2z", true);
export const startIcon = icon("M6 5v14M19 5.5v13L9 12z");
export const loopIcon = icon(
  "M4 12a5 5 0 0 1 5-5h9m-3-3 3 3-3 3M20 12a5 5 0 0 1-5 5H6m3 3-3-3 3-3",
);
export const zoomInIcon = icon(
  "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20M7.5 10.5h6M10.5 7.5v6",
);
export const zoomOutIcon = icon(
  "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20M7.5 10.5h6",
);
export const wholeIcon = icon(
  "M4 6v12M20 6v12M7 12h10M9.5 9.5 7 12l2.5 2.5M14.5 9.5 17 12l-2.5 2.5",
);
export const downloadIcon = icon("M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 19.5h14");
export const helpIcon = icon(
  "M4 7.5h16v9H4zM7 10.5h.01M10.3 10.5h.01M13.7 10.5h.01M17 10.5h.01M8.5 13.5h7",
);
export const speakerIcon = icon(
  "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11",
);
export const linkIcon = icon(
  "M9.5 14.5l5-5M8 11l-2.2 2.2a3.5 3.5 0 0 0 5 5L13 16M16 13l2.2-2.2a3.5 3.5 0 0 0-5-5L11 8",
);
export const resetIcon = icon("M5 5v5h5M5.6 10A7.2 7.2 0 1 1 5 14");
