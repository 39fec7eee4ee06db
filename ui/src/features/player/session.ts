// What one song on the screen consists of: the player, the stretch that is shown, the chosen stem.
import type { Manifest } from "../../player/manifest";
import type { Mixer } from "../../player/mixer";
import { Player } from "../../player/player";
import { Store } from "../../player/store";
import { Owner } from "../../ui/owner";
import { ShownWindow } from "./window";

export class Session {
  readonly owner = new Owner();
  readonly player: Player;
  readonly shown = new ShownWindow();
  // The stem that keys without a number mean.
  readonly chosen = new Store(0);
  // Told when anything but the time has changed.
  readonly #changed: () => void;
  #watched: Mixer | null = null;

  constructor(src: string, changed: () => void) {
    this.#changed = changed;
    this.player = new Player(this.owner, { src });
    this.owner.hold(this.player.state.watch(() => this.#look()));
    this.owner.hold(this.shown.state.watch(changed));
    this.owner.hold(this.chosen.watch(changed));
  }

  get manifest(): Manifest | null {
    return this.player.manifest;
  }

  get mixer(): Mixer | null {
    return this.player.mixer;
  }

  get stems(): Manifest["stems"] {
    return this.manifest?.stems ?? [];
  }

  choose(stem: number): void {
    if (stem >= 0 && stem < this.stems.length) this.chosen.set(stem);
  }

  nudgeGain(stem: number, step_db: number): void {
    const setting = this.mixer?.state.value.stems[stem];
    if (setting) this.mixer?.change(stem, { gain_db: setting.gain_db + step_db });
  }

  nudgePan(stem: number, step: number): void {
    const setting = this.mixer?.state.value.stems[stem];
    if (setting) this.mixer?.change(stem, { pan: Math.round((setting.pan + step) * 10) / 10 });
  }

  flip(stem: number, what: "muted" | "soloed"): void {
    const setting = this.mixer?.state.value.stems[stem];
    if (setting) this.mixer?.change(stem, { [what]: !setting[what] });
  }

  // Loop on or off; without one yet, what is shown is looped, or the four seconds that follow.
  toggleLoop(): void {
    const { player } = this;
    if (player.state.value.loop !== null) {
      player.setLoop(null);
      return;
    }
    const here_s = player.position_s;
    const { from_s, span_s } = this.shown.state.value;
    const whole = this.shown.whole;
    const start_s = whole ? here_s : from_s;
    const end_s = whole ? Math.min(player.duration_s, here_s + 4) : from_s + span_s;
    player.setLoop({ start_s, end_s });
  }

  // Moves one end of the loop here; the other end stays, or is made.
  loopEdge(edge: "start" | "end", time_s = this.player.position_s): void {
    const { player } = this;
    const rate = this.manifest?.sample_rate ?? 1;
    const { loop } = player.state.value;
    const start_s = loop === null ? 0 : loop.start / rate;
    const end_s = loop === null ? player.duration_s : loop.end / rate;
    const region = edge === "start" ? { start_s: time_s, end_s } : { start_s, end_s: time_s };
    if (region.start_s < region.end_s) player.setLoop(region);
    else if (edge === "start") {
      player.setLoop({ start_s: time_s, end_s: Math.min(player.duration_s, time_s + 4) });
    }
  }

  end(): void {
    this.owner.end();
  }

  #look(): void {
    const { mixer, player } = this;
    if (mixer !== null && mixer !== this.#watched) {
      this.#watched = mixer;
      this.owner.hold(mixer.state.watch(this.#changed));
    }
    this.shown.setDuration(player.duration_s);
    this.#changed();
  }
}
