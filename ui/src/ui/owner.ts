// What a view starts ends with it: listeners, timers, frames and whatever else has to be let go.
// Raw calls are banned elsewhere (lint/raw-calls.grit).

export type Release = () => void;

export class Owner {
  #gone = new AbortController();

  // For fetch and for everything else that takes a signal: aborted at the end.
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  get ended(): boolean {
    return this.#gone.signal.aborted;
  }

  listen<E extends Event>(
    target: EventTarget,
    type: string,
    hear: (event: E) => void,
    options: AddEventListenerOptions = {},
  ): Release {
    const own = new AbortController();
    const signal = AbortSignal.any([own.signal, this.#gone.signal]);
    target.addEventListener(type, hear as EventListener, { ...options, signal });
    return () => own.abort();
  }

  after(delay_ms: number, act: () => void): Release {
    if (this.ended) return () => undefined;
    // What has happened is held no longer: an hour of frames would be two hundred thousand.
    const release = this.hold(() => clearTimeout(timer));
    const timer = setTimeout(() => {
      release();
      act();
    }, delay_ms);
    return release;
  }

  every(period_ms: number, act: () => void): Release {
    const timer = setInterval(act, period_ms);
    return this.hold(() => clearInterval(timer));
  }

  frame(act: (now_ms: number) => void): Release {
    if (this.ended) return () => undefined;
    const release = this.hold(() => cancelAnimationFrame(frame));
    const frame = requestAnimationFrame((now_ms) => {
      release();
      act(now_ms);
    });
    return release;
  }

  // Resolves after a pause, or rejects when the owner ends.
  pause(delay_ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.ended) {
        reject(this.signal.reason);
        return;
      }
      const release = this.hold(() => reject(this.signal.reason));
      this.after(delay_ms, () => {
        resolve();
        release();
      });
    });
  }

  // Calls `release` at the end, or earlier and once when the answer is called.
  hold(release: Release): Release {
    if (this.ended) {
      release();
      return () => undefined;
    }
    const once = () => {
      this.signal.removeEventListener("abort", once);
      release();
    };
    this.signal.addEventListener("abort", once, { once: true });
    return once;
  }

  end(): void {
    this.#gone.abort();
  }
}
