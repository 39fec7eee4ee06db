// What the player says. The page's language comes with the page (see ui/page.ts), under "player";
// on other people's pages it speaks English.

const ENGLISH = {
  player: "Player",
  loading: "Loading …",
  queued: "In the queue. It plays as soon as the first seconds are there.",
  separating_first: "The first seconds are being separated …",
  separating: "Still being separated: {available} of {duration} can be played.",
  hungry_separation: "You have caught up with the separation. It goes on by itself.",
  hungry_network: "Waiting for the network …",
  expired: "This link, or the song's stems, have expired.",
  missing: "There is no such song here.",
  failed: "This song could not be separated.",
  network: "The connection was lost.",
  damaged: "A part of this song cannot be read.",
  unsupported: "This browser cannot play this song.",
  retry: "Try again",
  play: "Play",
  pause: "Pause",
  to_start: "To the beginning",
  position: "Position",
  position_of: "{position} of {duration}",
  loop: "Loop",
  loop_on: "Loop from {start} to {end}",
  loop_from: "Loop starts here",
  loop_to: "Loop ends here",
  loop_start: "Start of the loop",
  loop_end: "End of the loop",
  zoom_in: "Zoom in",
  zoom_out: "Zoom out",
  zoom_all: "Show the whole song",
  scroll: "Visible part",
  mute: "Mute {stem}",
  solo: "Solo {stem}",
  volume: "Volume of {stem}",
  pan: "Pan of {stem}",
  volume_value: "{gain} dB",
  silent_value: "off",
  pan_left: "{percent} % left",
  pan_right: "{percent} % right",
  pan_centre: "centre",
  silent: "This song has no such part",
  master: "Volume",
  level: "Level",
  reset: "Reset the mixer",
  share: "Copy a link to this moment",
  shared: "The link is copied.",
  download: "Download",
  download_title: "Take it home",
  format: "Format",
  download_mix: "The mix as you set it",
  download_all: "All stems in one ZIP",
  download_stem: "{stem}",
  not_complete: "Downloads are ready when the song is separated.",
  nothing_audible: "Everything is muted.",
  close: "Close",
  help: "Keyboard",
  help_title: "Keyboard",
  keys_everywhere: "Keys work on the whole page, not only in the player",
  key_play: "Play or pause",
  key_back: "Back 5 seconds (with Shift 1 second)",
  key_forward: "Forward 5 seconds (with Shift 1 second)",
  key_start: "To the beginning",
  key_end: "To the end",
  key_stem: "Choose a stem",
  key_mute: "Mute the chosen stem",
  key_solo: "Solo the chosen stem",
  key_louder: "Chosen stem louder or quieter",
  key_pan: "Pan the chosen stem left or right",
  key_loop: "Loop on or off",
  key_loop_from: "Loop starts or ends here",
  key_zoom: "Zoom in, out, to the whole song",
  key_master: "Volume up or down",
  key_download: "Downloads",
  key_help: "This help",
  chosen: "{stem} is chosen",
  original: "Original",
  compare: "Compare with the original",
};

export type TextName = keyof typeof ENGLISH;

type Words = Partial<Record<string, string>>;

interface FromPage {
  readonly player?: Words;
  readonly stems?: Words;
}

let read: FromPage | null = null;

function fromPage(): FromPage {
  const text = read === null ? document.getElementById("texts")?.textContent : null;
  read ??= text ? (JSON.parse(text) as FromPage) : {};
  return read;
}

// What people call a stem: the page may have a word for it, `stems.` and its name; else the name.
export const stemTitle = (name: string): string => fromPage().stems?.[name] ?? name;

export function say(
  name: TextName,
  values: Readonly<Record<string, string | number>> = {},
): string {
  const text = fromPage().player?.[name] ?? ENGLISH[name];
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => String(values[key] ?? whole));
}
