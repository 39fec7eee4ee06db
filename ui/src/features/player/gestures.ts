// Mouse and fingers on the lanes and the ruler: seek, loop, scroll, zoom.
import type { Session } from "./session";

const LEAST_DRAG = 5;

export class Gestures {
  readonly #root: ShadowRoot;
  readonly #session: Session;
  // Fingers that are down on a lane, with where they began.
  readonly #down = new Map<number, { x: number; startX: number; startFrom_s: number }>();
  #moved = false;

  constructor(root: ShadowRoot, session: Session) {
    this.#root = root;
    this.#session = session;
    const { owner } = session;
    const host = root as unknown as EventTarget;
    owner.listen<PointerEvent>(host, "pointerdown", (event) => this.#begin(event));
    owner.listen<PointerEvent>(host, "pointermove", (event) => this.#move(event));
    owner.listen<PointerEvent>(host, "pointerup", (event) => this.#end(event, true));
    owner.listen<PointerEvent>(host, "pointercancel", (event) => this.#end(event, false));
    owner.listen<WheelEvent>(host, "wheel", (event) => this.#wheel(event), { passive: false });
  }

  #place(event: MouseEvent): { kind: string; time_s: number; x: number; width: number } | null {
    const target = event.target as HTMLElement;
    const edge = target.closest?.(".edge");
    const area = target.closest?.(".lane, .ruler");
    const kind = edge
      ? edge.classList.contains("from")
        ? "from"
        : "to"
      : area?.classList.contains("lane")
        ? "lane"
        : area
          ? "ruler"
          : null;
    const over = this.#root.querySelector(".over")?.getBoundingClientRect();
    if (kind === null || !over || this.#session.manifest === null) return null;
    const { from_s, span_s } = this.#session.shown.state.value;
    const x = event.clientX - over.left;
    return { kind, x, width: over.width, time_s: from_s + (x / over.width) * span_s };
  }

  #timeAt(clientX: number): number {
    const over = this.#root.querySelector(".over")?.getBoundingClientRect();
    const { from_s, span_s } = this.#session.shown.state.value;
    if (!over) return 0;
    const share = Math.min(1, Math.max(0, (clientX - over.left) / over.width));
    return from_s + share * span_s;
  }

  #dragged: "lane" | "ruler" | "from" | "to" | null = null;

  #begin(event: PointerEvent): void {
    const place = this.#place(event);
    if (place === null || event.button !== 0) return;
    if (this.#down.size === 0) {
      this.#dragged = place.kind as "lane" | "ruler" | "from" | "to";
      this.#moved = false;
    }
    const startFrom_s = this.#session.shown.state.value.from_s;
    this.#down.set(event.pointerId, { x: event.clientX, startX: event.clientX, startFrom_s });
    (event.target as HTMLElement).setPointerCapture(event.pointerId);
  }

  #move(event: PointerEvent): void {
    const finger = this.#down.get(event.pointerId);
    if (!finger) return;
    const others = [...this.#down].filter(([id]) => id !== event.pointerId);
    const other = others[0]?.[1];
    const before = finger.x;
    finger.x = event.clientX;
    if (Math.abs(finger.x - finger.startX) > LEAST_DRAG) this.#moved = true;
    if (!this.#moved) return;
    if (other) this.#pinch(before, finger.x, other.x);
    else if (this.#dragged === "from" || this.#dragged === "to") {
      this.#session.loopEdge(this.#dragged === "from" ? "start" : "end", this.#timeAt(finger.x));
    } else if (this.#dragged === "ruler") this.#select(finger.startX, finger.x);
    else if (event.pointerType === "touch") this.#drag(finger);
    else this.#session.player.seek(this.#timeAt(finger.x));
  }

  #end(event: PointerEvent, meant: boolean): void {
    const finger = this.#down.get(event.pointerId);
    if (!finger) return;
    this.#down.delete(event.pointerId);
    const tap = meant && !this.#moved && this.#down.size === 0;
    if (tap && (this.#dragged === "lane" || this.#dragged === "ruler")) {
      this.#session.player.seek(this.#timeAt(event.clientX));
    }
  }

  #select(startX: number, x: number): void {
    const [start_s, end_s] = [this.#timeAt(startX), this.#timeAt(x)].sort((a, b) => a - b);
    if (start_s !== undefined && end_s !== undefined) {
      this.#session.player.setLoop({ start_s, end_s });
    }
  }

  #drag(finger: { x: number; startX: number; startFrom_s: number }): void {
    const width = this.#root.querySelector(".over")?.clientWidth ?? 1;
    const { span_s } = this.#session.shown.state.value;
    this.#session.shown.scrollTo(
      finger.startFrom_s - ((finger.x - finger.startX) / width) * span_s,
    );
  }

  #pinch(before: number, now: number, other: number): void {
    const [was, is] = [Math.abs(before - other), Math.abs(now - other)];
    if (was > 10 && is > 10) this.#session.shown.zoom(is / was, this.#timeAt((now + other) / 2));
  }

  // Sideways scrolls; with Ctrl, as touchpads send pinches, it zooms. The rest is the page's.
  #wheel(event: WheelEvent): void {
    const place = this.#place(event);
    if (place === null) return;
    const { shown } = this.#session;
    if (event.ctrlKey) {
      event.preventDefault();
      shown.zoom(Math.exp(-event.deltaY / 200), place.time_s);
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && !shown.whole) {
      event.preventDefault();
      const { from_s, span_s } = shown.state.value;
      shown.scrollTo(from_s + (event.deltaX / place.width) * span_s);
    }
  }
}
