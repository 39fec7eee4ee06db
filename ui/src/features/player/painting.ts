// Everything that moves: drawn from the clock, once a frame, and only while something moves.
import { drawOverview, drawRuler } from "./drawing";
import { Meter } from "./meter";
import type { Session } from "./session";
import { say } from "./texts";
import { clock } from "./time";

export class Painter {
  readonly #root: ShadowRoot;
  readonly #session: Session;
  #meter: Meter | null = null;
  #meteredOutput: AudioNode | null = null;
  #cancel: (() => void) | null = null;
  // What the canvases show, so that a frame without a change draws nothing.
  readonly #drawn = new WeakMap<HTMLCanvasElement, readonly unknown[]>();

  constructor(root: ShadowRoot, session: Session) {
    this.#root = root;
    this.#session = session;
  }

  // Draws what changed in the next frame, and goes on while the song plays.
  wake(): void {
    this.#cancel ??= this.#session.owner.frame((now_ms) => {
      this.#cancel = null;
      this.#paint(now_ms / 1000);
      if (this.#session.player.state.value.transport === "playing") this.wake();
    });
  }

  // Draws all anew: the size, the density or the colours of the screen changed.
  redraw(): void {
    for (const canvas of this.#all<HTMLCanvasElement>("canvas")) this.#drawn.delete(canvas);
    this.wake();
  }

  #paint(now_s: number): void {
    const { player, shown } = this.#session;
    const { position_s, duration_s } = player;
    if (player.state.value.transport === "playing") shown.follow(position_s);
    this.#lanes();
    this.#over(position_s);
    this.#numbers(position_s, duration_s);
    this.#level(now_s);
  }

  #lanes(): void {
    const { manifest, player, shown } = this.#session;
    const window = shown.state.value;
    const ruler = this.#one<HTMLCanvasElement>(".ruler canvas");
    if (ruler && this.#isStale(ruler, [window])) drawRuler(ruler, window);
    if (manifest === null) return;
    for (const canvas of this.#all<HTMLCanvasElement>(".lane canvas")) {
      const stem = Number(canvas.closest<HTMLElement>("[data-stem]")?.dataset["stem"] ?? 0);
      const overview = player.state.value.overviews[stem] ?? null;
      if (!this.#isStale(canvas, [window, overview, overview?.length_samples])) continue;
      drawOverview(canvas, { overview, shown: window, sample_rate: manifest.sample_rate });
    }
  }

  #isStale(canvas: HTMLCanvasElement, facts: readonly unknown[]): boolean {
    const before = this.#drawn.get(canvas);
    if (before?.every((fact, number) => fact === facts[number])) return false;
    this.#drawn.set(canvas, facts);
    return true;
  }

  // What lies over the lanes: play-head, loop, and what is not there yet.
  #over(position_s: number): void {
    const { player, manifest, shown } = this.#session;
    const { from_s, span_s } = shown.state.value;
    const over = this.#one(".over");
    if (!over || span_s === 0) return;
    const width = over.clientWidth;
    const x = (time_s: number) => ((time_s - from_s) / span_s) * width;
    this.#move(".head", x(position_s));
    this.#move(".todo", manifest?.complete ? width + 1 : x(player.available_s));
    const { loop } = player.state.value;
    const region = this.#one(".region");
    if (!region || !manifest || !loop) return;
    const start = x(loop.start / manifest.sample_rate);
    region.style.transform = `translateX(${start}px)`;
    region.style.width = `${x(loop.end / manifest.sample_rate) - start}px`;
  }

  #move(selector: string, x: number): void {
    const element = this.#one(selector);
    if (element) element.style.transform = `translateX(${x}px)`;
  }

  #numbers(position_s: number, duration_s: number): void {
    const now = this.#one(".now");
    const all = this.#one(".all");
    const text = clock(position_s, 1);
    if (now && now.textContent !== text) now.textContent = text;
    const whole = `/ ${clock(duration_s)}`;
    if (all && all.textContent !== whole) all.textContent = whole;
    const seek = this.#one<HTMLInputElement>(".seek");
    if (!seek) return;
    if (!seek.matches(":active")) seek.value = String(position_s);
    const spoken = say("position_of", { position: clock(position_s), duration: clock(duration_s) });
    if (seek.getAttribute("aria-valuetext") !== spoken) seek.setAttribute("aria-valuetext", spoken);
  }

  #level(now_s: number): void {
    const { context, output } = this.#session.player;
    const scale = this.#one(".meter");
    if (!scale || !context || !output) return;
    if (output !== this.#meteredOutput) {
      this.#meter = new Meter(context, output);
      this.#meteredOutput = output;
    }
    const sides = this.#meter?.read(now_s) ?? [];
    const bars = this.#all<HTMLElement>(".meter div");
    sides.forEach(({ level, held }, side) => {
      const bar = bars[side];
      const [filled, line] = [bar?.querySelector("i"), bar?.querySelector("u")];
      if (filled) filled.style.transform = `scaleX(${level})`;
      if (line) {
        line.style.opacity = held > 0 ? "0.7" : "0";
        line.style.insetInlineStart = `calc(${held * 100}% - 2px)`;
      }
    });
    scale.classList.toggle("clipped", this.#meter?.clipped ?? false);
  }

  #one<E extends HTMLElement = HTMLElement>(selector: string): E | null {
    return this.#root.querySelector<E>(selector);
  }

  #all<E extends HTMLElement>(selector: string): E[] {
    return [...this.#root.querySelectorAll<E>(selector)];
  }
}
