// Follows unfinished jobs: the first two by their event streams, the rest by asking now and then. A
// browser opens six connections to a server at most, and needs some of them for other things.

import type { Owner, Release } from "../../ui/owner";
import { address } from "../../ui/page";
import { isUnfinished, type Job, jobs, look, put } from "./jobs";

const STREAMS = 2;
const PERIOD_MS = 3000;
const BACK_OFF_MS = 2000;

interface Progress {
  readonly status: Job["status"];
  readonly place: number | null;
  readonly done_samples: number;
  readonly total_samples: number | null;
  readonly fraction: number | null;
  readonly remaining_s: number | null;
}

const EVENTS = ["queued", "started", "retrying", "succeeded", "failed", "canceled", "expired"];

export class Follower {
  readonly #owner: Owner;
  readonly #streams = new Map<string, Release>();

  constructor(owner: Owner) {
    this.#owner = owner;
    owner.hold(jobs.subscribe(() => this.#arrange()));
    owner.every(PERIOD_MS, () => this.#ask());
    owner.hold(() => {
      for (const release of this.#streams.values()) release();
    });
    this.#arrange();
  }

  #arrange(): void {
    const open = jobs.value.filter(isUnfinished);
    for (const [id, release] of [...this.#streams]) {
      if (open.some((job) => job.id === id)) continue;
      this.#streams.delete(id);
      release();
    }
    // The oldest first: they run or are the next to run.
    for (const job of [...open].reverse()) {
      if (this.#streams.size >= STREAMS) return;
      if (!this.#streams.has(job.id)) this.#streams.set(job.id, this.#stream(job.id));
    }
  }

  #stream(id: string): Release {
    const source = new EventSource(address(`/v1/jobs/${id}/events`));
    const close = this.#owner.hold(() => source.close());
    for (const name of EVENTS) {
      this.#owner.listen(source, `job.${name}`, () => void this.#refresh(id));
    }
    this.#owner.listen<MessageEvent<string>>(source, "progress", (event) =>
      this.#note(id, JSON.parse(event.data) as Progress),
    );
    // The stream ends with the job, and the browser takes every end for an accident.
    this.#owner.listen(source, "error", () => {
      close();
      this.#owner.after(BACK_OFF_MS, () => {
        if (this.#streams.delete(id)) void this.#refresh(id).then(() => this.#arrange());
      });
    });
    return close;
  }

  #note(id: string, news: Progress): void {
    const job = jobs.value.find((one) => one.id === id);
    if (job === undefined || !isUnfinished(job)) return;
    if (news.status !== job.status) {
      void this.#refresh(id);
      return;
    }
    const { done_samples, total_samples, fraction, remaining_s, place } = news;
    const queue = job.queue === null || place === null ? job.queue : { ...job.queue, place };
    const progress =
      job.status === "processing" ? { done_samples, total_samples, fraction, remaining_s } : null;
    put({ ...job, queue, progress });
  }

  async #refresh(id: string): Promise<void> {
    // A job that was deleted elsewhere, or a server that rests: the next look tells.
    await look(id, this.#owner.signal).catch(() => undefined);
  }

  #ask(): void {
    if (document.hidden) return;
    for (const job of jobs.value.filter(isUnfinished)) {
      if (!this.#streams.has(job.id)) void this.#refresh(job.id);
    }
  }
}
