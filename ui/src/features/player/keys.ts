// What keys do. The help is made from this list, so that it cannot lag.
import type { Session } from "./session";
import type { TextName } from "./texts";

export interface KeyRule {
  // As they are shown.
  readonly shown: readonly string[];
  readonly text: TextName;
  matches(event: KeyboardEvent): boolean;
  act(session: Session, event: KeyboardEvent): void;
}

export interface KeyDoors {
  openHelp(): void;
  openDownloads(): void;
}

const STEP_S = 5;
const FINE_STEP_S = 1;

// Sliders have use for these themselves, and buttons for the space bar.
const SLIDER_KEYS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);
const PRESS_KEYS = new Set([" ", "Enter"]);

function is(...keys: string[]): (event: KeyboardEvent) => boolean {
  return (event) => keys.includes(event.key.length === 1 ? event.key.toLowerCase() : event.key);
}

function move(sign: number): KeyRule["act"] {
  return ({ player }, event) =>
    player.seek(player.position_s + sign * (event.shiftKey ? FINE_STEP_S : STEP_S));
}

export function keyRules(doors: KeyDoors): KeyRule[] {
  const rule = (
    shown: string[],
    text: TextName,
    matches: KeyRule["matches"],
    act: KeyRule["act"],
  ): KeyRule => ({ shown, text, matches, act });
  return [
    rule(["Space", "K"], "key_play", is(" ", "k"), ({ player }) => player.toggle()),
    rule(["←"], "key_back", is("ArrowLeft"), move(-1)),
    rule(["→"], "key_forward", is("ArrowRight"), move(1)),
    rule(["Home"], "key_start", is("Home"), ({ player }) => player.seek(0)),
    rule(["End"], "key_end", is("End"), ({ player }) => player.seek(player.available_s)),
    rule(["1", "…", "9"], "key_stem", is(..."123456789"), (session, event) =>
      session.choose(Number(event.key) - 1),
    ),
    rule(["M"], "key_mute", is("m"), (session) => session.flip(session.chosen.value, "muted")),
    rule(["S"], "key_solo", is("s"), (session) => session.flip(session.chosen.value, "soloed")),
    rule(["↑", "↓"], "key_louder", is("ArrowUp", "ArrowDown"), (session, event) =>
      session.nudgeGain(session.chosen.value, event.key === "ArrowUp" ? 1 : -1),
    ),
    rule([",", "."], "key_pan", is(",", "."), (session, event) =>
      session.nudgePan(session.chosen.value, event.key === "." ? 0.1 : -0.1),
    ),
    rule(["L"], "key_loop", is("l"), (session) => session.toggleLoop()),
    rule(["[", "]"], "key_loop_from", is("[", "]"), (session, event) =>
      session.loopEdge(event.key === "[" ? "start" : "end"),
    ),
    rule(["+", "−", "0"], "key_zoom", is("+", "=", "-", "0"), ({ shown, player }, event) => {
      if (event.key === "0") shown.showAll();
      else shown.zoom(event.key === "-" ? 0.5 : 2, player.position_s);
    }),
    rule(["PgUp", "PgDn"], "key_master", is("PageUp", "PageDown"), ({ mixer }, event) =>
      mixer?.setMaster(mixer.state.value.master_db + (event.key === "PageUp" ? 2 : -2)),
    ),
    rule(["D"], "key_download", is("d"), () => doors.openDownloads()),
    rule(["?"], "key_help", is("?"), () => doors.openHelp()),
  ];
}

// Whether whoever has the focus has its own use for the key.
export function isTaken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("dialog")) return true;
  if (target instanceof HTMLInputElement && target.type === "range") {
    return SLIDER_KEYS.has(event.key) || event.key.startsWith("Page");
  }
  if (target.matches("input, select, textarea, [contenteditable]")) return true;
  return target.matches("button, a, summary") && PRESS_KEYS.has(event.key);
}
