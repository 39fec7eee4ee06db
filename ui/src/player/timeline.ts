// Which sample of the song sounds in which frame of the audio context. Everything that is shown or
// scheduled is read from here: there is one clock, the context's.

export interface Region {
  // In samples of the song; the end is not part of it.
  readonly start: number;
  readonly end: number;
}

// A stretch of the song that is played without a jump.
export interface Span {
  // The context's frame that it begins in, and the one after its last.
  readonly frame: number;
  readonly endFrame: number;
  // The song's position at its first frame. It has a fraction where the rates differ.
  readonly position: number;
  readonly end: number;
}

interface Anchor {
  readonly frame: number;
  readonly position: number;
}

// What rounding may do to a frame that is meant to be whole.
const TOLERANCE = 1e-5;

export class Timeline {
  // Frames of the context for a sample of the song; 1 wherever the context could have its rate.
  readonly ratio: number;
  next: number;
  #anchor: Anchor | null = null;
  #spans: Span[] = [];

  constructor(ratio: number, position: number) {
    this.ratio = ratio;
    this.next = position;
  }

  // Where the next span begins; null until the first is placed.
  get nextFrame(): number | null {
    return this.#anchor === null ? null : this.#frameOf(this.next, this.#anchor);
  }

  // Goes on at `frame` with what would have come next: at the start, and after a stall.
  place(frame: number): void {
    this.#anchor = { frame, position: this.next };
  }

  // Adds the song up to `end`. Then comes `jump`, where that is given.
  append(end: number, jump: number | null): Span {
    const anchor = this.#anchor;
    if (anchor === null) throw new Error("nothing is placed yet");
    const frame = this.#frameOf(this.next, anchor);
    const exact = anchor.frame + (this.next - anchor.position) * this.ratio;
    const span: Span = {
      frame,
      endFrame: this.#frameOf(end, anchor),
      position: this.next + (frame - exact) / this.ratio,
      end,
    };
    this.#spans.push(span);
    if (jump === null) this.next = end;
    else {
      // Not rounded: a loop keeps its length however often it is played.
      const joint = anchor.frame + (end - anchor.position) * this.ratio;
      this.#anchor = { frame: joint, position: jump };
      this.next = jump;
    }
    return span;
  }

  // The song's position in a frame.
  position(frame: number): number {
    const span = this.#spans.findLast((one) => one.frame <= frame) ?? this.#spans[0];
    if (span === undefined) return this.next;
    const passed = Math.max(0, frame - span.frame) / this.ratio;
    return Math.min(span.end, span.position + passed);
  }

  // Forgets what comes from `frame` on; the song goes on there as it would have.
  cut(frame: number): void {
    const last = this.#spans.findLast((one) => one.frame < frame);
    if (last === undefined || frame >= last.endFrame) return;
    const position = last.position + (frame - last.frame) / this.ratio;
    this.#spans = this.#spans.filter((one) => one.frame < last.frame);
    this.#spans.push({ ...last, endFrame: frame, end: position });
    this.#anchor = { frame, position };
    this.next = position;
  }

  // Forgets what has been heard before `frame`.
  prune(frame: number): void {
    while (this.#spans.length > 1 && (this.#spans[1]?.frame ?? frame) < frame) this.#spans.shift();
  }

  #frameOf(position: number, anchor: Anchor): number {
    return Math.ceil(anchor.frame + (position - anchor.position) * this.ratio - TOLERANCE);
  }
}

// Where playing on from `position` stops being one stretch: at the end of what is there, of a
// segment of any stem, or of the loop.
export function stretchEnd(position: number, ends: readonly number[], loop: Region | null): number {
  const end = Math.min(...ends);
  return loop !== null && position < loop.end ? Math.min(end, loop.end) : end;
}
