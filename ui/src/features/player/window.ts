// The stretch of the song that is shown: zoom and scroll.
import { Store } from "../../player/store";

export interface Shown {
  readonly from_s: number;
  readonly span_s: number;
}

// Closer than this there is nothing more to see: the overview has a point for 23 ms.
const CLOSEST_S = 2;

export class ShownWindow {
  readonly state = new Store<Shown>({ from_s: 0, span_s: 0 });
  #duration_s = 0;
  #whole = true;

  get whole(): boolean {
    return this.#whole;
  }

  get duration_s(): number {
    return this.#duration_s;
  }

  setDuration(duration_s: number): void {
    if (duration_s === this.#duration_s) return;
    this.#duration_s = duration_s;
    const { from_s, span_s } = this.state.value;
    this.#set(from_s, this.#whole ? duration_s : span_s);
  }

  // `factor` above 1 shows less; `around_s` stays where it is.
  zoom(factor: number, around_s: number): void {
    const { from_s, span_s } = this.state.value;
    if (span_s === 0) return;
    const next_s = this.#clamp(span_s / factor);
    const share = Math.min(1, Math.max(0, (around_s - from_s) / span_s));
    this.#set(around_s - share * next_s, next_s);
  }

  showAll(): void {
    this.#set(0, this.#duration_s);
  }

  scrollTo(from_s: number): void {
    this.#set(from_s, this.state.value.span_s);
  }

  // Turns the page when the play-head leaves it.
  follow(position_s: number): void {
    const { from_s, span_s } = this.state.value;
    if (this.#whole || (position_s >= from_s && position_s < from_s + span_s)) return;
    this.scrollTo(position_s - span_s * 0.05);
  }

  #clamp(span_s: number): number {
    return Math.max(Math.min(CLOSEST_S, this.#duration_s), Math.min(this.#duration_s, span_s));
  }

  #set(from_s: number, span_s: number): void {
    const span = this.#clamp(span_s);
    this.#whole = span >= this.#duration_s;
    const from = Math.max(0, Math.min(this.#duration_s - span, from_s));
    this.state.patch({ from_s: from, span_s: span });
  }
}
