// Follows a result that grows: reads its manifest again whenever there is news of its job.
import type { Owner } from "../ui/owner";
import type { Manifest } from "./manifest";
import { NotYet } from "./problems";
import type { Remote } from "./remote";

const SHORTEST_GAP_MS = 400;
// Without events it is asked for at this pace; with them, in case one is lost.
const PACE_MS = 1_000;
const PACE_WITH_EVENTS_MS = 5_000;
const ENDINGS = ["job.succeeded", "job.failed", "job.canceled", "job.expired"];

export interface Listener {
  onManifest(manifest: Manifest): void;
  onWaiting(queued: boolean): void;
  // How long the song will be, in samples.
  onExpected(total_samples: number): void;
}

export async function follow(remote: Remote, owner: Owner, listener: Listener): Promise<void> {
  let news: News | null = null;
  try {
    while (!owner.ended) {
      try {
        const manifest = await remote.manifest(owner.signal);
        listener.onManifest(manifest);
        if (manifest.complete) return;
      } catch (error) {
        if (!(error instanceof NotYet)) throw error;
        listener.onWaiting(error.queued);
      }
      news ??= new News(remote.eventsUrl, owner, listener);
      await Promise.all([owner.pause(SHORTEST_GAP_MS), news.next(owner)]);
    }
  } finally {
    news?.close();
  }
}

class News {
  readonly #events: EventSource | null;
  #wake: () => void = () => undefined;
  #done = -1;

  constructor(url: string | null, owner: Owner, listener: Listener) {
    this.#events = url === null ? null : new EventSource(url);
    if (this.#events === null) return;
    const hear = (event: MessageEvent<string>) => this.#hear(event.data, listener);
    for (const kind of ["progress", "job.started", ...ENDINGS]) {
      owner.listen(this.#events, kind, hear);
    }
  }

  // Something new, or time to look anyway.
  async next(owner: Owner): Promise<void> {
    const open = this.#events !== null && this.#events.readyState !== EventSource.CLOSED;
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([woken, owner.pause(open ? PACE_WITH_EVENTS_MS : PACE_MS)]);
  }

  close(): void {
    this.#events?.close();
  }

  #hear(data: string, listener: Listener): void {
    const event = JSON.parse(data) as { total_samples?: number | null; done_samples?: number };
    if (event.total_samples) listener.onExpected(event.total_samples);
    const done = event.done_samples ?? Number.NaN;
    if (done === this.#done) return;
    this.#done = done;
    this.#wake();
  }
}
